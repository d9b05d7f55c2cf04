import FileSupport
import TextSupport

extension TokenManifest {
  /// The entries of all shards, split by split.
  private var allShards: [Shard] { TokenSplit.allCases.flatMap { splits[$0]?.shards ?? [] } }

  /// The names of all shards, split by split.
  var shardNames: [String] {
    allShards.map(\.name)
  }

  /// Checks that `digest` is that of the tokenizer used to create the shards in `folder`.
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

  /// Opens the shards of `split` in `folder` and checks them against the manifest.
  ///
  /// A split without shards has no tokens.
  ///
  /// - Throws: ``InputError`` with the file and the byte offset; ``FileError``.
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

  /// Checks `shard`, which is next to the manifest, against the entry with its name.
  ///
  /// - Throws: ``InputError`` with the byte offset, also if there is no such entry.
  public func check(_ shard: TokenShard, verifyingContents: Bool) throws {
    let name = Folder.name(of: shard.path)
    guard let expected = allShards.first(where: { $0.name == name }) else {
      throw InputError(shard.path, "\(Self.fileName) next to it does not list this file")
    }
    try check(shard, against: expected, verifyingContents: verifyingContents)
  }

  /// Checks `shard` against the entry `expected` of the manifest.
  ///
  /// - Throws: ``InputError`` with the byte offset.
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
      "\(shard.header.bytesPerToken) bytes per id; the vocabulary of \(vocabularySize) tokens of "
        + "\(Self.fileName) needs \(bytesPerToken)")
    guard let description = shard.header.description else {
      // Another program wrote it, without a description of the vocabulary.
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

  /// The paths of the shards in `folder`: first those of the manifest, then others that are named
  /// like shards.
  ///
  /// - Throws: ``FileError``.
  public func shardPaths(in folder: String) throws -> [String] {
    let named = shardNames
    let others = try Folder.list(folder).filter { name in
      !named.contains(name) && TokenSplit.allCases.contains { $0.isShardName(name) }
    }
    return (named + others).map { folder + "/" + $0 }
  }

  /// Checks the valid shards of `folder` as a whole: each post must have an end of text, and
  /// nothing may follow the last one.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  public func verifyEndsOfText(in folder: String) throws {
    for split in TokenSplit.allCases {
      guard let posts = splits[split]?.posts else { continue }
      let tokens = try shards(of: split, in: folder, verifyingContents: false)
      let ends = tokens.shards.reduce(0) { $0 + $1.occurrences(of: endOfText) }
      // A post may contain the token itself if special tokens in texts were recognised.
      guard ends >= posts else {
        throw InputError(
          folder + "/" + Self.fileName,
          "'\(split).posts' is \(posts), but only \(ends) of its tokens end a text (id \(endOfText))"
        )
      }
      guard let last = tokens.shards.last(where: { $0.count > 0 }) else { continue }
      let lastID = last[last.count - 1]
      guard lastID == endOfText else {
        throw InputError(
          last.path, .byte(last.byteCount - last.header.bytesPerToken),
          "the last token is \(lastID); expected the end of text, \(endOfText)")
      }
    }
  }
}
