import FileSupport
import TestSupport
import TokenShardFormat
import Testing

@Suite struct PackedTokensTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func packed(_ ids: [UInt32], _ vocabularySize: Int) -> PackedTokens {
    var tokens = PackedTokens(vocabularySize: vocabularySize)
    ids.withUnsafeBufferPointer { tokens.append($0) }
    return tokens
  }

  private func writer(
    _ split: TokenSplit, _ vocabularySize: Int, tokensPerShard: Int = 100
  ) -> TokenShardWriter {
    TokenShardWriter(
      folder: folder.path, split: split, vocabularySize: vocabularySize, endOfText: 2,
      tokenizerDigest: 1, tokensPerShard: tokensPerShard)
  }

  private func ids(of shards: [TokenManifest.Shard]) throws -> [UInt32] {
    let tokens = try TokenShards(paths: shards.map { folder.path($0.name) })
    return tokens.ids(in: 0..<tokens.count)
  }

  @Test(
    "are written in any portions, across the ends of shards, with correct checksums",
    arguments: [300, 70_000], [1, 3, 99, 100, 101, 250, 1000])
  func portions(vocabularySize: Int, portion: Int) throws {
    let all = (0..<1000).map { UInt32($0 * 67 % vocabularySize) }
    let writer = writer(.train, vocabularySize)
    var tokens = PackedTokens(vocabularySize: vocabularySize)
    for start in stride(from: 0, to: all.count, by: portion) {
      tokens.removeAll()
      // In two steps, as a block of posts has them.
      let part = all[start..<min(all.count, start + portion)]
      part.prefix(portion / 2).withUnsafeBufferPointer { tokens.append($0) }
      part.dropFirst(portion / 2).withUnsafeBufferPointer { tokens.append($0) }
      #expect(tokens.count == part.count)
      try writer.append(tokens)
    }
    let shards = try writer.finish()
    #expect(shards.map(\.tokens) == Array(repeating: 100, count: 10))
    // Reading checks the checksums.
    #expect(try ids(of: shards) == all)
  }

  @Test(
    "are divided at the end, and leave nothing on disk",
    arguments: [300, 70_000], [0, 1, 511, 999, 1000])
  func spool(vocabularySize: Int, count: Int) throws {
    // The first bytes of the ids are those of a gzip stream.
    let all = [0x8B1F % UInt32(vocabularySize)] + (1..<1000).map { UInt32($0 % 300) }
    let spool = try TokenSpool(folder: folder.path, vocabularySize: vocabularySize)
    for start in stride(from: 0, to: 1000, by: 200) {
      try spool.append(packed(Array(all[start..<start + 200]), vocabularySize))
    }
    let (train, validation) = (writer(.train, vocabularySize), writer(.validation, vocabularySize))
    try spool.move(count, to: train, others: validation)
    #expect(try ids(of: train.finish()) == Array(all[..<count]))
    #expect(try ids(of: validation.finish()) == Array(all[count...]))
    #expect(try Folder.list(folder.path).allSatisfy { $0.hasSuffix(".bin") })
  }
}
