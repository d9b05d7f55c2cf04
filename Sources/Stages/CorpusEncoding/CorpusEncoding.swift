import BytePairEncoding
import CorpusFormat
import FileSupport
import JSONSupport
import TokenShardFormat

/// What counts as a text of its own.
public enum Packing: String, CaseIterable, Sendable {
  /// Each line; the end-of-text token follows it.
  case posts
  /// Each file as a whole; nothing marks its end.
  case continuous
}

/// Encodes a corpus into a folder of token shards, with only a few blocks of it in memory.
public struct CorpusEncoding {
  public let input: CorpusInput
  public let packing: Packing
  /// The tokenizer, whose end-of-text token follows each post.
  public let tokenizer: Tokenizer
  /// The fraction of the posts, or of the tokens, that is held back for validation.
  public let validationFraction: Double
  /// The maximum number of tokens in a shard.
  public var tokensPerShard = defaultTokensPerShard
  /// Whether the names of special tokens in the text are encoded as these tokens.
  public var allowsSpecialTokens = false
  /// The number of tokens that a model is trained on at a time, for the statistics.
  public var blockSize = defaultBlockSize

  public static let defaultTokensPerShard = 100_000_000
  public static let defaultBlockSize = 128
  /// The fraction of the posts that is held back unless another is given.
  public static let defaultValidationFraction = 0.05

  /// An encoding with the default options; a `validationFraction` of `nil` means the default of the
  /// packing.
  public init(
    _ input: CorpusInput, packing: Packing, tokenizer: Tokenizer, validationFraction: Double?
  ) {
    self.input = input
    self.packing = packing
    self.tokenizer = tokenizer
    self.validationFraction =
      validationFraction ?? (packing == .posts ? Self.defaultValidationFraction : 0)
  }

  /// Writes the shards, the tokenizer and the manifest into `folder`.
  ///
  /// - Parameters:
  ///   - folder: The folder, which must exist and be empty.
  ///   - program: The program and its version, for the manifest.
  ///   - tokenizerSource: The origin of the tokenizer, for the manifest.
  ///   - report: Receives what was read and repaired.
  /// - Returns: The manifest as it was written, and the statistics in it.
  /// - Throws: `InputError` if the corpus is empty or not UTF-8, or if all of it goes to
  ///   validation; `FileError`; what `report` throws.
  public func run(
    into folder: String, program: String, tokenizerSource: JSONValue,
    report: @escaping CorpusReport
  ) throws -> (manifest: TokenManifest, statistics: CorpusStatistics) {
    let (splits, statistics) = try encode(into: folder, report)
    try tokenizer.write(to: folder + "/" + TokenManifest.tokenizerFolder)
    let settings: JSONValue = [
      "program": .string(program),
      "corpus": .array(input.paths.map { .string($0) }), "pack": .string(packing.rawValue),
      "validation_fraction": .number(validationFraction),
      "shard_tokens": .integer(tokensPerShard),
      "invalid_utf8": .string(input.invalidUTF8.rawValue),
      "allow_special": .boolean(allowsSpecialTokens), "tokenizer": tokenizerSource,
    ]
    let manifest = TokenManifest(
      vocabularySize: tokenizer.count, tokenizerDigest: tokenizer.digest,
      endOfTextToken: tokenizer.roles[.end] ?? "", endOfText: endOfText, splits: splits,
      settings: settings, statistics: statistics.value(files: input.paths))
    try manifest.write(to: folder)
    return (manifest, statistics)
  }

  private var endOfText: UInt32 { tokenizer.id(of: .end) ?? 0 }

  private typealias Encoded = (
    splits: [TokenSplit: TokenManifest.Split], statistics: CorpusStatistics
  )

  private func encode(into folder: String, _ report: @escaping CorpusReport) throws -> Encoded {
    let encoder = Encoder(tokenizer, specialTokens: allowsSpecialTokens ? .recognized : .asText)
    let threads = (0..<input.threads).map { _ in
      EncodingThread(encoder, vocabularySize: tokenizer.count)
    }
    var repaired: [UTF8Repair] = []
    let noteRepair: CorpusReport = { event in
      if case .repaired(let repair) = event { repaired.append(repair) }
      try report(event)
    }
    let encoded =
      switch packing {
      case .posts: try encodePosts(threads, into: folder, noteRepair)
      case .continuous:
        try encodeWhole(
          threads, canCut: encoder.canCutTexts, into: folder, noteRepair)
      }
    var statistics = encoded.statistics
    for repair in repaired {
      statistics.invalidUTF8.sequences += repair.sequences
      statistics.invalidUTF8.bytes += repair.bytes
    }
    return (encoded.splits, statistics)
  }

