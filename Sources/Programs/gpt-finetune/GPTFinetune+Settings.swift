import CheckpointFormat
import CommandLineSupport
import Communication
import Glibc
import TensorKernels
import TextSupport
import Training

extension GPTFinetune {
  private var defaultLearningRate: Double {
    if adapterOptions.isUsed { return adapterOptions.learningRate }
    return model == nil ? 1e-3 : 5e-5
  }

  /// The settings for `data`, of which the recipe provides those that are not given.
  ///
  /// - Throws: ``UsageError`` if the processor lacks what they need.
  func settings(
    for data: TrainingData, _ communicator: Communicator
  ) throws -> TrainingSettings {
    var settings = TrainingSettings()
    settings.blockSize = training.blockSize
    settings.batchSize = training.perDeviceTrainBatchSize
    settings.gradientAccumulationSteps = training.gradientAccumulationSteps * communicator.size
    settings.sumsDeterministically = processes.deterministicReduction
    settings.exchangesBFloat16 = processes.bf16Reduction
    settings.shardsOptimizer = processes.shardOptimizer
    settings.localSteps = processes.localSteps
    // What the first process tells the others comes before what may fail in one of them.
    let precision = training.precision ?? defaultPrecision(communicator)
    let timeBudget = timeBudget(communicator)
    settings.precision =
      try precision.isBFloat16(
        isAvailable: ThreadPool.multipliesBFloat16,
        lack: "this processor cannot multiply bfloat16 (AVX-512 BF16 or AMX)") ? .bf16 : .fp32
    settings.epochs = training.numTrainEpochs ?? settings.epochs
    settings.maximumSteps = training.maxSteps
    settings.learningRate = optimizer.learningRate ?? defaultLearningRate
    settings.schedule = optimizer.lrSchedulerType
    settings.warmupRatio = optimizer.warmupRatio ?? 0
    settings.checkpointsGradients = training.gradientCheckpointing
    settings.weightDecay = optimizer.weightDecay
    settings.adamBeta1 = optimizer.adamBeta1
    settings.adamBeta2 = optimizer.adamBeta2
    settings.adamEpsilon = optimizer.adamEpsilon
    settings.maximumGradientNorm = optimizer.maxGradNorm
    settings.seed = training.seed
    settings.logsFirstStep = checkpoints.loggingFirstStep
    settings.saveSteps = settings.wholeRounds(checkpoints.saveSteps)
    settings.saveTotalLimit = checkpoints.saveTotalLimit
    settings.evaluationSamples =
      checkpoints.evalSamples ?? (training.recipe == .original ? 0 : nil)
    settings.evaluationBatchSize = checkpoints.perDeviceEvalBatchSize
    settings.earlyStopping = checkpoints.earlyStoppingPatience.map {
      EarlyStopping(patience: $0, threshold: checkpoints.earlyStoppingThreshold ?? 0)
    }
    let isOriginal = training.recipe == .original
    if var budget = timeBudget {
      // Epochs that are not given do not bound the steps.
      if training.maxSteps == nil, training.numTrainEpochs != nil {
        settings.maximumSteps = settings.totalSteps(on: data)
      }
      budget.fitsWarmup =
        !isOriginal && optimizer.warmupSteps == nil && optimizer.warmupRatio == nil
      budget.fitsLogging = !isOriginal && checkpoints.loggingSteps == nil
      budget.fitsEvaluation = !isOriginal && checkpoints.evalSteps == nil
      settings.timeBudget = budget
    }
    let fitted = FittedSchedule(steps: settings.totalSteps(on: data))
    let warmupSteps = isOriginal ? settings.warmupSteps : fitted.warmupSteps
    settings.warmupSteps = optimizer.warmupSteps ?? (optimizer.warmupRatio == nil ? warmupSteps : 0)
    settings.loggingSteps =
      checkpoints.loggingSteps ?? (isOriginal ? settings.loggingSteps : fitted.loggingSteps)
    settings.evaluationSteps =
      (checkpoints.evalSteps ?? (isOriginal ? nil : fitted.evaluationSteps)).map(
        settings.wholeRounds)
    settings.saveMinutes = checkpoints.saveMinutes ?? (isOriginal ? nil : 30)
    settings.loadsBestModelAtEnd =
      checkpoints.loadBestModelAtEnd || !isOriginal && data.validationBlockCount > 0
    settings.samplingStrategy =
      training.trainSamplingStrategy ?? (isOriginal || !data.hasPosts ? .random : .posts)
    return settings
  }

  /// bf16 for a new model, if the processor of the first process has it: its losses are those of fp32
  /// (docs/performance.md).
  func defaultPrecision(_ communicator: Communicator) -> PrecisionChoice {
    let isNew = model == nil && training.recipe != .original
    return communicator.root(isNew && ThreadPool.multipliesBFloat16) ? .bf16 : .fp32
  }

  /// The time that the run has, if it is bounded.
  private func timeBudget(_ communicator: Communicator) -> TimeBudget? {
    if let hours = training.maxHours {
      return TimeBudget(
        .run(seconds: 3600 * hours),
        text: "\(NumberText.shortest(hours)) hour\(hours == 1 ? "" : "s") in all")
    }
    guard let until = training.until else { return nil }
    let now = time(nil)
    let seconds = communicator.root(Double(until.seconds(after: now) - now))
    return TimeBudget(
      .session(seconds: seconds),
      text: "until \(until.argumentText)")
  }
}
