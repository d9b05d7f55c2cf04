import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TokenShardFormat

/// How far a training is.
public struct TrainingProgress: Sendable {
  /// Optimizer steps done, and of the whole run.
  public let step: Int
  public let totalSteps: Int
  /// The mean loss of the last steps.
  public let loss: Double
  public let learningRate: Double
  /// Tokens of the steps since the last report.
  public let tokens: Int
  /// Seconds since the last report.
  public let seconds: Double
}

/// What a training tells while it runs.
public enum TrainingEvent {
  /// After every step.
  case progress(TrainingProgress)
  /// After every line of the log.
  case logged(TrainerState.LogEntry)
  /// After a checkpoint or the final model was written to a path.
  case saved(String)
}

/// Trains a model: batches, gradients, clipping, AdamW, the log, validation, checkpoints.
public final class Trainer {
  public let model: GPT2Model
  public let data: TrainingData
  public let settings: TrainingSettings
  public let folder: RunFolder
  /// Optimizer steps of the whole run.
  public let totalSteps: Int
  /// What was done so far.
  public private(set) var state = TrainerState()

  let firstMoments: FloatArena
  let secondMoments: FloatArena
  let plan: StepPlan
  /// Where the weights came from, which resuming compares.
  let origin: JSONValue
  private let pass: TrainingPass
  private var order: (epoch: Int, blocks: [Int]) = (-1, [])

  /// Prepares the training of `model`; `origin` tells where its weights came from.
  ///
  /// - Throws: ``InputError`` if the model and the data do not fit together.
  public init(
    _ model: GPT2Model, data: TrainingData, settings: TrainingSettings, folder: RunFolder,
    origin: JSONValue
  ) throws {
    guard data.manifest.vocabularySize <= model.configuration.vocabularySize else {
      throw InputError(
        data.tokenizerFolder,
        "the tokens are from a vocabulary of \(data.manifest.vocabularySize), the model has "
          + "\(model.configuration.vocabularySize): encode with the model's own tokenizer")
    }
    guard settings.blockSize <= model.configuration.contextLength else {
      throw InputError(
        data.tokenizerFolder,
        "blocks of \(settings.blockSize) tokens are longer than the model's context of "
          + "\(model.configuration.contextLength)")
    }
    precondition(data.blockSize == settings.blockSize, "the data are cut into other blocks")
    self.model = model
    self.data = data
    self.settings = settings
    self.folder = folder
    self.origin = origin
    plan = StepPlan(settings, blockCount: data.blockCount)
    totalSteps = settings.maximumSteps ?? plan.steps(epochs: settings.epochs)
    firstMoments = FloatArena(count: model.layout.count)
    secondMoments = FloatArena(count: model.layout.count)
    pass = TrainingPass(
      model, batch: min(settings.batchSize, data.blockCount), time: settings.blockSize - 1)
    state.maximumSteps = totalSteps
    state.epochCount =
      settings.maximumSteps == nil
      ? settings.epochs : (Double(totalSteps) / Double(plan.stepsPerEpoch)).rounded(.up)
    state.loggingSteps = settings.loggingSteps
    state.saveSteps = settings.saveSteps
    state.batchSize = settings.batchSize
  }

  /// Trains to the end and writes the final model.
  ///
  /// If `report` throws, a checkpoint of the last whole step is written before the error goes on.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the loss is no number any more; what `report`
  ///   throws.
  public func run(_ report: (TrainingEvent) throws -> Void) throws {
    var clock = ContinuousClock.now
    // An interruption may have come between a step and its validation.
    if isCheckpointDue { try validate(report) }
    while state.globalStep < totalSteps {
      let (loss, tokens, learningRate) = try step()
      let now = ContinuousClock.now
      let progress = TrainingProgress(
        step: state.globalStep, totalSteps: totalSteps, loss: loss, learningRate: learningRate,
        tokens: tokens, seconds: (now - clock) / .seconds(1))
      clock = now
      try tell(.progress(progress), report)
      if state.globalStep % settings.loggingSteps == 0, let entry = state.log.last {
        try tell(.logged(entry), report)
      }
      if isCheckpointDue {
        try validate(report)
        try report(.saved(try saveCheckpoint()))
      }
    }
    try validate(report)
    state.log.append(
      entry(["train_loss": state.lossSum / Double(max(1, state.globalStep))]))
    try report(.saved(try saveFinal()))
  }

  /// Whether the last step is one after which there is a checkpoint.
  private var isCheckpointDue: Bool {
    let step = state.globalStep
    return step > 0 && step < totalSteps && step % settings.saveSteps == 0
  }

  /// Calls `report`, and writes a checkpoint if it throws.
  private func tell(_ event: TrainingEvent, _ report: (TrainingEvent) throws -> Void) throws {
    do {
      try report(event)
    } catch {
      let path = try saveCheckpoint()
      try? report(.saved(path))
      throw error
    }
  }

