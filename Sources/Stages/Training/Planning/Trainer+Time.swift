import CheckpointFormat
import Communication
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TextGeneration
import TextSupport

/// The course of a run that has a time budget, and how fast it is.
package struct Timeline {
  package var plan: TimePlan
  /// How long a step, a validation and a checkpoint take; 0 until that is known.
  var costs = RunCosts()
  /// How many seconds the earlier sessions of the run took.
  var usedBefore = 0.0
  /// The number of steps that ``costs`` is based on.
  private var countedSteps = 0

  init(_ trainer: Trainer) {
    let total = trainer.settings.totalSteps(on: trainer.data)
    plan = TimePlan(warmupSteps: trainer.settings.warmupSteps(of: total), totalSteps: total)
  }

  /// Takes a step into account that took `seconds`.
  ///
  /// The time of a step is the mean over the latest steps, which are a twentieth of the time that is
  /// left: it must follow the load of the machine, but not every step.
  mutating func countStep(seconds: Double, timeLeft: Double?) {
    countedSteps += 1
    // The first step of a run prepares much that the others need.
    let isFirst = countedSteps <= 2
    let recent = min(0.2, 20 * seconds / max(timeLeft ?? 0, 1e-9))
    let weight = isFirst ? 1 : max(1 / Double(countedSteps - 1), recent)
    costs.step += weight * (seconds - costs.step)
  }

  // MARK: - In files

  /// How the run continues in another session, when `used` seconds have been used.
  func json(used: Double) -> JSONValue {
    [
      "used_seconds": .number(used), "step_seconds": .number(costs.step),
      "validation_seconds": .number(costs.validation),
      "checkpoint_seconds": .number(costs.checkpoint), "counted_steps": .integer(countedSteps),
      "plan": plan.json,
    ]
  }

  /// Continues from what ``json(used:)`` wrote into the file `path`.
  mutating func restore(_ json: JSONValue?, path: String) throws {
    guard let json, let used = json["used_seconds"]?.number,
      let step = json["step_seconds"]?.number, let validation = json["validation_seconds"]?.number,
      let checkpoint = json["checkpoint_seconds"]?.number,
      let count = json["counted_steps"]?.integer, let plan = TimePlan(json["plan"])
    else { throw InputError(path, "'time' is missing or damaged") }
    (usedBefore, countedSteps, self.plan) = (used, count, plan)
    (costs.step, costs.validation, costs.checkpoint) = (step, validation, checkpoint)
  }
}

/// Ends the writing of samples when the time is up.
struct OutOfTime: Error {}

extension Trainer {
  /// How many bytes a disk is assumed to take in a second until a checkpoint has been written.
  public static let assumedDiskSpeed = 250e6
  /// How many rows a validation computes in the time in which a text gets a token: that reads all
  /// weights for a few rows.
  private static let rowsPerToken = 24.0

  /// How many seconds of the time budget are left, less than 0 if it is exceeded; `nil` without one.
  public var timeLeft: Double? {
    switch settings.timeBudget?.limit {
    case .run(let seconds): seconds - usedTime
    case .session(let seconds): seconds - clock.elapsed
    case nil: nil
    }
  }

  /// The number of steps of the whole run; `nil` if the time determines it and nothing is known yet.
  public var plannedSteps: Int? {
    totalSteps < TimeBudget.unboundedSteps ? totalSteps : nil
  }

  /// Whether the time ends the run, and not the number of steps that bounds it.
  var isBoundByTime: Bool { timeline != nil && totalSteps < settings.totalSteps(on: data) }

  /// How many seconds the run has taken in all its sessions, as far as they were saved.
  var usedTime: Double { (timeline?.usedBefore ?? 0) + clock.elapsed }

  /// How the time budget is used, for the reader of a report; `nil` without one.
  var timeText: String? {
    guard let budget = settings.timeBudget, let timeline else { return nil }
    let changes = timeline.plan.changes.count - 1
    return "\(budget.text); \(NumberText.duration(usedTime)) used, the number of steps was planned "
      + "\(changes) time\(changes == 1 ? "" : "s")"
  }

  /// Continues the time of the checkpoint or the final model in the folder `path`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if it is damaged.
  func restoreTime(from path: String) throws {
    let path = "\(path)/\(CheckpointFile.resumeState)"
    try timeline?.restore(JSONValue(path: path)["time"], path: path)
  }

