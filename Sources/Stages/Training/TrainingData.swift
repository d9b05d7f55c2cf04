import FileSupport
import JSONSupport
import TensorKernels
import TokenShardFormat

/// The token shards of a run, cut into blocks.
public struct TrainingData: Sendable {
  /// What the shards were made from.
  public let manifest: TokenManifest
  let training: TokenShards
  let validation: TokenShards
  /// The folder of the shards.
  public let folder: String
  /// The number of tokens in a block.
  public let blockSize: Int

  /// Opens the shards in `folder`.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a shard is damaged, or if there are not enough tokens
  ///   for a single block.
  public init(folder: String, blockSize: Int) throws {
    manifest = try TokenManifest(folder: folder)
    training = try manifest.shards(of: .train, in: folder)
    validation = try manifest.shards(of: .validation, in: folder)
    self.folder = folder
    self.blockSize = blockSize
    guard training.count >= blockSize else {
      throw InputError(
        folder,
        "\(training.count) tokens to train on are less than a block of \(blockSize): "
          + "use more text or a smaller --block-size")
    }
  }

  /// The folder of the tokenizer.
  public var tokenizerFolder: String { "\(folder)/\(TokenManifest.tokenizerFolder)" }

  /// How many whole blocks there are to train on; the tokens after the last one are left out, as in
  /// the original recipe's TextDataset.
  public var blockCount: Int { training.count / blockSize }

  /// How many whole blocks there are to validate on.
  public var validationBlockCount: Int { validation.count / blockSize }

  /// What identifies the data of a split, for resuming.
  func digest(of split: TokenSplit) -> JSONValue {
    .array(
      (manifest.splits[split]?.shards ?? []).map {
        ["tokens": .integer($0.tokens), "crc32": .integer(Int($0.checksum))]
      })
  }
}

/// A number of blocks, as inputs and targets: the target of a position is the token after it.
///
/// A block of n tokens has n − 1 positions; its last token is only ever a target.
struct Batch {
  /// `[blocks · (blockSize − 1)]`, as are the ``targets``.
  private(set) var inputs: [Int32] = []
  private(set) var targets: [Int32] = []

  init(_ shards: TokenShards, blocks: some Sequence<Int>, blockSize: Int) {
    for block in blocks {
      let ids = shards.ids(in: block * blockSize..<(block + 1) * blockSize)
      inputs += ids.dropLast().map { Int32(truncatingIfNeeded: $0) }
      targets += ids.dropFirst().map { Int32(truncatingIfNeeded: $0) }
    }
  }
}

/// Which blocks each step of a training run sees.
///
/// Everything follows from the seed and the index of the step, so a resumed run needs no other
/// state.
package struct BatchPlan {
  let blockCount: Int
  let batchSize: Int
  let accumulation: Int
  let seed: UInt64
  let samplingStrategy: SamplingStrategy

  package init(_ settings: TrainingSettings, blockCount: Int) {
    self.blockCount = blockCount
    batchSize = settings.batchSize
    accumulation = settings.gradientAccumulationSteps
    seed = settings.seed
    samplingStrategy = settings.samplingStrategy
  }

  /// The number of batches in an epoch; the last may be smaller.
  package var batchesPerEpoch: Int { (blockCount + batchSize - 1) / batchSize }

  /// The number of steps in an epoch; the last may have fewer batches.
  package var stepsPerEpoch: Int { (batchesPerEpoch + accumulation - 1) / accumulation }

  /// The number of steps in `epochs` epochs.
  package func steps(epochs: Double) -> Int {
    max(1, Int((epochs * Double(stepsPerEpoch)).rounded(.up)))
  }

  /// How many epochs are complete after `step` steps.
  package func epoch(after step: Int) -> Double {
    let (whole, rest) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    return Double(whole)
      + Double(min(rest * accumulation, batchesPerEpoch)) / Double(batchesPerEpoch)
  }

  /// The positions in the epoch's order of the blocks of each batch of step `step`, counted from 0.
  package func batches(ofStep step: Int) -> [Range<Int>] {
    let first = step % stepsPerEpoch * accumulation
    return (first..<min(first + accumulation, batchesPerEpoch)).map {
      $0 * batchSize..<min(($0 + 1) * batchSize, blockCount)
    }
  }

  /// The order in which epoch `epoch` goes through the blocks.
  package func order(epoch: Int) -> [Int] {
    guard samplingStrategy == .random else { return Array(0..<blockCount) }
    var generator = PhiloxGenerator(seed: seed, .blockOrder, stream: epoch)
    return (0..<blockCount).shuffled(using: &generator)
  }
}
