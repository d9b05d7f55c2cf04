import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport
import TokenShardFormat

/// What is a text of its own.
enum Packing: String, CaseIterable {
  /// Each line; the end-of-text token follows it.
  case posts
  /// Each file as a whole; nothing marks its end.
  case continuous
}

/// Encodes the corpus and writes its shards.
struct CorpusEncoding {
  let paths: [String]
  let packing: Packing
  let tokenizer: Tokenizer
  let endOfText: UInt32
  let validationFraction: Double
  let tokensPerShard: Int
  let invalidUTF8: InvalidUTF8Policy
  /// Whether the names of special tokens in the text are these tokens.
  let allowsSpecialTokens: Bool
  /// How many tokens a model is trained on at a time, for the statistics.
  let blockSize: Int

  /// What the manifest says of it; `tokenizer` tells where the tokenizer comes from.
  func settings(tokenizer: JSONValue) -> JSONValue {
    [
      "program": .string("\(BPEEncode.name) \(packageVersion)"),
      "corpus": .array(paths.map { .string($0) }), "pack": .string(packing.rawValue),
      "validation_fraction": .number(validationFraction),
      "shard_tokens": .integer(tokensPerShard), "invalid_utf8": .string(invalidUTF8.rawValue),
      "allow_special": .boolean(allowsSpecialTokens), "tokenizer": tokenizer,
    ]
  }

  static func emptyCorpus(_ paths: [String]) -> InputError {
    InputError(paths.joined(separator: ", "), "there is no text in it; expected a post a line")
  }

  /// The parts of the corpus as they were written, and what is to be known of it.
  typealias Result = (splits: [TokenSplit: TokenManifest.Split], statistics: CorpusStatistics)

  /// Writes the shards into `folder`.
  func run(into folder: String) throws -> Result {
    let digest = tokenizer.digest
    func writer(_ split: TokenSplit) -> TokenShardWriter {
      TokenShardWriter(
        folder: folder, split: split, vocabularySize: tokenizer.count, endOfText: endOfText,
        tokenizerDigest: digest, tokensPerShard: tokensPerShard)
    }
    switch packing {
    case .posts: return try encodePosts(writer(.train), writer(.validation))
    case .continuous: return try encodeWhole(writer(.train), writer(.validation))
    }
  }

  // MARK: - Post by post

  /// The part of the corpus that is being written.
  private struct Part {
    let writer: TokenShardWriter
    var posts = 0
    var textBytes = 0
    var ids: [UInt32] = []

    mutating func flush() throws {
      try writer.append(ids)
      ids.removeAll(keepingCapacity: true)
    }

    mutating func finish() throws -> TokenManifest.Split {
      try flush()
      return TokenManifest.Split(posts: posts, textBytes: textBytes, shards: try writer.finish())
    }
  }

  private func encodePosts(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter
  ) throws -> Result {
    var encoder = Encoder(tokenizer)
    var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: blockSize)
    var train = Part(writer: trainWriter)
    var validation = Part(writer: validationWriter)
    let validationEnd = validationFraction * 0x1p32
    func encode(
      _ post: UnsafeRawBufferPointer, file: Int, line: Int, into part: inout Part
    ) throws {
      let start = part.ids.count
      try appendIDs(of: post, &encoder, to: &part.ids)
      part.ids.append(endOfText)
      statistics.add(post: part.ids[start...], bytes: post.count, file: file, line: line)
      part.posts += 1
      part.textBytes += post.count
      if part.ids.count >= 1 << 16 { try part.flush() }
    }
    let input = CorpusInput(paths: paths, invalidUTF8: invalidUTF8)
    try input.forEachPost("encoding") { repair in
      statistics.take(repair)
    } _: { file, line, post in
      var checksum = CRC32()
      checksum.update(post)
      if Double(checksum.value) < validationEnd {
        try encode(post, file: file, line: line, into: &validation)
      } else {
        try encode(post, file: file, line: line, into: &train)
      }
    }
    if train.posts + validation.posts == 0 { throw Self.emptyCorpus(paths) }
    if train.posts == 0 {
      throw InputError(
        paths.joined(separator: ", "),
        "all \(validation.posts) posts fell to validation; give more posts or a smaller "
          + "--validation-fraction")
    }
    let tokens = [try train.finish(), try validation.finish()]
    if validationFraction > 0 && validation.posts == 0 {
      Log.warning("the corpus is so small that no post fell to validation")
    }
    let splits: [TokenSplit: TokenManifest.Split] =
      validation.posts > 0 ? [.train: tokens[0], .validation: tokens[1]] : [.train: tokens[0]]
    return (splits, statistics)
  }

  private func appendIDs(
    of text: UnsafeRawBufferPointer, _ encoder: inout Encoder, to ids: inout [UInt32]
  ) throws {
    guard allowsSpecialTokens else { return try encoder.encode(text, into: &ids) }
    ids += try encoder.encode(
      String(decoding: text, as: UTF8.self), recognizingSpecialTokens: true)
  }

  // MARK: - As a whole

  private func encodeWhole(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter
  ) throws -> Result {
    var encoder = Encoder(tokenizer)
    var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: blockSize)
    var ids: [UInt32] = []
    for path in paths {
      let repair = UTF8Repair(path: path, policy: invalidUTF8)
      let text = try CorpusInput.text(of: path, repair: repair)
      let start = ids.count
      try text.withUnsafeBytes { try appendIDs(of: $0, &encoder, to: &ids) }
      statistics.add(text: ids[start...], bytes: text.count)
      statistics.take(repair)
      try Interruption.check()
    }
    if ids.isEmpty { throw Self.emptyCorpus(paths) }
    let trainCount = ids.count - Int(Double(ids.count) * validationFraction)
    try trainWriter.append(ids[..<trainCount])
    try validationWriter.append(ids[trainCount...])
    var splits: [TokenSplit: TokenManifest.Split] = [
      .train: .init(posts: nil, textBytes: nil, shards: try trainWriter.finish())
    ]
    if trainCount < ids.count {
      splits[.validation] = .init(posts: nil, textBytes: nil, shards: try validationWriter.finish())
    }
    return (splits, statistics)
  }
}

extension CorpusStatistics {
  /// Takes in what was repaired in a file, and tells of it.
  fileprivate mutating func take(_ repair: UTF8Repair) {
    guard repair.sequences > 0 else { return }
    invalidUTF8.sequences += repair.sequences
    invalidUTF8.bytes += repair.bytes
    Log.warning(repair.summary)
  }
}
