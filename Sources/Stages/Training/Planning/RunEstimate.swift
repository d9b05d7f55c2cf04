import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels

/// What a run takes, according to a few of its steps.
public struct RunEstimate: Equatable, Sendable, BitwiseCopyable {
  /// How long a step takes, an epoch of steps, and the whole run with its start, validations,
  /// checkpoints and end, in seconds.
  public var stepSeconds, epochSeconds, runSeconds: Double
  /// The tokens of a second of steps, as they are counted while a run is trained.
  public var tokensPerSecond: Double
  /// How many steps, validations and checkpoints there are, at most.
  public var steps, validations, checkpoints: Int
  /// How long a validation takes, and a checkpoint.
  public var validationSeconds, checkpointSeconds: Double
  /// The size of a checkpoint and of the final model, and how much of the disk the run needs at once,
  /// at least and at most.
  public var checkpointBytes, finalBytes: Int
  public var disk: DiskNeed
}

/// How many bytes a run writes that are on the disk at the same time.
public struct DiskNeed: Equatable, Sendable, BitwiseCopyable {
  /// What is certain: a run that has less cannot end.
  public var atLeast: Int
  /// What is needed if each validation finds a new best model.
  public var atMost: Int
}

extension Trainer {
  /// How much of the disk a run of `total` steps needs for what comes after step `first`.
  public func diskNeed(steps total: Int, after first: Int) throws(FileError) -> DiskNeed {
    let validates = settings.loadsBestModelAtEnd && state.evaluationSteps < total
    // Early stopping, or the time, may end the run after its first checkpoint.
    let isCertain = settings.earlyStopping == nil && settings.timeBudget == nil
    let due = max(0, max(0, total - 1) / settings.saveSteps - first / settings.saveSteps)
    var (kept, written) = (due, due)
    if let limit = settings.saveTotalLimit {
      let existing = first == 0 ? 0 : try folder.checkpointSteps().count
      kept = min(due, max(0, limit - existing))
      // A checkpoint is complete before an older one is removed.
      written = min(due, kept + 1)
    }
    let best = validates && state.best == nil ? 1 : 0
    let others = settings.saveMinutes == nil && !validates ? 0 : 1
    let size = checkpointByteCount
    return DiskNeed(
      atLeast: max(isCertain ? written : 0, best) * size + model.finalByteCount,
      atMost: (max(written, kept + others) + (validates ? 1 : 0)) * size + model.finalByteCount)
  }

  /// How many bytes the run needs that are not free on its disk, if that is certain, and how many
  /// there are.
  public func diskShortage() throws(FileError) -> (needed: Int, free: Int)? {
    // An earlier run that is set aside takes the place of one that was set aside before.
    guard !replacesEarlierRun || !Folder.exists(folder.previousPath),
      let free = Folder.freeBytes(at: folder.path)
    else { return nil }
    let needed = try diskNeed(steps: totalSteps, after: state.globalStep).atLeast
    return needed > free ? (needed, free) : nil
  }

  /// Measures a few steps and validations and estimates the whole run; the model's weights change, and
  /// nothing is written.
  ///
  /// The session of the trainer's clock is counted as the start of the run. The disk takes
  /// `diskSpeed` bytes in a second. `progress` is called before each step.
  ///
  /// - Throws: ``InputError`` if the loss is not finite; what `progress` throws.
  public func estimate(
    diskSpeed: Double?, progress: () throws -> Void
  ) throws -> RunEstimate {
    model.updateBFloat16Weights()
    func seconds(_ work: () throws -> Void) throws -> Double {
      try progress()
      let begin = clock.now()
      try work()
      return clock.now() - begin
    }
    // It prepares much that the others need.
    _ = try seconds { _ = try step() }
    let start = clock.elapsed
    var times: [Double] = []
    let begin = clock.now()
    repeat {
      times.append(try seconds { _ = try step() })
    } while times.count < 3 || clock.now() - begin < Self.measuredSeconds && times.count < 200
    var costs = RunCosts()
    costs.step = times.reduce(0, +) / Double(times.count)
    costs.validation = try measuredValidation(seconds)
    costs = estimatedCosts(costs, diskSpeed: diskSpeed ?? Self.assumedDiskSpeed)

    var steps = totalSteps
    if let timeLeft {
      let left = timeLeft + clock.elapsed - start
      (steps, costs.evaluationSteps) =
        settings.timeBudget?.fitsEvaluation == true
        ? costs.fittedSteps(within: left, after: 0, bound: totalSteps)
        : (costs.steps(within: left, after: 0, bound: totalSteps), costs.evaluationSteps)
      if data.validationBlockCount == 0 { costs.evaluationSteps = nil }
    }
    let occasions = costs.occasions(in: steps, after: 0)
    let blocks = Double(data.blockCount) / Double(plan.stepsPerEpoch)
    let tokensPerSecond = blocks * Double(settings.blockSize - 1) / costs.step
    let validations = occasions.validations + (costs.evaluationSteps == nil ? 0 : 1)
    let sampled = sampler.map { validations / $0.schedule.interval * $0.cost } ?? 0
    return RunEstimate(
      stepSeconds: costs.step, epochSeconds: costs.step * Double(plan.stepsPerEpoch),
      runSeconds: start - costs.step + costs.seconds(of: steps, after: 0)
        + Double(sampled) / tokensPerSecond,
      tokensPerSecond: tokensPerSecond,
      steps: steps, validations: validations,
      checkpoints: occasions.checkpoints, validationSeconds: costs.validation,
      checkpointSeconds: costs.checkpoint, checkpointBytes: checkpointByteCount,
      finalBytes: model.finalByteCount, disk: try diskNeed(steps: steps, after: 0))
  }

  /// For how long steps are measured, unless three take longer.
  private static let measuredSeconds = 4.0

  /// How long a validation takes, according to a few batches; 0 if there is none.
  private func measuredValidation(_ seconds: (() throws -> Void) throws -> Double) throws -> Double
  {
    let count = data.validationBlockCount
    let batchSize = min(pass.batchSize, settings.evaluationBatchSize ?? pass.batchSize)
    var (done, total) = (0, 0.0)
    while done < count, total < Self.measuredSeconds / 4 {
      let batch = Batch((done..<min(count, done + batchSize)).map(data.validationBlock))
      total += try seconds { _ = pass.loss(inputs: batch.inputs, targets: batch.targets) }
      done = min(count, done + batchSize)
    }
    return done > 0 ? total / Double(done) * Double(count) : 0
  }
}