  private func writer(_ split: TokenSplit, _ folder: String) -> TokenShardWriter {
    TokenShardWriter(
      folder: folder, split: split, vocabularySize: tokenizer.count, endOfText: endOfText,
      tokenizerDigest: tokenizer.digest, tokensPerShard: tokensPerShard)
  }

  private func statistics(of threads: [EncodingThread]) -> CorpusStatistics {
    var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: blockSize)
    for thread in threads { statistics.uses.merge(thread.uses) }
    return statistics
  }

  // MARK: - Post by post

  /// A split being written.
  private struct SplitWriter {
    let writer: TokenShardWriter
    var posts = 0
    var textBytes = 0

    mutating func append(_ part: EncodedPosts.Part) throws {
      posts += part.posts
      textBytes += part.textBytes
      try writer.append(part.tokens)
    }

    func finish() throws -> TokenManifest.Split {
      TokenManifest.Split(posts: posts, textBytes: textBytes, shards: try writer.finish())
    }
  }

  private func encodePosts(
    _ threads: [EncodingThread], into folder: String, _ report: @escaping CorpusReport
  ) throws -> Encoded {
    var train = SplitWriter(writer: writer(.train, folder))
    var validation = SplitWriter(writer: writer(.validation, folder))
    var lengths = PostLengths(blockSize: blockSize)
    let (endOfText, held) = (endOfText, HeldPosts(fraction: validationFraction))
    try input.forEachBlock(
      states: threads,
      makeBlock: { EncodedPosts(vocabularySize: tokenizer.count, blockSize: blockSize) },
      work: { thread, block in
        block.encode(with: thread, endOfText: endOfText, held: held)
      },
      report: report
    ) { block, place in
      lengths.merge(block.lengths, file: place.file, linesBefore: place.lines)
      try train.append(block.train)
      try validation.append(block.validation)
    }
    var statistics = statistics(of: threads)
    statistics.lengths = lengths
    if train.posts + validation.posts == 0 { throw input.isEmptyError }
    if train.posts == 0 { throw input.error(allHeldBack: validation.posts) }
    var splits = [TokenSplit.train: try train.finish()]
    let validationSplit = try validation.finish()
    if validation.posts > 0 { splits[.validation] = validationSplit }
    return (splits, statistics)
  }

  // MARK: - As a whole

  private func encodeWhole(
    _ threads: [EncodingThread], canCut: Bool, into folder: String,
    _ report: @escaping CorpusReport
  ) throws -> Encoded {
    let train = writer(.train, folder)
    // Only at the end is it known which tokens are the last ones.
    let spool =
      validationFraction > 0
      ? try TokenSpool(folder: folder, vocabularySize: tokenizer.count) : nil
    let preTokenizer = PreTokenizer()
    var textBytes = 0
    try input.forEachBlock(
      states: threads,
      lastCut: { canCut ? preTokenizer.lastCut(in: $0, after: $1) : nil },
      makeBlock: { EncodedText(vocabularySize: tokenizer.count) },
      work: { thread, block in block.encode(with: thread) },
      report: report
    ) { block, _ in
      textBytes += block.textBytes
      if let spool { try spool.append(block.tokens) } else { try train.append(block.tokens) }
    }
    var statistics = statistics(of: threads)
    statistics.otherBytes = textBytes
    let tokens = statistics.uses.tokens
    if tokens == 0 { throw input.isEmptyError }
    let held = Int(Double(tokens) * validationFraction)
    let validation = writer(.validation, folder)
    try spool?.move(tokens - held, to: train, others: validation)
    func split(_ writer: TokenShardWriter) throws -> TokenManifest.Split {
      .init(posts: nil, textBytes: nil, shards: try writer.finish())
    }
    var splits = [TokenSplit.train: try split(train)]
    if held > 0 { splits[.validation] = try split(validation) }
    return (splits, statistics)
  }
}
