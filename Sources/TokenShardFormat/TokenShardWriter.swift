import FileSupport

/// Writes the ids of one split into shards, each up to a number of tokens.
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

  /// A writer of `train-00000.bin` and on, or of the same for validation, in `folder`.
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
    bytesPerToken = vocabularySize <= TokenShardHeader.largestShortVocabulary ? 2 : 4
  }

  /// Appends `ids`, all of which are below the size of the vocabulary.
  ///
  /// - Throws: ``FileError``.
  public func append(_ ids: [UInt32]) throws {
    try append(ids[...])
  }

  /// Appends `ids`, all of which are below the size of the vocabulary.
  ///
  /// - Throws: ``FileError``.
  public func append(_ ids: ArraySlice<UInt32>) throws {
    var rest = ids
    while !rest.isEmpty {
      if count == tokensPerShard { try finishShard() }
      let part = rest.prefix(tokensPerShard - count)
      try write(part)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Finishes the last shard and returns all of them; none where no ids were appended.
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

  private func write(_ ids: ArraySlice<UInt32>) throws {
    if file == nil { try beginShard() }
    if bytesPerToken == 2 {
      try writeElements(ids.map { UInt16(truncatingIfNeeded: $0).littleEndian })
    } else {
      try writeElements(ids.map(\.littleEndian))
    }
    count += ids.count
  }

  private func writeElements(_ elements: [some FixedWidthInteger]) throws {
    try elements.withUnsafeBytes { bytes in
      checksum.update(bytes)
      try file?.write(bytes)
    }
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
