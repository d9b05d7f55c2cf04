import CheckpointFormat
import CommandLineSupport
import Communication
import FileSupport
import GPT2
import Glibc
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
      gpt-finetune --compare checkpoints/one checkpoints/two -o compare.html
          show runs side by side on one page: curves, the settings that differ, results
      gpt-finetune data/tokens/bugurt --model rugpt3… -o checkpoints/bugurt --adapter lora
          train an adapter (LoRA) instead of all weights: less memory and time; final/adapter/ is what
          peft loads, final/ the model merged with it

      gpt-finetune data/tokens/bugurt --model rugpt3… -o checkpoints/bugurt --estimate
          print what the run would take: time, memory, disk
      gpt-finetune data/tokens/bugurt --model rugpt3… -o checkpoints/bugurt --until 07:30
          train for as long as there is time

    Options have the same names and meanings as in the Hugging Face Trainer. When a run is resumed,
    options that affect the result must stay the same; how often to log and save, and --threads,
    may change.

    Ctrl-C writes a checkpoint of the last complete step and stops, as do SIGTERM and closing the
    terminal; a second Ctrl-C stops at once.

    Processes started by mpirun or srun share the training: N processes that add up M batches each
    take the same steps as one process that adds up N × M. SIGUSR1 stops them like Ctrl-C. See
    docs/machines.md.
    """

  static let files = [ModelHub.cacheEntry]
  static var versionFacts: [String] { ["matrix products: \(ThreadPool.matrixKernels)"] }
  static var isFirstProcess: Bool { Communicator.isFirstLaunched }

  static let memoryAdvice =
    "--gradient-checkpointing and a smaller --batch-size, --block-size or --threads need less"

  @Arguments(
    help: "folder of token shards written by bpe-encode; with --compare, the folders of runs",
    valueName: "tokens", completion: .folder)
  var inputs: [String]
  var tokens: String { inputs[0] }
  @Option(
    help: "folder of the run; with --compare, the page to write", short: "o", valueName: "folder",
    completion: .folder)
  var output: String
  @Option(
    help: "Hugging Face folder of the model to fine-tune: config.json, and weights as safetensors "
      + "or PyTorch's .bin, in one file or in shards; or a GGUF file; or its name on the Hugging Face "
      + "Hub, NAME or NAMESPACE/NAME[@REVISION], which is downloaded once",
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

  @Flag(
    help: "only measure a few steps, with these settings and with alternatives, and print the "
      + "time, memory and disk space that the run would take. Nothing is written")
  var estimate = false

  @OptionGroup("A new model (without --model)") var shape: ModelShapeOptions
  @OptionGroup("An adapter (with --model)") var adapterOptions: AdapterOptions
  @OptionGroup("Training") var training: TrainingOptions
  @OptionGroup("Several machines (under mpirun)") var processes: ProcessOptions
  @OptionGroup("Optimizer") var optimizer: OptimizerOptions
  @OptionGroup("Log, validation, checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup("Comparing runs") var comparison: ComparisonOptions

  @Option(
    help: "number of threads, at most one for each processor; does not affect the result",
    valueName: "n",
    defaultText: "one for each physical core", accepting: .within(1...1024))
  var threads: Int?

  func validate() throws {
    try comparison.validate(inputs, output: output)
    if comparison.compare { return }
    if model == nil, shape.width % shape.heads != 0 {
      throw UsageError("--width \(shape.width) is not a multiple of --heads \(shape.heads)")
    }
    if model == nil, training.blockSize > shape.context {
      throw UsageError("--block-size \(training.blockSize) is more than --context \(shape.context)")
    }
    try adapterOptions.validate(model: model)
    try processes.validate()
    if training.maxHours != nil, training.until != nil {
      throw UsageError("--max-hours and --until exclude each other")
    }
    if let until = training.until, until.seconds(after: time(nil)) <= time(nil) {
      throw UsageError("--until \(until.argumentText) has passed")
    }
    if checkpoints.earlyStoppingThreshold != nil, checkpoints.earlyStoppingPatience == nil {
      throw UsageError("--early-stopping-threshold needs --early-stopping-patience")
    }
  }

  func run() throws {
    if comparison.compare { return try comparison.write(inputs, to: output) }
    let communicator = try Communicator.launched()
    try communicator.session {
      guard estimate else {
        return try holdingOutput(communicator) { try train(communicator) }
      }
      guard communicator.size == 1 else {
        throw communicator.shared(
          UsageError("--estimate measures what one process does: run it without mpirun"))
      }
      try checkOutput()
      try printEstimate()
    }
  }

  /// Checks that the run is not to be written into a model, such as that of another run.
  func checkOutput() throws {
    let name = Folder.name(of: output)
    let parent = RunFolder(path: Folder.parent(of: output))
    let isPartOfRun =
      name == "final" || name.wholeMatch(of: /checkpoint-\d+/) != nil
      ? try parent.holdsRun() : false
    guard isPartOfRun || Folder.hasFile("\(output)/\(CheckpointFile.configuration)") else { return }
    throw UsageError(
      "--output: \(output) is "
        + (isPartOfRun ? "part of the run \(parent.path)" : "a model")
        + ", not the folder of a run; choose another folder")
  }

  /// The trainer that the options describe, of which nothing has been started.
  func prepare(
    _ clock: TrainingClock, _ communicator: Communicator = .alone
  ) throws -> (trainer: Trainer, processors: Processors) {
    let data = try communicator.together {
      try TrainingData(folder: tokens, blockSize: training.blockSize)
    }
    let settings = try communicator.together { try self.settings(for: data, communicator) }
    let processors = Processors.current
    let threadPool = ThreadPool(
      count: processors.threadCount(
        requested: threads ?? max(1, processors.threadCount / communicator.countOnThisMachine)))
    let base = try fetchModel(communicator)
    let trainer = try communicator.together {
      try makeTrainer(data, base, settings, threadPool, communicator, clock)
    }
    try trainer.checkProcesses()
    return (trainer, processors)
  }

  /// Gives a new model its weights.
  func drawWeights(of trainer: Trainer) {
    guard model == nil, let new = trainer.model as? GPT2Model else { return }
    new.drawWeights(seed: trainer.settings.seed)
  }

  /// The trainer of a new model, whose weights are still zero, or of the one in the folder `base`.
  private func makeTrainer(
    _ data: TrainingData, _ base: String?, _ settings: TrainingSettings, _ threadPool: ThreadPool,
    _ communicator: Communicator, _ clock: TrainingClock
  ) throws -> Trainer {
    let folder = RunFolder(path: output)
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
        vocabulary: vocabulary, clock: clock, communicator: communicator)
    }
    Log.info("reading \(base)")
    let model: any CheckpointableModel
    let checksum: UInt32
    if adapterOptions.isUsed {
      let adapter = try makeAdapter(of: base, settings, threadPool)
      (model, checksum) = (adapter, try adapter.baseChecksum())
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
      vocabulary: vocabulary, clock: clock, communicator: communicator)
  }

  /// The training of an adapter of the model in the folder `base`.
  private func makeAdapter(
    of base: String, _ settings: TrainingSettings, _ threadPool: ThreadPool
  ) throws -> AdapterTraining {
    let stored = try StoredModel(folder: base, threadPool)
    let weights = adapterOptions.baseWeights ?? (settings.precision == .bf16 ? .bf16 : .fp32)
    let merges = try adapterOptions.merges(
      size: AdapterTraining.mergedSize(of: stored.configuration), run: output)
    if let adapter = adapterOptions.adapterFrom {
      if let note = AdapterFolder(in: adapter)?.note(usedWith: model ?? base, in: base) {
        Log.info(note)
      }
      return try AdapterTraining(
        from: adapter, base: stored, weights: weights, merges: merges, threadPool: threadPool,
        progress: Interruption.check)
    }
    let configuration = try adapterOptions.configuration(
      base: ModelFolder.hubName(of: base) ?? base)
    try adapterOptions.check(configuration, for: stored.configuration)
    return try AdapterTraining(
      configuration, base: stored, weights: weights, merges: merges, seed: settings.seed,
      threadPool: threadPool, progress: Interruption.check)
  }
}

extension GPT2Configuration {
  fileprivate mutating func setDropout(_ dropout: Float) {
    (embeddingDropout, attentionDropout, residualDropout) = (dropout, dropout, dropout)
  }
}
