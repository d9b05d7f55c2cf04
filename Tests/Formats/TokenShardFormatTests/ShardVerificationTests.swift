import FileSupport
import Foundation
import JSONSupport
import TestSupport
import Testing
import TokenShardFormat

@Suite("VerifiedShard")
struct ShardVerificationTests {
  let folder: TemporaryFolder

  /// A folder with two training shards of four tokens each, two posts, and a manifest.
  init() throws {
    folder = try TemporaryFolder()
    try write(posts: 2)
  }

  @discardableResult
  func write(posts: Int?, ids: [UInt32] = [7, 8, 9, 2, 10, 11, 12, 2]) throws -> TokenManifest {
    let writer = TokenShardWriter(
      folder: folder.path, split: .train, vocabularySize: 300, endOfText: 2,
      tokenizerDigest: 0x0123_4567, tokensPerShard: 4)
    try writer.append(ids)
    let manifest = TokenManifest(
      vocabularySize: 300, tokenizerDigest: 0x0123_4567, endOfTextToken: "</s>", endOfText: 2,
      splits: [.train: .init(posts: posts, textBytes: 40, shards: try writer.finish())],
      settings: .null)
    try manifest.write(to: folder.path)
    return manifest
  }

  func change(_ name: String, _ body: (inout [UInt8]) -> Void) throws {
    var bytes = try folder.bytes(of: name)
    body(&bytes)
    try folder.write(bytes, to: name)
  }

  func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "")
    }
  }

  func failure(_ name: String) -> String {
    failure { _ = try VerifiedShard(path: folder.path(name)) }
  }

  @Test("reports what it found and what it could compare with")
  func good() throws {
    let shard = try VerifiedShard(path: folder.path("train-00000.bin"))
    let ids: [UInt8] = [7, 0, 8, 0, 9, 0, 2, 0]
    #expect(shard.tokens == 4)
    #expect(shard.checksum == CRC32.checksum(ids))
    #expect(shard.reference == .manifest && shard.isDescribed)
    // llm.c's shards say nothing of themselves; here the manifest does.
    try change("train-00000.bin") { bytes in for byte in 12..<36 { bytes[byte] = 0 } }
    let undescribed = try VerifiedShard(path: folder.path("train-00000.bin"))
    #expect(undescribed.reference == .manifest && !undescribed.isDescribed)
    try FileManager.default.removeItem(atPath: folder.path("manifest.json"))
    let foreign = try VerifiedShard(path: folder.path("train-00000.bin"))
    #expect(foreign.reference == .nothing)
    #expect(foreign.checksum == CRC32.checksum(ids))
    #expect(try VerifiedShard(path: folder.path("train-00001.bin")).reference == .header)
  }

  @Test("names the byte where a shard is wrong")
  func damaged() throws {
    let original = try folder.bytes(of: "train-00000.bin")
    try change("train-00000.bin") { $0[1026] ^= 1 }
    #expect(failure("train-00000.bin").hasPrefix("train-00000.bin: byte 1024: the CRC-32 of the"))
    try folder.write(Array(original.dropLast(3)), to: "train-00000.bin")
    #expect(
      failure("train-00000.bin")
        == "train-00000.bin: byte 1029: the file has 1029 bytes; 4 tokens need 1032: it is cut off")
    // Its own header agrees, but it is not what the manifest names so.
    try folder.write(folder.bytes(of: "train-00001.bin"), to: "train-00000.bin")
    #expect(failure("train-00000.bin").hasPrefix("train-00000.bin: byte 32: the CRC-32 is "))
  }

  @Test("finds a wrong bit in a shard of llm.c by the manifest")
  func damagedForeign() throws {
    try change("train-00000.bin") { bytes in
      for byte in 12..<36 { bytes[byte] = 0 }
      bytes[1026] ^= 1
    }
    #expect(
      failure("train-00000.bin").hasPrefix("train-00000.bin: byte 1024: the CRC-32 of the tokens"))
  }

  @Test("does not know a shard that the manifest does not name")
  func unnamed() throws {
    let manifest = try TokenManifest(folder: folder.path)
    for name in ["train-00002.bin", "validation-00000.bin", "train-2.bin", "other.bin"] {
      try folder.write(folder.bytes(of: "train-00000.bin"), to: name)
    }
    #expect(
      try manifest.shardPaths(in: folder.path).map(Folder.name(of:)) == [
        "train-00000.bin", "train-00001.bin", "train-00002.bin", "validation-00000.bin",
      ])
    #expect(
      failure("train-00002.bin")
        == "train-00002.bin: manifest.json next to it does not list this file")
  }

  @Test("requires an end of text for each post, and nothing after the last")
  func endsOfText() throws {
    func failure(_ manifest: TokenManifest) -> String {
      self.failure { try manifest.verifyEndsOfText(in: folder.path) }
    }
    #expect(failure(try write(posts: 2)) == "no error")
    // A post may hold the token, where special tokens in texts were recognised.
    #expect(failure(try write(posts: 1)) == "no error")
    #expect(
      failure(try write(posts: 3))
        == "manifest.json: 'train.posts' is 3, but only 2 of its tokens end a text (id 2)")
    #expect(
      failure(try write(posts: 1, ids: [7, 2, 9, 10, 11, 12]))
        == "train-00001.bin: byte 1026: the last token is 12; expected the end of text, 2")
    #expect(failure(try write(posts: nil, ids: [7, 8])) == "no error")
  }
}
