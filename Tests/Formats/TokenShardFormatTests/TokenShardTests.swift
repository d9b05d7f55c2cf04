import FileSupport
import TestSupport
import TokenShardFormat
import Testing

@Suite struct TokenShardTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes `ids` as the training split and returns the shards.
  func write(
    _ ids: [UInt32], vocabularySize: Int = 300, tokensPerShard: Int = 1000
  ) throws -> [TokenManifest.Shard] {
    let writer = TokenShardWriter(
      folder: folder.path, split: .train, vocabularySize: vocabularySize, endOfText: 2,
      tokenizerDigest: 0x89AB_CDEF, tokensPerShard: tokensPerShard)
    try writer.append(ids.prefix(1))
    try writer.append(ids.dropFirst())
    return try writer.finish()
  }

  /// The message of the error that opening the first shard ends with, without its path.
  func failure() -> String {
    do {
      _ = try TokenShard(path: folder.path("train-00000.bin"))
      return "no error"
    } catch {
      return "\(error)".replacing(folder.path("train-00000.bin") + ": ", with: "")
    }
  }

  /// Changes the bytes of the first shard.
  func change(_ body: (inout [UInt8]) -> Void) throws {
    var bytes = try folder.bytes(of: "train-00000.bin")
    body(&bytes)
    try folder.write(bytes, to: "train-00000.bin")
  }

  @Test("is laid out like llm.c's, with a description in words that llm.c leaves at zero")
  func layout() throws {
    let shards = try write([1, 2, 299])
    let bytes = try folder.bytes(of: "train-00000.bin")
    let words: [UInt32] = stride(from: 0, to: 1024, by: 4).map { offset in
      bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    let body: [UInt8] = [1, 0, 2, 0, 0x2B, 1]
    #expect(
      words.prefix(9) == [
        20_240_520, 1, 3, 1, 2, 300, 2, 0x89AB_CDEF, CRC32.checksum(body),
      ])
    #expect(words.dropFirst(9).allSatisfy { $0 == 0 })
    #expect(Array(bytes[1024...]) == body)
    #expect(
      shards == [
        .init(name: "train-00000.bin", tokens: 3, bytes: 1030, checksum: CRC32.checksum(body))
      ])
  }

  @Test("has two bytes per id up to 65,536 ids, and four above")
  func widths() throws {
    _ = try write([65535], vocabularySize: 65536)
    #expect(try folder.bytes(of: "train-00000.bin").count == 1026)
    _ = try write([65536, 7], vocabularySize: 65537)
    let bytes = try folder.bytes(of: "train-00000.bin")
    #expect(bytes.prefix(8) == [0xA1, 0xD9, 0x34, 0x01, 7, 0, 0, 0])
    #expect(bytes.count == 1032)
    let shard = try TokenShard(path: folder.path("train-00000.bin"))
    #expect([shard[0], shard[1]] == [65536, 7])
  }

  @Test("divides the ids into shards that read as one sequence")
  func severalShards() throws {
    let ids = (0..<2500).map { UInt32($0 % 300) }
    let shards = try write(ids)
    #expect(shards.map(\.name) == ["train-00000.bin", "train-00001.bin", "train-00002.bin"])
    #expect(shards.map(\.tokens) == [1000, 1000, 500])
    let tokens = try TokenShards(paths: shards.map { folder.path($0.name) })
    #expect(tokens.count == 2500)
    #expect(tokens.ids(in: 0..<2500) == ids)
    #expect(tokens.ids(in: 990..<2010) == Array(ids[990..<2010]))
    #expect([tokens[0], tokens[999], tokens[1000], tokens[2499]] == [0, 99, 100, 99])
    var buffer = [Int32](repeating: -1, count: 5)
    buffer.withUnsafeMutableBufferPointer { tokens.copy(998..<1002, to: $0) }
    #expect(buffer == [98, 99, 100, 101, -1])
    #expect(try TokenShards(paths: []).count == 0)
    #expect(try write([]) == [])
  }

  @Test("reads a shard of llm.c, which has no description")
  func bareShard() throws {
    _ = try write([1, 2])
    try change { bytes in for index in 12..<36 { bytes[index] = 0 } }
    let shard = try TokenShard(path: folder.path("train-00000.bin"))
    #expect(shard.header.description == nil)
    #expect([shard[0], shard[1]] == [1, 2])
  }

  @Test("notices every flipped bit of the ids")
  func flippedBits() throws {
    _ = try write([1, 2, 3])
    let whole = try folder.bytes(of: "train-00000.bin")
    for byte in 1024..<whole.count {
      for bit in 0..<8 {
        var bytes = whole
        bytes[byte] ^= 1 << bit
        try folder.write(bytes, to: "train-00000.bin")
        #expect(failure().hasPrefix("byte 1024: the CRC-32 of the tokens is "))
      }
    }
    #expect(
      throws: Never.self,
      performing: {
        try TokenShard(path: folder.path("train-00000.bin"), verifyingContents: false)
      })
  }

  @Test("reports where a file is cut off or too long")
  func sizes() throws {
    _ = try write([1, 2, 3])
    try change { $0.removeLast() }
    #expect(
      failure() == "byte 1029: the file has 1029 bytes; 3 tokens need 1030: it is cut off")
    try change { $0 += [0, 0] }
    #expect(
      failure() == "byte 1030: the file has 1031 bytes; 3 tokens need 1030: something follows them")
    try change { $0 = Array($0[..<100]) }
    #expect(failure() == "byte 100: the file ends within its header of 1024 bytes: it is cut off")
    try change { $0 = [] }
    #expect(failure() == "byte 0: the file ends within its header of 1024 bytes: it is cut off")
  }

  @Test(
    "says which word of the header is wrong",
    arguments: [
      (0, 1, "byte 0: the magic number is 1; this is not a file of tokens"),
      (1, 2, "byte 4: version 2; expected version 1"),
      (2, 0xFFFF_FFFF, "byte 8: the count of tokens, -1, is negative"),
      (3, 9, "byte 12: description version 9; expected 0 or 1"),
      (4, 4, "byte 16: 4 bytes per token; the magic number says 2"),
      (5, 0xFFFF_FFFF, "byte 20: a vocabulary of 4294967295 tokens"),
      (6, 300, "byte 24: the end of text, id 300, is not in the vocabulary of 300"),
      (5, 3, "byte 1028: the id 3 is not in the vocabulary of 3"),
    ] as [(Int, UInt32, String)])
  func headers(word: Int, value: UInt32, message: String) throws {
    _ = try write([1, 2, 3])
    try change { bytes in
      for index in 0..<4 {
        bytes[word * 4 + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
      }
    }
    #expect(failure() == message)
  }
}