  /// Does `work`, which belongs to the last step, and remembers how long it took, apart from the seconds
  /// that it returns.
  func timed(_ cost: WritableKeyPath<RunCosts, Double>, _ work: () throws -> Double) throws {
    let begin = clock.now()
    let others = try work()
    guard timeline != nil else { return }
    timeline?.costs[keyPath: cost] = communicator.root(max(0, clock.now() - begin - others))
  }

  /// Takes the last step, which began at `begin`, into account, and plans the rest of the run.
  func keepTime(since begin: Double) {
    guard timeline != nil else { return }
    let seconds = communicator.root(clock.now() - begin)
    // Read before the timeline is changed, of which it is a part.
    let timeLeft = timeLeft.map(communicator.root)
    timeline?.countStep(seconds: seconds, timeLeft: timeLeft)
    keepTime()
  }

  /// Plans the rest of the run again, by the clock of the first process, if the number of steps for
  /// which there is time is another.
  ///
  /// Only a change by more than a fiftieth of what is left, or by more than a step, changes the plan,
  /// so that a run at an even speed keeps it. While the warm-up lasts, a change takes everything into
  /// account that follows from the number of steps; afterwards only the end is moved.
  func keepTime() {
    guard var timeline, let budget = settings.timeBudget, let ownTime = timeLeft else { return }
    let step = state.globalStep
    guard step > 0 else { return }
    let timeLeft = communicator.root(ownTime)
    let bound = settings.totalSteps(on: data) - step
    let costs = estimatedCosts(timeline.costs)
    // A session may have been stopped before it knew how long a step takes.
    if costs.step == 0, timeLeft > costs.ending { return }
    let planned = totalSteps - step
    // The learning rate has reached its end, so more time is of no use.
    guard planned > 0 else { return }
    let isWarmingUp = step < timeline.plan.warmupEnd || step <= 3
    var (steps, evaluationSteps) = (0, state.evaluationSteps)
    if isWarmingUp, budget.fitsEvaluation {
      (steps, evaluationSteps) = costs.fittedSteps(within: timeLeft, after: step, bound: bound)
    } else {
      steps = costs.steps(within: timeLeft, after: step, bound: bound)
    }
    guard abs(steps - planned) > max(1, planned / 50) || steps == 0 else { return }
    let total = step + steps
    timeline.plan.change(
      after: step, warmupSteps: settings.warmupSteps(of: total), totalSteps: total)
    self.timeline = timeline
    state.maximumSteps = total
    state.epochCount = Int(plan.epoch(after: total).rounded(.up))
    guard isWarmingUp else { return }
    if budget.fitsEvaluation { state.evaluationSteps = settings.wholeRounds(evaluationSteps) }
    if budget.fitsLogging { state.loggingSteps = FittedSchedule(steps: total).loggingSteps }
  }

  /// `known` costs of this run, completed by estimates, and when they are due.
  func estimatedCosts(_ known: RunCosts, diskSpeed: Double = assumedDiskSpeed) -> RunCosts {
    var costs = known
    let positions = Double(settings.blockSize - 1)
    let rows = Double(data.validationBlockCount) * positions
    let rowsOfStep =
      Double(min(settings.batchSize * settings.gradientAccumulationSteps, data.blockCount))
      * positions
    // A step is a forward pass and a backward pass, which takes twice as long.
    let secondsPerRow =
      costs.validation > 0 && rows > 0 ? costs.validation / rows : costs.step / rowsOfStep / 3
    if data.validationBlockCount > 0 {
      costs.evaluationSteps = state.evaluationSteps
      if costs.validation == 0 { costs.validation = secondsPerRow * rows }
    }
    costs.saveSteps = settings.saveSteps
    costs.saveMinutes = settings.saveMinutes
    costs.savesBest = settings.loadsBestModelAtEnd
    let bytes = Double(checkpointByteCount)
    // Small checkpoints say little about the speed of the disk.
    let isKnown = costs.checkpoint > 0 && bytes > 100e6
    let speed = isKnown ? bytes / costs.checkpoint : diskSpeed
    if costs.checkpoint == 0 { costs.checkpoint = bytes / diskSpeed }
    costs.ending = Double(model.finalByteCount) / speed
    if vocabulary != nil {
      let tokens = Double(min(SamplingSettings().maximumLength, model.configuration.contextLength))
      costs.ending += tokens * secondsPerRow * Self.rowsPerToken
    }
    return costs
  }

  /// How many bytes a checkpoint has, as far as they depend on the model.
  package var checkpointByteCount: Int {
    model.savedByteCount + 2 * model.trainable.floats.count * MemoryLayout<Float>.stride
  }
}
