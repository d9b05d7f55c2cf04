import CheckpointFormat
import Communication
import FileSupport
import GPT2
import TensorKernels
import TokenShardFormat

/// How far a training run has progressed.
public struct TrainingProgress: Sendable {
  /// The number of optimizer steps done.
  public let step: Int
  /// The mean loss over the targets of the step.
  public let loss: Double
  public let learningRate: Double
  /// The number of targets in the step.
  public let tokens: Int
  /// How long the step took, in seconds.
  public let seconds: Double
}

/// What a training run reports while it runs.
public enum TrainingEvent {
  /// After every step.
  case progress(TrainingProgress)
  /// After every log entry.
  case logged(TrainerState.LogEntry)
  /// Before every token of the samples of a validation or, if `isFinal`, of those for the final model's
  /// card, which takes as long as a few steps. If the report throws at the latter, the card has none.
  case sampling(isFinal: Bool)
  /// When the run is to end, but the processes have weights of their own until after a step.
  case completingRound(step: Int)
  /// After a checkpoint or the final model has been written to a path.
  case saved(String)
}

/// Trains a model: batches, gradients, clipping, AdamW, the log, validation, checkpoints.
public final class Trainer {
  public let model: any CheckpointableModel
  public let data: TrainingData
  public let settings: TrainingSettings
  public let folder: RunFolder
  let clock: TrainingClock
  /// The number of optimizer steps in the whole run; with a time budget, as it is planned now.
  public var totalSteps: Int { state.maximumSteps }
  /// The course of a run that has a time budget, and how fast it is.
  package var timeline: Timeline?
  /// What has been done so far.
  public internal(set) var state = TrainerState()
  /// Texts that the finished model wrote, for its card.
  var samples: [String] = []
  /// Warnings for the user about how the training starts, as complete sentences.
  public internal(set) var warnings: [String] = []

  let moments: OptimizerMoments
  /// How many numbers this process keeps the moments of.
  package var momentCount: Int { moments.first.count }
  let plan: BatchPlan
  let origin: WeightOrigin
  /// The processes that share the steps: each makes the same calls, and the first writes all files.
  let communicator: Communicator
  /// The vocabulary of the data; `nil` if it is not known, so that there can be no samples.
  let vocabulary: ShardVocabulary?
  /// The passes of all steps; there are none after the last one.
  var pass: TrainingPass {
    guard let allocatedPass else { preconditionFailure("the training is over") }
    return allocatedPass
  }
  private var allocatedPass: TrainingPass?
  /// The bytes of memory that the pass takes, which are free while samples are written.
  private let passSize: Int
  /// What writes texts at validations; `nil` if there are to be none.
  private(set) var sampler: ValidationSampler?
  /// The bytes of text for each token that a validation predicts, in the mean; `nil` if the vocabulary
  /// is not known or there are none.
  let validationBytesPerToken: Double?
  /// The step of the last checkpoint if only the clock asked for it, and when one was last written.
  var timedStep: Int?
  var lastSave = ContinuousClock.now
  /// Whether the folder still holds an earlier run, to be set aside when something is saved.
  var replacesEarlierRun = false
  /// Where the posts are in the training tokens, if each epoch joins them again.
  private let posts: [Range<Int>]
  /// The step after which the processes last had the same weights.
  var averagedStep = 0
  private var epoch: (index: Int, blocks: EpochBlocks)?
  let gradientTree: GradientTree?

