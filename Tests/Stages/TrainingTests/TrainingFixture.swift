import CheckpointFormat
import Communication
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import TokenShardFormat
import Training

/// Token shards of a text that is easy to learn, and trainings of a tiny model on them.
final class TrainingFixture {
  static let blockSize = 8
  static let vocabularySize = 11
  let folder: TemporaryFolder

  /// Shards of `blocks` blocks, and some tokens more, which no block takes.
  init(blocks: Int = 10, validationBlocks: Int = 3) throws {
    folder = try TemporaryFolder()
    try writeShards(blocks: blocks, validationBlocks: validationBlocks)
  }

  /// Tokens of which each follows from the one before, most of the time.
  static func ids(_ split: TokenSplit, count: Int, offset: Int = 0) -> [UInt32] {
    let slowness = split == .train ? 40 : 20
    return (0..<count).map { position in
      UInt32((3 * position + offset + position * position / slowness) % vocabularySize)
    }
  }

  /// Writes the shards, with another `offset` of other tokens, with another `digest` of another
  /// tokenizer.
  ///
  /// The manifest says that there are `posts` posts.
  func writeShards(
    to name: String = "tokens", blocks: Int = 10, validationBlocks: Int = 3, offset: Int = 0,
    digest: UInt32 = 7, posts: Int? = nil, statistics: JSONValue = .null,
    settings: JSONValue = .null
  ) throws {
    let path = folder.path(name)
    var splits: [TokenSplit: TokenManifest.Split] = [:]
    for (split, blocks) in [(TokenSplit.train, blocks), (.validation, validationBlocks)]
    where blocks > 0 {
      let writer = TokenShardWriter(
        folder: path, split: split, vocabularySize: Self.vocabularySize, endOfText: 2,
        tokenizerDigest: digest, tokensPerShard: 37)
      try writer.append(Self.ids(split, count: blocks * Self.blockSize + 3, offset: offset))
      splits[split] = TokenManifest.Split(
        posts: posts, textBytes: nil, shards: try writer.finish())
    }
    try TokenManifest(
      vocabularySize: Self.vocabularySize, tokenizerDigest: digest, endOfTextToken: "</s>",
      endOfText: 2, splits: splits, settings: settings, statistics: statistics
    ).write(to: path)
    try folder.write("{}", to: "\(name)/tokenizer/vocab.json")
    try folder.write("#version: 0.2\n", to: "\(name)/tokenizer/merges.txt")
  }

  /// Settings of 12 steps: ten blocks, two batches of two a step, so that each epoch has a step of
  /// one batch.
  static var settings: TrainingSettings {
    var settings = TrainingSettings()
    settings.blockSize = blockSize
    settings.batchSize = 2
    settings.gradientAccumulationSteps = 2
    settings.maximumSteps = 12
    settings.learningRate = 0.02
    settings.warmupSteps = 2
    settings.weightDecay = 0.01
    settings.loggingSteps = 2
    settings.saveSteps = 5
    return settings
  }

  static var configuration: GPT2Configuration {
    GPT2Configuration(
      vocabularySize: vocabularySize, contextLength: 16, embeddingSize: 8, layers: 2, heads: 2)
  }

  func trainer(
    _ run: String = "run", tokens: String = "tokens",
    configuration: GPT2Configuration = configuration, seed: UInt64 = 1,
    origin: WeightOrigin = .random, clock: TrainingClock = .init(),
    communicator: Communicator = .alone,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Trainer {
    try trainer(
      of: GPT2Model(configuration, seed: seed, threadPool: ThreadPool(count: 1)), run,
      tokens: tokens, origin: origin, clock: clock, communicator: communicator, change)
  }

  func trainer(
    of model: any CheckpointableModel, _ run: String = "run", tokens: String = "tokens",
    origin: WeightOrigin = .random, clock: TrainingClock = .init(),
    communicator: Communicator = .alone,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Trainer {
    var settings = Self.settings
    change(&settings)
    return try Trainer(
      model,
      data: TrainingData(folder: folder.path(tokens), blockSize: settings.blockSize),
      settings: settings, folder: RunFolder(path: folder.path(run)), origin: origin,
      clock: clock, communicator: communicator)
  }

  struct Stop: Error {}

  /// Trains until after `step`, where the report stops the training.
  func runAndStop(
    _ run: String, after step: Int, configuration: GPT2Configuration = configuration,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws {
    try stop(trainer(run, configuration: configuration, change), after: step)
  }

  /// Trains until after `step`, where the report stops the training.
  func stop(_ trainer: Trainer, after step: Int) throws {
    do {
      try trainer.run { event in
        if case .progress(let progress) = event, progress.step == step { throw Stop() }
      }
    } catch is Stop {}
  }

  func bytes(_ name: String) throws -> [UInt8] {
    try folder.bytes(of: name)
  }
}

extension Trainer {
  /// The model, if all of its weights are trained.
  var gpt2: GPT2Model { get throws { try #require(model as? GPT2Model) } }
}

extension TrainerState {
  /// The state without what differs from run to run: how long something took.
  var withoutTimes: TrainerState {
    var state = self
    for index in state.log.indices {
      state.log[index].values = state.log[index].values.filter { key, _ in
        !key.hasSuffix("_runtime") && !key.hasSuffix("_per_second")
      }
    }
    return state
  }
}
