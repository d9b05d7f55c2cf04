import FileSupport

/// Writes the ids of one split into shards of up to a given number of tokens.
///
///     let writer = try TokenShardWriter(folder: "tokens", split: .train, vocabularySize: 16384, …)
///     try writer.append(ids)
///     let shards = try writer.finish()
public final class TokenShardWriter {
  private let folder: String
  private let split: TokenSplit
  private let vocabularySize: Int
  private let endOfText: UInt32
  private let tokenizerDigest: UInt32
  private let tokensPerShard: Int
  private let bytesPerToken: Int

  private var file: OutputFile?
  private var count = 0
  private var checksum = CRC32()
  private var finished: [TokenManifest.Shard] = []

  /// A writer of `train-00000.bin`, `train-00001.bin` and so on, or of the same for `validation`,
  /// in `folder`.
  public init(
    folder: String, split: TokenSplit, vocabularySize: Int, endOfText: UInt32,
    tokenizerDigest: UInt32, tokensPerShard: Int = 100_000_000
  ) {
    precondition(1...TokenShardHeader.largestCount ~= tokensPerShard)
    self.folder = folder
    self.split = split
    self.vocabularySize = vocabularySize
    self.endOfText = endOfText
    self.tokenizerDigest = tokenizerDigest
    self.tokensPerShard = tokensPerShard
    bytesPerToken = TokenShardHeader.bytesPerToken(vocabularySize: vocabularySize)
  }

  /// Appends `ids`, all of which are smaller than the vocabulary.
  ///
  /// - Throws: ``FileError``.
  public func append(_ ids: [UInt32]) throws {
    try append(ids[...])
  }

  /// Appends `ids`, all of which are smaller than the vocabulary.
  ///
  /// - Throws: ``FileError``.
  public func append(_ ids: ArraySlice<UInt32>) throws {
    var tokens = PackedTokens(vocabularySize: vocabularySize)
    ids.withUnsafeBufferPointer { tokens.append($0) }
    try append(tokens)
  }

  /// Appends `tokens`, which were packed for a vocabulary of the same size.
  ///
  /// - Throws: ``FileError``.
  public func append(_ tokens: PackedTokens) throws {
    precondition(tokens.bytesPerToken == bytesPerToken, "packed for another vocabulary")
    var position = 0
    while position < tokens.count {
      if count == tokensPerShard { try finishShard() }
      if file == nil { try beginShard() }
      let part = position..<min(tokens.count, position + tokensPerShard - count)
      try tokens.withBytes(part) { bytes, partChecksum in
        checksum.append(partChecksum, count: bytes.count)
        try file?.write(bytes)
      }
      count += part.count
      position = part.upperBound
    }
  }

  /// Finishes the last shard and returns all of them; the list is empty if no ids were appended.
  ///
  /// - Throws: ``FileError``.
  public func finish() throws -> [TokenManifest.Shard] {
    try finishShard()
    return finished
  }

  private func beginShard() throws {
    let file = try OutputFile(path: folder + "/" + split.shardName(finished.count))
    try file.write([UInt8](repeating: 0, count: TokenShardHeader.byteCount))
    self.file = file
  }

  private func finishShard() throws {
    guard let file else { return }
    let header = TokenShardHeader(
      count: count, bytesPerToken: bytesPerToken,
      description: .init(
        vocabularySize: vocabularySize, endOfText: endOfText, tokenizerDigest: tokenizerDigest,
        checksum: checksum.value))
    try file.overwrite(at: 0, header.bytes)
    try file.commit()
    finished.append(
      TokenManifest.Shard(
        name: split.shardName(finished.count), tokens: count, bytes: file.byteCount,
        checksum: checksum.value))
    self.file = nil
    count = 0
    checksum = CRC32()
  }
}