  /// Prepares to train `model`, whose weights come from `origin`, on data of the vocabulary
  /// `vocabulary`, together with the other processes of `communicator`.
  ///
  /// - Throws: ``InputError`` if the model and the data do not fit together, or if the settings
  ///   need validation data and there is none.
  public init(
    _ model: any CheckpointableModel, data: TrainingData, settings: TrainingSettings,
    folder: RunFolder,
    origin: WeightOrigin, vocabulary: ShardVocabulary? = nil, clock: TrainingClock = .init(),
    communicator: Communicator = .alone
  ) throws {
    guard data.manifest.vocabularySize <= model.configuration.vocabularySize else {
      throw InputError(
        data.tokenizerFolder,
        "the tokens are from a vocabulary of \(data.manifest.vocabularySize), but the model has "
          + "\(model.configuration.vocabularySize): encode with the model's own tokenizer")
    }
    guard settings.blockSize <= model.configuration.contextLength else {
      throw InputError(
        folder.path,
        "blocks of \(settings.blockSize) tokens are longer than the model's context: choose "
          + "--block-size \(model.configuration.contextLength) or less")
    }
    precondition(!settings.shardsOptimizer || settings.localSteps == nil, "moments are not shared")
    precondition(data.blockSize == settings.blockSize, "the data has another block size")
    guard data.validationBlockCount > 0 || !settings.dependsOnValidation else {
      throw InputError(
        data.folder,
        "there is no block of \(settings.blockSize) tokens to validate on, which "
          + "--load-best-model-at-end and --early-stopping-patience need: encode with "
          + "--validation-fraction 0.05")
    }
    self.model = model
    self.data = data
    self.settings = settings
    self.folder = folder
    self.clock = clock
    self.origin = origin
    self.vocabulary = vocabulary
    self.communicator = communicator
    communicator.sumsInBFloat16 = settings.exchangesBFloat16
    gradientTree =
      settings.sumsDeterministically && settings.gradientAccumulationSteps > communicator.size
      ? GradientTree(model.threadPool) : nil
    let predicted = data.validationBlockCount * (settings.blockSize - 1)
    let bytes = vocabulary.map(data.validationBytes) ?? 0
    validationBytesPerToken = bytes > 0 ? Double(bytes) / Double(predicted) : nil
    plan = BatchPlan(settings, blockCount: data.blockCount)
    let totalSteps = settings.totalSteps(on: data)
    posts = settings.samplingStrategy == .posts ? try data.trainingPosts() : []
    moments = OptimizerMoments(
      model.trainable, communicator, isShared: settings.shardsOptimizer)
    if settings.precision == .bf16 { model.enableBFloat16() }
    let memory = ArenaMemory.byteCount
    allocatedPass = Self.makePass(model, data, settings)
    passSize = ArenaMemory.byteCount - memory
    state.maximumSteps = totalSteps
    let epochs = Double(totalSteps) / Double(plan.stepsPerEpoch)
    state.epochCount = Int(
      min(1e12, settings.maximumSteps == nil ? settings.epochs : epochs).rounded(.up))
    state.loggingSteps = settings.loggingSteps
    state.evaluationSteps = settings.wholeRounds(settings.evaluationSteps ?? settings.saveSteps)
    state.saveSteps = settings.saveSteps
    state.batchSize = settings.batchSize
    state.earlyStopping = settings.earlyStopping
    if settings.timeBudget != nil { timeline = Timeline(self) }
    if let vocabulary, settings.evaluationSamples != 0, data.validationBlockCount > 0 {
      // Time may bound a run that has no number of steps yet.
      let steps = min(totalSteps, plan.steps(epochs: settings.epochs.rounded(.up)))
      let tokens = plan.epoch(after: steps) * Double(data.blockCount * settings.blockSize)
      sampler = ValidationSampler(
        vocabulary, data, settings, model.configuration,
        validations: max(1, totalSteps / state.evaluationSteps), trainedTokens: Int(tokens),
        memory: passSize, merges: model is AdapterTraining)
    }
  }

  private static func makePass(
    _ model: any CheckpointableModel, _ data: TrainingData, _ settings: TrainingSettings
  ) -> TrainingPass {
    TrainingPass(
      model, batchSize: min(settings.batchSize, data.blockCount),
      sequenceLength: settings.blockSize - 1,
      checkpointsGradients: settings.checkpointsGradients)
  }

  /// Calls `body` while the memory of the passes of steps is free.
  func withoutPass<Result>(_ body: () throws -> Result) rethrows -> Result {
    allocatedPass = nil
    defer { allocatedPass = Self.makePass(model, data, settings) }
    return try body()
  }

  /// Trains to the end and writes the final model.
  ///
  /// Each process calls `report` with every event. If that throws, in any of them, a checkpoint of the
  /// last complete step is written before the error is rethrown, in all of them.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the loss is no longer finite; what `report` throws;
  ///   `PeerFailure` for what another process throws.
  public func run(_ report: (TrainingEvent) throws -> Void) throws {
    try checkWeights()
    let steps = SessionMetrics(after: state)
    lastSave = .now
    model.updateBFloat16Weights()
    // The time may have passed meanwhile.
    keepTime()
    // An interruption may have occurred between a step and its validation.
    if isValidationDue { try finishStep(report) }
    while !state.isFinished {
      let begin = clock.now()
      let (loss, tokens, learningRate) = try step()
      let progress = TrainingProgress(
        step: state.globalStep, loss: loss, learningRate: learningRate, tokens: tokens,
        seconds: clock.now() - begin)
      try notify(.progress(progress), report) { keepTime(since: begin) }
      if isLogDue, let entry = state.log.last { try notify(.logged(entry), report) }
      try finishStep(report)
    }
    state.log.append(entry(steps.summary(of: state, blockSize: settings.blockSize)))
    // What follows needs memory of its own, such as for the samples of the model card.
    allocatedPass = nil
    let path = try communicator.together {
      guard communicator.isRoot else { return folder.finalPath }
      try loadBestModel()
      return try saveFinal {
        // The model is complete without samples.
        if let timeLeft, timeLeft < 0 { throw OutOfTime() }
        try report(.sampling(isFinal: true))
      }
    }
    try tell(.saved(path), report)
  }