  // MARK: - A step

  private func step() throws -> (loss: Double, tokens: Int, learningRate: Double) {
    let step = state.globalStep
    let epoch = step / plan.stepsPerEpoch
    if order.epoch != epoch { order = (epoch, plan.order(epoch: epoch)) }
    let ranges = plan.batches(ofStep: step)
    let targets = ranges.reduce(0) { $0 + $1.count } * (settings.blockSize - 1)
    var loss = 0.0
    for (index, range) in ranges.enumerated() {
      let batch = Batch(
        data.training, blocks: range.lazy.map { self.order.blocks[$0] },
        blockSize: settings.blockSize)
      let number = step * settings.gradientAccumulationSteps + index
      loss += batch.tokens.withUnsafeBufferPointer { tokens in
        batch.targets.withUnsafeBufferPointer { targetTokens in
          pass.lossAndGradients(
            tokens: tokens, targets: targetTokens, gradientScale: 1 / Float(targets),
            dropoutSeed: .init(
              seed: settings.seed, pass: UInt32(truncatingIfNeeded: number)),
            accumulating: index > 0)
        }
      }
    }
    loss /= Double(targets)
    let norm = model.workers.norm(pass.gradients.floats)
    guard loss.isFinite, norm.isFinite else {
      throw InputError(
        folder.path,
        "step \(step + 1): the loss or its gradient is not a number any more; try a lower "
          + "--learning-rate or a longer --warmup-steps")
    }
    let learningRate =
      settings.learningRate
      * settings.schedule.factor(
        step: step, warmupSteps: settings.warmupSteps, total: totalSteps)
    update(learningRate: learningRate, gradientNorm: norm)
    state.globalStep += 1
    state.inputTokensSeen += ranges.reduce(0) { $0 + $1.count } * settings.blockSize
    state.lossSum += loss
    state.unloggedLossSum += loss
    state.unloggedSteps += 1
    if state.globalStep % settings.loggingSteps == 0 {
      state.log.append(
        entry([
          "loss": state.unloggedLossSum / Double(state.unloggedSteps),
          "learning_rate": learningRate, "grad_norm": norm,
        ]))
      (state.unloggedLossSum, state.unloggedSteps) = (0, 0)
    }
    return (loss, targets, learningRate)
  }

  private func update(learningRate: Double, gradientNorm: Double) {
    let limit = settings.maximumGradientNorm
    let step = AdamWStep(
      number: state.globalStep + 1, learningRate: learningRate, beta1: settings.adamBeta1,
      beta2: settings.adamBeta2, epsilon: settings.adamEpsilon,
      gradientScale: limit > 0 ? min(1, limit / (gradientNorm + 1e-6)) : 1)
    for parameter in model.layout.parameters {
      model.workers.adamW(
        model.parameters[parameter.range], gradient: pass.gradients[parameter.range],
        firstMoment: firstMoments[parameter.range], secondMoment: secondMoments[parameter.range],
        step, weightDecay: parameter.decays ? settings.weightDecay : 0)
    }
  }

  // MARK: - Validation

  /// Measures the loss on the validation data and logs it; does nothing where there is none, or
  /// where it was done after this step already.
  private func validate(_ report: (TrainingEvent) throws -> Void) throws {
    let count = data.validationBlockCount
    let last = state.log.last { $0.values["eval_loss"] != nil }
    guard count > 0, last?.step != state.globalStep else { return }
    var loss = 0.0
    for start in stride(from: 0, to: count, by: pass.batch) {
      let batch = Batch(
        data.validation, blocks: start..<min(count, start + pass.batch),
        blockSize: settings.blockSize)
      loss += batch.tokens.withUnsafeBufferPointer { tokens in
        batch.targets.withUnsafeBufferPointer { pass.loss(tokens: tokens, targets: $0) }
      }
    }
    loss /= Double(count * (settings.blockSize - 1))
    if state.best.map({ loss < $0.loss }) ?? true { state.best = (loss, state.globalStep) }
    let logged = entry(["eval_loss": loss, "eval_perplexity": perplexity(ofLoss: loss)])
    state.log.append(logged)
    try tell(.logged(logged), report)
  }

  private func entry(_ values: [String: Double]) -> TrainerState.LogEntry {
    .init(step: state.globalStep, epoch: plan.epoch(after: state.globalStep), values: values)
  }

  /// Takes over the state of a checkpoint.
  func resume(_ state: TrainerState) {
    let now = self.state
    self.state = state
    self.state.maximumSteps = now.maximumSteps
    self.state.loggingSteps = now.loggingSteps
    self.state.saveSteps = now.saveSteps
  }
}
