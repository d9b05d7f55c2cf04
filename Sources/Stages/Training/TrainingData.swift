import FileSupport
import JSONSupport
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

  /// Whether the shards say where a post to train on ends.
  public var hasPosts: Bool { manifest.splits[.train]?.posts != nil }

  /// How many whole blocks there are to validate on.
  public var validationBlockCount: Int { validation.count / blockSize }

  /// The number of bytes of the text of all tokens that a validation predicts: those of the whole
  /// blocks but for the first of each.
  func validationBytes(_ vocabulary: ShardVocabulary) -> Int {
    (0..<validationBlockCount).reduce(0) {
      $0 + vocabulary.byteCount(of: validationBlock($1).dropFirst())
    }
  }

  /// The tokens of block `index` to validate on.
  func validationBlock(_ index: Int) -> [UInt32] { validation.ids(in: block(index)) }

  /// The positions of the tokens of block `index`.
  func block(_ index: Int) -> Range<Int> { index * blockSize..<(index + 1) * blockSize }

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

  /// A batch of `blocks`, each the ids of its tokens.
  init(_ blocks: some Sequence<[UInt32]>) {
    for ids in blocks {
      inputs += ids.dropLast().map { Int32(truncatingIfNeeded: $0) }
      targets += ids.dropFirst().map { Int32(truncatingIfNeeded: $0) }
    }
  }
}