  /// Validates and writes a checkpoint if they are due after the last step.
  private func finishStep(_ report: (TrainingEvent) throws -> Void) throws {
    // The time may have ended the run.
    if state.isFinished { try completeRound() }
    let earlier = state.best?.step
    if isValidationDue {
      // Most validations have no texts.
      try timed(\.validation) {
        try validate(report)
        return state.log.last?.values["eval_texts_runtime"] ?? 0
      }
    }
    // After the last step the final model takes the place of a checkpoint.
    guard !state.isFinished, isAveraged else { return }
    let isBest = settings.loadsBestModelAtEnd && state.best?.step == state.globalStep
    let isDue = isBest || state.globalStep % settings.saveSteps == 0
    guard isDue || isTimeToSave else { return }
    // One that was saved out of turn, as the best so far or because of the clock, has a successor now.
    var superseded = [timedStep].compactMap { $0 }
    if isBest, let earlier, earlier < state.globalStep, earlier % settings.saveSteps != 0 {
      superseded.append(earlier)
    }
    try timed(\.checkpoint) {
      try tell(.saved(try saveCheckpoint(superseding: superseded)), report)
      return 0
    }
    timedStep = isDue ? nil : state.globalStep
  }

  /// Whether the clock asks for a checkpoint.
  private var isTimeToSave: Bool {
    settings.saveMinutes.map {
      communicator.root(ContinuousClock.now - lastSave >= .seconds(60 * $0))
    } ?? false
  }

  /// Calls `report` with `event` in all processes, which all throw if one does.
  private func tell(
    _ event: TrainingEvent, _ report: (TrainingEvent) throws -> Void
  ) throws {
    try communicator.together { try report(event) }
  }

  /// Calls `report` and then `completion`, and writes a checkpoint if the report throws.
  func notify(
    _ event: TrainingEvent, _ report: (TrainingEvent) throws -> Void, completion: () -> Void = {}
  ) throws {
    try savingOnFailure(report) {
      defer { completion() }
      try tell(event, report)
    }
  }

  /// Calls `body`, and writes a checkpoint if it throws.
  func savingOnFailure<Result>(
    _ report: (TrainingEvent) throws -> Void, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch {
      if !isAveraged {
        try? tell(.completingRound(step: settings.wholeRounds(state.globalStep)), report)
        try completeRound()
      }
      let path = try saveCheckpoint()
      try? tell(.saved(path), report)
      throw error
    }
  }

  /// The blocks of epoch `index`, which are kept until the next one begins.
  func blocks(ofEpoch index: Int) -> EpochBlocks {
    if let epoch, epoch.index == index { return epoch.blocks }
    let blocks = EpochBlocks(data, plan, posts: posts, epoch: index)
    epoch = (index, blocks)
    return blocks
  }

  /// Whether the last step is logged.
  var isLogDue: Bool {
    state.globalStep % state.loggingSteps == 0 || state.globalStep == 1 && settings.logsFirstStep
  }

  func entry(_ values: [String: Double]) -> TrainerState.LogEntry {
    .init(step: state.globalStep, epoch: state.epoch, values: values)
  }

  /// The number of steps over which the learning rate rises.
  package var warmupSteps: Int { timeline?.plan.warmupEnd ?? settings.warmupSteps(of: totalSteps) }

  /// Restores the state of a checkpoint.
  func resume(_ state: TrainerState) {
    let now = self.state
    self.state = state
    averagedStep = state.globalStep
    let budget = settings.timeBudget
    if budget == nil { self.state.maximumSteps = now.maximumSteps }
    if budget?.fitsLogging != true { self.state.loggingSteps = now.loggingSteps }
    if budget?.fitsEvaluation != true { self.state.evaluationSteps = now.evaluationSteps }
    self.state.saveSteps = now.saveSteps
  }
}
