import CheckpointFormat
import CommandLineSupport
import FileSupport
import GPT2
import ModelHub
import TensorKernels
import TextSupport
import Threading
import TokenShardFormat
import Training

@main
struct GPTFinetune: Program {
  static let name = "gpt-finetune"
  static let abstract =
    "Train a GPT-2 model on token shards: fine-tune a model, or start from random weights."
  static let discussion = """
    The output folder receives checkpoint-<step>/ folders to resume from, final/ with the final
    model (a Hugging Face folder that AutoModelForCausalLM and AutoTokenizer load as is, with a
    model card), curves.csv, curves.svg, report.md, report.html, which a browser
    shows and keeps up to date during the training, and runs/ for TensorBoard: tensorboard --logdir
    <folder>.

    examples:
      gpt-finetune data/tokens/bugurt -o checkpoints/bugurt \\
        --model sberbank-ai/rugpt3medium_based_on_gpt2
          fine-tune a model; the shards must come from bpe-encode --tokenizer with the same model
      gpt-finetune data/tokens/bugurt --layers 6 --width 384 --heads 6 -o checkpoints/small
          train a small model from random weights
      gpt-finetune … --eval-steps 500 --load-best-model-at-end --early-stopping-patience 3
          stop when the validation loss no longer improves, and keep the best model
      gpt-finetune data/tokens/bugurt --model rugpt3… -o checkpoints/bugurt --resume
          continue after an interruption; the result is identical to the last bit
      gpt-finetune data/tokens/bugurt --model rugpt3… -o checkpoints/bugurt --adapter lora
          train an adapter (LoRA) instead of all weights: less memory and time; final/adapter/ is what
          peft loads, final/ the model merged with it

    Options have the same names and meanings as in the Hugging Face Trainer. When a run is resumed,
    options that affect the result must stay the same; how often to log and save, and --threads,
    may change.

    Ctrl-C writes a checkpoint of the last complete step and stops, as do SIGTERM and closing the
    terminal; a second Ctrl-C stops at once.
    """

  static let memoryAdvice =
    "--gradient-checkpointing and a smaller --batch-size, --block-size or --threads need less"

  @Argument(help: "folder of token shards written by bpe-encode", completion: .folder)
  var tokens: String
  @Option(help: "folder of the run", short: "o", valueName: "folder", completion: .folder)
  var output: String
  @Option(
    help: "Hugging Face folder of the model to fine-tune: config.json, and weights as safetensors "
      + "or PyTorch's .bin, in one file or in shards; or a GGUF file; or its name on the Hugging Face "
      + "Hub, NAME or NAMESPACE/NAME[@REVISION], from where it is fetched once",
    valueName: "folder|file|name", defaultText: "start from random weights", completion: .folder)
  var model: String?
  @Flag(
    help: "continue an earlier run with the same settings where it stopped; a finished run is left "
      + "unchanged")
  var resume = false
  @Flag(
    help: "replace an earlier run, which is kept as <folder>.previous until this one is finished; "
      + "with --resume, only if its settings, model or data differ")
  var restart = false

  @OptionGroup("A new model (without --model)") var shape: ModelShapeOptions
  @OptionGroup("An adapter (with --model)") var adapterOptions: AdapterOptions
  @OptionGroup("Training") var training: TrainingOptions
  @OptionGroup("Optimizer") var optimizer: OptimizerOptions
  @OptionGroup("Log, validation, checkpoints") var checkpoints: CheckpointOptions

