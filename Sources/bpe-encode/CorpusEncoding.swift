import BytePairEncoding
import CommandLineSupport
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
  ) throws -> [TokenSplit: TokenManifest.Split] {
    var encoder = Encoder(tokenizer)
    var train = Part(writer: trainWriter)
    var validation = Part(writer: validationWriter)
    let validationEnd = validationFraction * 0x1p32
    func encode(_ post: UnsafeRawBufferPointer, into part: inout Part) throws {
      try encoder.encode(post, into: &part.ids)
      part.ids.append(endOfText)
      part.posts += 1
      part.textBytes += post.count
      if part.ids.count >= 1 << 16 { try part.flush() }
    }
    try CorpusInput(paths: paths).forEachPost("encoding") { post in
      var checksum = CRC32()
      checksum.update(post)
      if Double(checksum.value) < validationEnd {
        try encode(post, into: &validation)
      } else {
        try encode(post, into: &train)
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
    report(textBytes: train.textBytes + validation.textBytes, tokens: tokens.map(\.tokens))
    if validationFraction > 0 && validation.posts == 0 {
      Log.warning("the corpus is so small that no post fell to validation")
    }
    return validation.posts > 0 ? [.train: tokens[0], .validation: tokens[1]] : [.train: tokens[0]]
  }

  // MARK: - As a whole

  private func encodeWhole(
    _ trainWriter: TokenShardWriter, _ validationWriter: TokenShardWriter
  ) throws -> [TokenSplit: TokenManifest.Split] {
    var encoder = Encoder(tokenizer)
    var ids: [UInt32] = []
    var textBytes = 0
    for path in paths {
      let text = try CorpusInput.text(of: path)
      textBytes += text.count
      do {
        try encoder.encode(text, into: &ids)
      } catch {
        let line = text[..<error.offset].count { $0 == 0x0A } + 1
        throw InputError(path, .line(line), "the line is not UTF-8")
      }
      try Interruption.check()
    }
    if ids.isEmpty { throw Self.emptyCorpus(paths) }
    let trainCount = ids.count - Int(Double(ids.count) * validationFraction)
    try trainWriter.append(ids[..<trainCount])
    try validationWriter.append(ids[trainCount...])
    report(textBytes: textBytes, tokens: [ids.count])
    var splits: [TokenSplit: TokenManifest.Split] = [
      .train: .init(posts: nil, textBytes: nil, shards: try trainWriter.finish())
    ]
    if trainCount < ids.count {
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
