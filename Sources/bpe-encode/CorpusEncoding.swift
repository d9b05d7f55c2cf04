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

/// Encodes the corpus and writes its shards, in memory for a few blocks of it.
struct CorpusEncoding {
  let paths: [String]
  let packing: Packing
  let tokenizer: Tokenizer
  let endOfText: UInt32
  let validationFraction: Double
  let tokensPerShard: Int
  let threads: Int

  /// How many bytes a thread works on at a time: so many that taking turns costs nothing, so few that
  /// they and their ids stay in the caches of the processor.
  static let blockSize = 1 << 18

  /// What the manifest says of it; `tokenizer` tells where the tokenizer comes from.
  func settings(tokenizer: JSONValue) -> JSONValue {
    [
      "program": .string("\(BPEEncode.name) \(packageVersion)"),
      "corpus": .array(paths.map { .string($0) }), "pack": .string(packing.rawValue),
      "validation_fraction": .number(validationFraction),
      "shard_tokens": .integer(tokensPerShard), "tokenizer": tokenizer,
    ]
  }

  static func emptyCorpus(_ paths: [String]) -> InputError {
    InputError(paths.joined(separator: ", "), "there is no text in it; expected a post a line")
  }

  /// Writes the shards into `folder`.
  func run(into folder: String) throws -> [TokenSplit: TokenManifest.Split] {
    let digest = tokenizer.digest
    func writer(_ split: TokenSplit) -> TokenShardWriter {
      TokenShardWriter(
        folder: folder, split: split, vocabularySize: tokenizer.count, endOfText: endOfText,
        tokenizerDigest: digest, tokensPerShard: tokensPerShard)
    }
    switch packing {
    case .posts: return try encodePosts(writer(.train), writer(.validation))
    case .continuous: return try encodeWhole(writer(.train), writer(.validation), in: folder)
    }
  }

  /// An encoder for each thread.
  private var encoders: [Encoder] { Array(repeating: Encoder(tokenizer), count: threads) }

  // MARK: - Post by post

  /// The part of the corpus that is being written.
  private struct Part {
    let writer: TokenShardWriter
    var posts = 0
    var textBytes = 0

    mutating func take(_ part: EncodedPosts.Part) throws {
      posts += part.posts
      textBytes += part.textBytes
      try writer.append(part.tokens)
    }

    mutating func finish() throws -> TokenManifest.Split {
      TokenManifest.Split(posts: posts, textBytes: textBytes, shards: try writer.finish())
    }
  }

  private func encodePosts(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter
  ) throws -> [TokenSplit: TokenManifest.Split] {
    var train = Part(writer: trainWriter)
    var validation = Part(writer: validationWriter)
    let (vocabularySize, endOfText) = (tokenizer.count, endOfText)
    let validationEnd = validationFraction * 0x1p32
    let encoders = encoders
    try CorpusInput(paths: paths).forEachFile("encoding") { path, progress in
      var reader = try CorpusReader.blocks(of: path, blockSize: Self.blockSize)
      var lines = 0
      var isFirst = true
      try OrderedWork(
        makeBlock: { EncodedPosts(vocabularySize: vocabularySize) },
        read: { block in
          try progress(reader.input.bytesConsumed)
          block.isFirst = isFirst
          isFirst = false
          return try reader.read(into: block.text)
        },
        work: { encoder, block in
          block.encode(with: &encoder, endOfText: endOfText, validationEnd: validationEnd)
        },
        finish: { block in
          if let failure = block.failure {
            throw CorpusReader.notUTF8(
              failure.byte, at: failure.offset, line: lines + failure.line, path: path)
          }
          lines += block.lines
          try train.take(block.train)
          try validation.take(block.validation)
        }
      ).run(states: encoders)
      return reader.input.bytesConsumed
    }
    if train.posts + validation.posts == 0 { throw Self.emptyCorpus(paths) }
    if train.posts == 0 {
      throw InputError(
        paths.joined(separator: ", "),
        "all \(validation.posts) posts fell to validation; give more posts or a smaller "
          + "--validation-fraction")
    }
    let splits = [try train.finish(), try validation.finish()]
    report(textBytes: train.textBytes + validation.textBytes, tokens: splits.map(\.tokens))
    if validationFraction > 0 && validation.posts == 0 {
      Log.warning("the corpus is so small that no post fell to validation")
    }
    return validation.posts > 0 ? [.train: splits[0], .validation: splits[1]] : [.train: splits[0]]
  }

  // MARK: - As a whole

  private func encodeWhole(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter, in folder: String
  ) throws -> [TokenSplit: TokenManifest.Split] {
    // Which tokens are the last ones is known only at the end.
    let vocabularySize = tokenizer.count
    let spool =
      validationFraction > 0
      ? try TokenSpool(folder: folder, vocabularySize: vocabularySize) : nil
    var textBytes = 0
    var tokens = 0
    let encoders = encoders
    let canCutTexts = encoders[0].canCutTexts
    try CorpusInput(paths: paths).forEachFile("encoding") { path, progress in
      let preTokenizer = PreTokenizer()
      var reader = try BlockReader(
        path: path, blockSize: Self.blockSize, normalizesLineEnds: true,
        lastCut: { canCutTexts ? preTokenizer.lastCut(in: $0, after: $1) : nil })
      var newlines = 0
      try OrderedWork(
        makeBlock: { EncodedText(vocabularySize: vocabularySize) },
        read: { block in
          try progress(reader.input.bytesConsumed)
          return try reader.read(into: block.text)
        },
        work: { encoder, block in block.encode(with: &encoder) },
        finish: { block in
          newlines += block.newlines
          if block.isInvalid {
            throw InputError(path, .line(newlines + 1), "the line is not UTF-8")
          }
          textBytes += block.text.count
          tokens += block.tokens.count
          if let spool {
            try spool.append(block.tokens)
          } else {
            try trainWriter.append(block.tokens)
          }
        }
      ).run(states: encoders)
      return reader.input.bytesConsumed
    }
    if tokens == 0 { throw Self.emptyCorpus(paths) }
    let held = Int(Double(tokens) * validationFraction)
    try spool?.move(tokens - held, to: trainWriter, others: validationWriter)
    report(textBytes: textBytes, tokens: [tokens])
    var splits: [TokenSplit: TokenManifest.Split] = [
      .train: .init(posts: nil, textBytes: nil, shards: try trainWriter.finish())
    ]
    if held > 0 {
      splits[.validation] = .init(posts: nil, textBytes: nil, shards: try validationWriter.finish())
    }
    return splits
  }

  private func report(textBytes: Int, tokens: [Int]) {
    let tokens = Double(tokens.reduce(0, +))
    Log.info(
      "\(Progress.countText(tokens)) tokens of \(Progress.byteText(Double(textBytes))), "
        + "\(Progress.decimal(Double(textBytes) / tokens, 2)) bytes a token")
  }
}
