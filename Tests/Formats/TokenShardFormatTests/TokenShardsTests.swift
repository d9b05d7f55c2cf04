import TestSupport
import Testing
import TokenShardFormat

@Suite("TokenShards")
struct TokenShardsTests {
  @Test("a sequence is found wherever it lies, across shards too, and only as a whole")
  func contains() throws {
    let folder = try TemporaryFolder()
    let ids = (0..<200_000).map { UInt32($0 % 65_521) }
    let writer = TokenShardWriter(
      folder: folder.path, split: .train, vocabularySize: 70_000, endOfText: 0, tokenizerDigest: 1,
      tokensPerShard: 150_000)
    try writer.append(ids)
    let shards = try TokenShards(paths: writer.finish().map { folder.path($0.name) })
    for start in [0, 1, 65_500, 65_530, 149_995, 199_990] {
      #expect(shards.contains(Array(ids[start..<start + 10])), "\(start)")
    }
    #expect(shards.contains(ids))
    #expect(shards.contains([65_520, 0, 1]))
    #expect(!shards.contains([65_520, 1]))
    #expect(!shards.contains([ids[199_999], ids[199_999] + 1, 69_999]))
    #expect(!shards.contains(ids + [7]))
  }
}