  @Option(
    help: "number of threads; does not affect the result", valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  func validate() throws {
    if model == nil, shape.width % shape.heads != 0 {
      throw UsageError("--width \(shape.width) is not a multiple of --heads \(shape.heads)")
    }
    try adapterOptions.validate(model: model)
    if checkpoints.earlyStoppingThreshold != nil, checkpoints.earlyStoppingPatience == nil {
      throw UsageError("--early-stopping-threshold needs --early-stopping-patience")
    }
  }

  func run() throws {
    try checkOutput()
    try OutputFolder.holding(output) { try train() }
  }

  /// Checks that the run is not to be written into a model, such as that of another run.
  private func checkOutput() throws {
    let name = Folder.name(of: output)
    let parent = RunFolder(path: Folder.parent(of: output))
    let isPartOfRun =
      name == "final" || name.wholeMatch(of: /checkpoint-\d+/) != nil
      ? try parent.holdsRun() : false
    guard isPartOfRun || Folder.hasFile("\(output)/\(CheckpointFile.configuration)") else { return }
    throw UsageError(
      "--output: \(output) is "
        + (isPartOfRun ? "part of the run \(parent.path)" : "a model")
        + ", not the folder of a run; name another folder")
  }

  private func train() throws {
    let data = try TrainingData(folder: tokens, blockSize: training.blockSize)
    var settings = settings(for: data)
    settings.precision =
      try training.precision.isBFloat16(
        isAvailable: ThreadPool.multipliesBFloat16,
        lack: "this processor cannot multiply bfloat16 (AVX-512 BF16 or AMX)") ? .bf16 : .fp32
    let processors = Processors.current
    let threadPool = ThreadPool(count: threads ?? processors.threadCount)
    let trainer = try makeTrainer(data, settings, threadPool)
    let (parameters, trained) = (
      Double(trainer.model.parameterCount), Double(trainer.model.trainable.floats.count)
    )
    let fraction =
      trained < parameters
      ? " (\(NumberText.count(trained)) of them trained, "
        + "\(NumberText.decimal(100 * trained / parameters, digits: 2)) %)" : ""
    Log.info(
      "\(NumberText.count(parameters)) parameters\(fraction), "
        + "\(NumberText.count(Double(data.blockCount))) blocks of \(settings.blockSize) tokens, "
        + "\(NumberText.count(Double(trainer.totalSteps))) steps")
    Log.info(
      "\(threadPool.count) thread\(threadPool.count == 1 ? "" : "s") on \(processors); "
        + "\(ThreadPool.matrixKernels); products in \(settings.precision.rawValue)")
    if settings.precision == .fp32, ThreadPool.multipliesBFloat16 {
      Log.info("this processor multiplies bfloat16: --precision bf16 is about twice as fast")
    }
    warnOfMemory()
    let policy = EarlierRunPolicy(resumes: resume, restarts: restart)
    var firstStep = 0
    let start = try trainer.start(policy, progress: Interruption.check)
    for warning in trainer.warnings { Log.warning(warning) }
    switch start {
    case .finished:
      Log.info(
        "\(output) is already finished, with the same settings, model and data; it is left unchanged"
      )
      let progress = TrainingProgressReport(trainer, firstStep: trainer.totalSteps)
      try trainer.completeCard { try progress.report(.sampling(isFinal: true)) }
      return try Interruption.check()
    case .resumed(let step):
      Log.info("resuming after step \(step)")
      firstStep = step
    case .replacing(let differences):
      if !differences.isEmpty {
        Log.info("the earlier run differs: \(differences.joined(separator: "; "))")
      }
      Log.info(
        "the earlier run is kept until the first checkpoint, then as "
          + "\(trainer.folder.previousPath) until this run is finished")
    case .new: break
    }
    // A resumed run takes its weights from the checkpoint.
    if firstStep == 0, model == nil, let new = trainer.model as? GPT2Model {
      new.drawWeights(seed: settings.seed)
    }
    let progress = TrainingProgressReport(trainer, firstStep: firstStep)
    let page = RunPage(
      trainer,
      surroundings: [
        ("program", "\(Self.name) \(packageVersion)"),
        ("machine", "\(threadPool.count) of \(processors); \(ThreadPool.matrixKernels)"),
      ])
    let tensorBoard = checkpoints.reportTo == .tensorboard ? TensorBoardLog(trainer) : nil
    do {
      try trainer.run { event in
        try tensorBoard?.record(event)
        try page.record(event)
        try progress.report(event)
      }
    } catch {
      // The reason why the training has stopped matters more.
      try? page.end(isFinished: false)
      throw error
    }
    try tensorBoard?.finish()
    try page.end(isFinished: true)
    if trainer.state.globalStep < trainer.totalSteps {
      Log.info("stopped early after step \(trainer.state.globalStep)")
    }
    if settings.loadsBestModelAtEnd, let best = trainer.state.best {
      Log.info("final/ is the model after step \(best.step), the best by validation loss")
    }
    print("\(output)/final")
  }

  /// Warns if the training needs more memory than is free: the system grants it at first, and kills
  /// the program when it is used.
  private func warnOfMemory() {
    let needed = ArenaMemory.byteCount - ProcessMemory.residentBytes
    guard let available = AvailableMemory.byteCount, needed > available else { return }
    Log.warning(
      "the training needs another \(NumberText.bytes(Double(needed))) of memory, but only "
        + "\(NumberText.bytes(Double(available))) are free: the system may kill it (status 137). "
        + Self.memoryAdvice)
  }

  /// The trainer of a new model, whose weights are still zero, or of the one to fine-tune.
  private func makeTrainer(
    _ data: TrainingData, _ settings: TrainingSettings, _ threadPool: ThreadPool
  ) throws -> Trainer {
    let folder = RunFolder(path: output)
    let base = try model.map { model in
      try ModelHub.folder(for: model, .whole) {
        _ = try GPT2Configuration(path: "\($0)/\(CheckpointFile.configuration)")
      }
    }
    // Its special tokens replace those of the model: the ids in rugpt3's configurations of 2020 are
    // those of an ordinary word.
    let vocabulary = try ShardVocabulary(data, model: base)
    for warning in vocabulary.warnings { Log.warning(warning) }
    guard let base else {
      var configuration = GPT2Configuration(
        vocabularySize: data.manifest.vocabularySize, contextLength: shape.context,
        embeddingSize: shape.width, layers: shape.layers, heads: shape.heads)
      configuration.setDropout(training.dropout ?? 0.1)
      vocabulary.setSpecialTokens(of: &configuration)
      let model = GPT2Model(configuration, threadPool: threadPool)
      return try Trainer(
        model, data: data, settings: settings, folder: folder, origin: .random,
        vocabulary: vocabulary)
    }
    Log.info("reading \(base)")
    let model: any CheckpointableModel
    let checksum: UInt32
    if adapterOptions.isUsed {
      model = try makeAdapter(of: base, settings, threadPool)
      checksum = try GPT2Model.checksum(folder: base, threadPool: threadPool)
    } else {
      let whole = try GPT2Model(folder: base, threadPool: threadPool, progress: Interruption.check)
      (model, checksum) = (whole, whole.checksum)
    }
    for note in model.notes { Log.info(note) }
    if let dropout = training.dropout { model.configuration.setDropout(dropout) }
    model.generation = model.generation ?? GenerationConfiguration(model.configuration)
    vocabulary.setSpecialTokens(of: &model.configuration)
    model.alignGeneration(keepingEnds: vocabulary.canEndText)
    return try Trainer(
      model, data: data, settings: settings, folder: folder,
      origin: .model(checksum: checksum, name: ModelFolder.hubName(of: base)),
      vocabulary: vocabulary)
  }

  /// The training of an adapter of the model in the folder `base`.
  private func makeAdapter(
    of base: String, _ settings: TrainingSettings, _ threadPool: ThreadPool
  ) throws -> AdapterTraining {
    let weights = adapterOptions.baseWeights ?? (settings.precision == .bf16 ? .bf16 : .fp32)
    let merges = try adapterOptions.merges(
      size: AdapterTraining.mergedSize(
        of: AdapterTraining.model(base: base, threadPool)), run: output)
    if let adapter = adapterOptions.adapterFrom {
      return try AdapterTraining(
        from: adapter, base: base, weights: weights, merges: merges, threadPool: threadPool,
        progress: Interruption.check)
    }
    let configuration = try adapterOptions.configuration(
      base: ModelFolder.hubName(of: base) ?? base)
    try adapterOptions.check(configuration, for: AdapterTraining.model(base: base, threadPool))
    return try AdapterTraining(
      configuration, base: base, weights: weights, merges: merges, seed: settings.seed,
      threadPool: threadPool, progress: Interruption.check)
  }

  private var defaultLearningRate: Double {
    if adapterOptions.isUsed { return adapterOptions.learningRate }
    return model == nil ? 1e-3 : 5e-5
  }

  /// The settings for `data`, of which the recipe provides those that are not given.
  private func settings(for data: TrainingData) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.blockSize = training.blockSize
    settings.batchSize = training.perDeviceTrainBatchSize
    settings.gradientAccumulationSteps = training.gradientAccumulationSteps
    settings.epochs = training.numTrainEpochs
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
    settings.saveSteps = checkpoints.saveSteps
    settings.saveTotalLimit = checkpoints.saveTotalLimit
    settings.evaluationSamples =
      checkpoints.evalSamples ?? (training.recipe == .original ? 0 : nil)
    settings.evaluationBatchSize = checkpoints.perDeviceEvalBatchSize
    settings.earlyStopping = checkpoints.earlyStoppingPatience.map {
      EarlyStopping(patience: $0, threshold: checkpoints.earlyStoppingThreshold ?? 0)
    }
    let isOriginal = training.recipe == .original
    let fitted = FittedSchedule(steps: settings.totalSteps(on: data))
    let warmupSteps = isOriginal ? settings.warmupSteps : fitted.warmupSteps
    settings.warmupSteps = optimizer.warmupSteps ?? (optimizer.warmupRatio == nil ? warmupSteps : 0)
    settings.loggingSteps =
      checkpoints.loggingSteps ?? (isOriginal ? settings.loggingSteps : fitted.loggingSteps)
    settings.evaluationSteps =
      checkpoints.evalSteps ?? (isOriginal ? nil : fitted.evaluationSteps)
    settings.saveMinutes = checkpoints.saveMinutes ?? (isOriginal ? nil : 30)
    settings.loadsBestModelAtEnd =
      checkpoints.loadBestModelAtEnd || !isOriginal && data.validationBlockCount > 0
    settings.samplingStrategy =
      training.trainSamplingStrategy ?? (isOriginal || !data.hasPosts ? .random : .posts)
    return settings
  }
}

extension GPT2Configuration {
  fileprivate mutating func setDropout(_ dropout: Float) {
    (embeddingDropout, attentionDropout, residualDropout) = (dropout, dropout, dropout)
  }
}
