import FileSupport
import Glibc
import JSONSupport
import TextSupport

extension TokenManifest {
  /// Reads the manifest of `folder`; the shards are not looked at.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  public init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    guard Folder.exists(folder) else {
      throw FileError(path: folder, operation: .open, code: ENOENT)
    }
    guard Folder.hasFile(path) else {
      throw InputError(
        folder, "there is no \(Self.fileName): not a folder of token shards, or not a whole one")
    }
    let value = try JSONValue(path: path)
    guard value["format"]?.string == Self.format else {
      throw InputError(path, "'format' is not '\(Self.format)'")
    }
    guard value["version"]?.integer == Self.version else {
      throw InputError(path, "'version' is not \(Self.version)")
    }
    func required<Value>(_ value: Value?, _ name: String) throws -> Value {
      guard let value else { throw InputError(path, "'\(name)' is missing or no such value") }
      return value
    }
    let tokenizer = value["tokenizer"]
    let end = tokenizer?["end_of_text"]
    vocabularySize = try required(
      tokenizer?["vocabulary_size"]?.integer, "tokenizer.vocabulary_size")
    tokenizerDigest = try required(Self.checksum(tokenizer?["digest"]), "tokenizer.digest")
    endOfTextToken = try required(end?["token"]?.string, "tokenizer.end_of_text.token")
    endOfText = try required(
      end?["id"]?.integer.flatMap(UInt32.init(exactly:)), "tokenizer.end_of_text.id")
    guard 1...Int(Int32.max) ~= vocabularySize, endOfText < vocabularySize else {
      throw InputError(
        path, "the end of text, id \(endOfText), is not in the vocabulary of \(vocabularySize)")
    }
    settings = value["settings"] ?? .null
    statistics = value["statistics"] ?? .null
    splits = [:]
    for split in TokenSplit.allCases {
      guard let contents = value[split.rawValue] else { continue }
      let shards = try required(contents["shards"]?.elements, "\(split).shards").map { shard in
        // A name that leads out of the folder would be read from elsewhere.
        let name = try required(shard["file"]?.string, "\(split).shards.file")
        guard !name.contains("/"), name != ".." else {
          throw InputError(path, "'\(excerpt(name))' is not the name of a file in the folder")
        }
        return Shard(
          name: name,
          tokens: try required(
            shard["tokens"]?.integer.flatMap { 0...TokenShardHeader.largestCount ~= $0 ? $0 : nil },
            "\(split).shards.tokens"),
          bytes: try required(shard["bytes"]?.integer, "\(split).shards.bytes"),
          checksum: try required(Self.checksum(shard["crc32"]), "\(split).shards.crc32"))
      }
      let contentsRead = Split(
        posts: contents["posts"]?.integer, textBytes: contents["text_bytes"]?.integer,
        shards: shards)
      if let sum = contents["tokens"]?.integer, sum != contentsRead.tokens {
        throw InputError(
          path, "'\(split).tokens' is \(sum), but its shards have \(contentsRead.tokens) together")
      }
      splits[split] = contentsRead
    }
    var names: Set<String> = []
    for name in shardNames where !names.insert(name).inserted {
      throw InputError(path, "'\(name)' is named twice")
    }
  }

  /// The names of all shards, those of the first split first.
  var shardNames: [String] {
    TokenSplit.allCases.flatMap { splits[$0]?.shards ?? [] }.map(\.name)
  }

  /// Checks that the tokenizer beside the shards in `folder`, which has `digest`, is theirs.
  ///
  /// - Throws: ``InputError``.
  public func checkTokenizer(digest: UInt32, in folder: String) throws {
    guard digest == tokenizerDigest else {
      throw InputError(
        folder + "/" + Self.tokenizerFolder,
        "this is not the tokenizer that the shards were made with, according to \(Self.fileName); "
          + "encode the corpus again")
    }
  }

  /// Opens the shards of `split` in `folder` and checks that they are those of the manifest.
  ///
  /// A split without shards has no tokens.
  ///
  /// - Throws: ``InputError`` that names the file and byte; ``FileError``.
  public func shards(
    of split: TokenSplit, in folder: String, verifyingContents: Bool = true
  ) throws -> TokenShards {
    let expected = splits[split]?.shards ?? []
    let shards = try TokenShards(
      paths: expected.map { folder + "/" + $0.name }, verifyingContents: verifyingContents)
    for (shard, expected) in zip(shards.shards, expected) {
      try check(shard, against: expected, verifyingContents: verifyingContents)
    }
    return shards
  }

  /// Checks that `shard`, which lies beside the manifest, is the one that the manifest names so.
  ///
  /// - Throws: ``InputError`` that names the byte, or says that it is not named.
  public func check(_ shard: TokenShard, verifyingContents: Bool) throws {
    let name = Folder.name(of: shard.path)
    let shards = TokenSplit.allCases.flatMap { splits[$0]?.shards ?? [] }
    guard let expected = shards.first(where: { $0.name == name }) else {
      throw InputError(shard.path, "\(Self.fileName) beside it does not name this file")
    }
    try check(shard, against: expected, verifyingContents: verifyingContents)
  }

  /// Checks that `shard` is the one that the manifest calls `expected`.
  ///
  /// - Throws: ``InputError`` that names the byte.
  func check(_ shard: TokenShard, against expected: Shard, verifyingContents: Bool) throws {
    func check(_ holds: Bool, word: Int, _ problem: String) throws {
      if !holds { throw InputError(shard.path, .byte(word * 4), problem) }
    }
    try check(
      shard.count == expected.tokens, word: 2,
      "\(shard.count) tokens; \(Self.fileName) says \(expected.tokens)")
    try check(
      shard.byteCount == expected.bytes, word: 0,
      "the file has \(shard.byteCount) bytes; \(Self.fileName) says \(expected.bytes)")
    let bytesPerToken = TokenShardHeader.bytesPerToken(vocabularySize: vocabularySize)
    try check(
      shard.header.bytesPerToken == bytesPerToken, word: 0,
      "\(shard.header.bytesPerToken) bytes an id; the vocabulary of \(vocabularySize) tokens of "
        + "\(Self.fileName) needs \(bytesPerToken)")
    guard let description = shard.header.description else {
      // Written by another program, which says nothing of the vocabulary.
      guard verifyingContents else { return }
      try shard.checkIDs(below: vocabularySize)
      let checksum = shard.checksum()
      return try check(
        checksum == expected.checksum, word: TokenShardHeader.byteCount / 4,
        "the CRC-32 of the tokens is \(NumberText.hexadecimal(checksum)), \(Self.fileName) says "
          + "\(NumberText.hexadecimal(expected.checksum)): the file is damaged")
    }
    try check(
      description.vocabularySize == vocabularySize, word: 5,
      "a vocabulary of \(description.vocabularySize); \(Self.fileName) says \(vocabularySize)")
    try check(
      description.endOfText == endOfText, word: 6,
      "the end of text is \(description.endOfText); \(Self.fileName) says \(endOfText)")
    try check(
      description.tokenizerDigest == tokenizerDigest, word: 7,
      "the tokenizer is \(NumberText.hexadecimal(description.tokenizerDigest)); "
        + "\(Self.fileName) says \(NumberText.hexadecimal(tokenizerDigest))")
    try check(
      description.checksum == expected.checksum, word: 8,
      "the CRC-32 is \(NumberText.hexadecimal(description.checksum)); "
        + "\(Self.fileName) says \(NumberText.hexadecimal(expected.checksum))")
  }

  private static func checksum(_ value: JSONValue?) -> UInt32? {
    guard let text = value?.string, text.utf8.count == 8 else { return nil }
    return UInt32(text, radix: 16)
  }
}
