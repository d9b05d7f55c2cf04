import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport
import JSONSupport
import Threading
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
  let invalidUTF8: InvalidUTF8Policy
  /// Whether the names of special tokens in the text are these tokens.
  let allowsSpecialTokens: Bool
  /// How many tokens a model is trained on at a time, for the statistics.
  let blockSize: Int
  let threads: Int

  /// How many bytes a thread works on at a time: so many that taking turns costs nothing, so few that
  /// they and their ids stay in the caches of the processor.
  static let bytesPerBlock = 1 << 18

  /// Larger blocks, which are posts or pieces of that length, are encoded by the calling thread, which
  /// writes their tokens as they come: so there is never more than one with all its tokens in memory.
  private static let largestSharedBlock = 1 << 22

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
    case .continuous: return try encodeWhole(writer(.train), writer(.validation), in: folder)
    }
  }

  /// What each thread has for itself, the calling thread at first place.
  private func encodingThreads() -> [EncodingThread] {
    let encoder = Encoder(tokenizer, specialTokens: allowsSpecialTokens ? .recognized : .asText)
    return (0..<threads).map { _ in EncodingThread(encoder, vocabularySize: tokenizer.count) }
  }

  /// What is to be known of the corpus before it is read.
  private var emptyStatistics: CorpusStatistics {
    CorpusStatistics(vocabularySize: tokenizer.count, blockSize: blockSize)
  }

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
  ) throws -> Result {
    var train = Part(writer: trainWriter)
    var validation = Part(writer: validationWriter)
    let (endOfText, validationEnd) = (endOfText, validationFraction * 0x1p32)
    var statistics = emptyStatistics
    let threads = encodingThreads()
    let input = CorpusInput(paths: paths, invalidUTF8: invalidUTF8)
    try input.forEachFile("encoding") { file in
      var reader = try CorpusReader.blocks(
        of: file.path, blockSize: Self.bytesPerBlock, filter: file.repair)
      let input = reader.input
      var lines = 0
      try OrderedWork(
        makeBlock: { EncodedPosts(vocabularySize: tokenizer.count, blockSize: blockSize) },
        read: { block in
          try file.progress(input.bytesConsumed)
          return try reader.read(into: block.text)
        },
        work: { thread, block in
          guard block.text.count <= Self.largestSharedBlock else { return }
          block.encode(with: thread, endOfText: endOfText, validationEnd: validationEnd)
        },
        finish: { block in
          if block.text.count > Self.largestSharedBlock {
            try Self.untilFailure { attempt in
              block.encode(with: threads[0], endOfText: endOfText, validationEnd: validationEnd) {
                tokens, isHeldBack in
                attempt {
                  try file.progress(input.bytesConsumed)
                  try (isHeldBack ? validation : train).writer.append(tokens)
                  tokens.removeAll()
                }
              }
            }
          }
          if let failure = block.failure {
            let line = lines + failure.line
            throw CorpusReader.notUTF8(
              failure.text, at: failure.offset + (line == 1 ? input.markLength : 0), line: line,
              path: file.path)
          }
          statistics.lengths.merge(block.lengths, file: file.number, linesBefore: lines)
          lines += block.lines
          try train.take(block.train)
          try validation.take(block.heldBack)
        }
      ).run(states: threads)
      statistics.take(file.repair)
      return input.bytesConsumed
    }
    for thread in threads { statistics.uses.merge(thread.uses) }
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

  // MARK: - As a whole

  private func encodeWhole(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter, in folder: String
  ) throws -> Result {
    // Which tokens are the last ones is known only at the end.
    let spool =
      validationFraction > 0
      ? try TokenSpool(folder: folder, vocabularySize: tokenizer.count) : nil
    var statistics = emptyStatistics
    let threads = encodingThreads()
    let canCutTexts = threads[0].encoder.canCutTexts
    func write(_ tokens: PackedTokens) throws {
      if let spool { try spool.append(tokens) } else { try trainWriter.append(tokens) }
    }
    let input = CorpusInput(paths: paths, invalidUTF8: invalidUTF8)
    try input.forEachFile("encoding") { file in
      let preTokenizer = PreTokenizer()
      var reader = try BlockReader(
        path: file.path, as: .cleanedText, blockSize: Self.bytesPerBlock, filter: file.repair,
        lastCut: { canCutTexts ? preTokenizer.lastCut(in: $0, after: $1) : nil })
      let input = reader.input
      var newlines = 0
      var lineBytes = 0
      try OrderedWork(
        makeBlock: { EncodedText(vocabularySize: tokenizer.count) },
        read: { block in
          try file.progress(input.bytesConsumed)
          return try reader.read(into: block.text)
        },
        work: { thread, block in
          guard block.text.count <= Self.largestSharedBlock else { return }
          block.encode(with: thread)
        },
        finish: { block in
          if block.text.count > Self.largestSharedBlock {
            try Self.untilFailure { attempt in
              block.encode(with: threads[0]) { tokens in
                attempt {
                  try file.progress(input.bytesConsumed)
                  try write(tokens)
                  tokens.removeAll()
                }
              }
            }
          }
          newlines += block.newlines
          lineBytes = block.newlines > 0 ? block.lineBytes : lineBytes + block.lineBytes
          if let text = block.invalidText {
            throw CorpusReader.notUTF8(
              text, at: lineBytes + (newlines == 0 ? input.markLength : 0), line: newlines + 1,
              path: file.path)
          }
          statistics.otherBytes += block.textBytes
          try write(block.tokens)
        }
      ).run(states: threads)
      statistics.take(file.repair)
      return input.bytesConsumed
    }
    for thread in threads { statistics.uses.merge(thread.uses) }
    if statistics.uses.tokens == 0 { throw Self.emptyCorpus(paths) }
    let held = Int(Double(statistics.uses.tokens) * validationFraction)
    try spool?.move(statistics.uses.tokens - held, to: trainWriter, others: validationWriter)
    var splits: [TokenSplit: TokenManifest.Split] = [
      .train: .init(posts: nil, textBytes: nil, shards: try trainWriter.finish())
    ]
    if held > 0 {
      splits[.validation] = .init(posts: nil, textBytes: nil, shards: try validationWriter.finish())
    }
    return (splits, statistics)
  }

  /// Calls `body` with what attempts something that may fail, and tells whether to go on.
  ///
  /// - Throws: The failure of an attempt.
  private static func untilFailure(
    _ body: (_ attempt: (() throws -> Void) -> Bool) -> Void
  ) throws {
    var failure: (any Error)?
    body { attempt in
      do {
        try attempt()
      } catch {
        failure = error
      }
      return failure == nil
    }
    if let failure { throw failure }
  }
}

extension CorpusStatistics {
  /// Takes in what was repaired in a file, and tells of it.
  fileprivate mutating func take(_ repair: UTF8Repair?) {
    guard let repair, repair.sequences > 0 else { return }
    invalidUTF8.sequences += repair.sequences
    invalidUTF8.bytes += repair.bytes
    Log.warning(repair.summary)
  }
}
