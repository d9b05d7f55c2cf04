import FileSupport
import Foundation
import JSONSupport
import TestSupport
import Testing
import TokenShardFormat

@Suite struct TokenManifestTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  func write(digest: UInt32 = 0x0123_4567) throws -> TokenManifest {
    let writer = TokenShardWriter(
      folder: folder.path, split: .train, vocabularySize: 300, endOfText: 2,
      tokenizerDigest: digest, tokensPerShard: 4)
    try writer.append([7, 8, 2, 9, 10, 2])
    let manifest = TokenManifest(
      vocabularySize: 300, tokenizerDigest: digest, endOfTextToken: "</s>", endOfText: 2,
      splits: [.train: .init(posts: 2, textBytes: 40, shards: try writer.finish())],
      settings: ["pack": "posts"])
    try manifest.write(to: folder.path)
    return manifest
  }

  func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "").replacing(
        folder.path, with: "folder")
    }
  }

  @Test("is read back as it was written, with the shards it names")
  func roundTrip() throws {
    let manifest = try write()
    #expect(manifest.splits[.train]?.tokens == 6)
    let read = try TokenManifest(folder: folder.path)
    #expect(read == manifest)
    let tokens = try read.shards(of: .train, in: folder.path)
    #expect(tokens.ids(in: 0..<6) == [7, 8, 2, 9, 10, 2])
    #expect(try read.shards(of: .validation, in: folder.path).count == 0)
    #expect(try TokenManifest.exists(in: folder.path))
  }

  @Test("keeps the statistics of the corpus, and is read without any")
  func statistics() throws {
    var manifest = try write()
    manifest.statistics = ["tokens": 6, "posts": 2]
    try manifest.write(to: folder.path)
    #expect(try folder.text(of: "manifest.json").contains("\"statistics\": {"))
    #expect(try TokenManifest(folder: folder.path) == manifest)
    manifest.statistics = .null
    try manifest.write(to: folder.path)
    #expect(try !folder.text(of: "manifest.json").contains("statistics"))
    #expect(try TokenManifest(folder: folder.path) == manifest)
  }

  @Test("is reported if it is missing")
  func missing() throws {
    #expect(try !TokenManifest.exists(in: folder.path))
    #expect(
      message { _ = try TokenManifest(folder: folder.path) }
        == "folder: there is no manifest.json: not a folder of token shards, or an incomplete one")
  }

  @Test("checks the ids of shards without a description, as llm.c writes them")
  func foreignShard() throws {
    let manifest = try write()
    var shard = try folder.bytes(of: "train-00000.bin")
    for byte in 12..<36 { shard[byte] = 0 }
    try folder.write(shard, to: "train-00000.bin")
    #expect(try manifest.shards(of: .train, in: folder.path).count == 6)
    // The second id, 8, becomes 300, which is one too many.
    shard.replaceSubrange(1026..<1028, with: [44, 1])
    try folder.write(shard, to: "train-00000.bin")
    #expect(
      message { _ = try manifest.shards(of: .train, in: folder.path) }
        == "train-00000.bin: byte 1026: the id 300 is not in the vocabulary of 300")
  }

  @Test("requires as many bytes per id as the vocabulary needs, whatever the header says")
  func bytesPerToken() throws {
    var manifest = try write()
    var shard = TokenShardHeader(count: 4, bytesPerToken: 4, description: nil).bytes
    for id: UInt8 in [7, 8, 2, 9] { shard += [id, 0, 0, 0] }
    try folder.write(shard, to: "train-00000.bin")
    manifest.splits[.train]?.shards[0].bytes = shard.count
    #expect(
      message { _ = try manifest.shards(of: .train, in: folder.path) }
        == "train-00000.bin: byte 0: 4 bytes per id; the vocabulary of 300 tokens of manifest.json "
        + "needs 2")
  }

  @Test("refuses shards that are not its own")
  func otherShards() throws {
    let manifest = try write()
    _ = try write(digest: 0x7654_3210)
    #expect(
      message { _ = try manifest.shards(of: .train, in: folder.path) }
        == "train-00000.bin: byte 28: the tokenizer is 76543210; manifest.json says 01234567")
    try FileManager.default.removeItem(atPath: folder.path("train-00001.bin"))
    #expect(
      message { _ = try manifest.shards(of: .train, in: folder.path) }
        == "train-00001.bin: cannot open: No such file or directory")
  }

  @Test(
    "names what is wrong in it",
    arguments: [
      ("token shards", "posts", "'format' is not 'token shards'"),
      ("\"version\": 1", "\"version\": 2", "'version' is not 1"),
      (
        "vocabulary_size", "size",
        "'tokenizer.vocabulary_size' is missing or not a whole number from 1 to 2147483647"
      ),
      (
        "01234567", "1234567",
        "'tokenizer.digest' is missing or not eight hexadecimal digits"
      ),
      ("train-00000.bin", "../x", "'../x' is not the name of a file in the folder"),
      ("train-00000.bin", "train-00001.bin", "'train-00001.bin' is named twice"),
      ("\"id\": 2", "\"id\": 300", "the end of text, id 300, is not in the vocabulary of 300"),
      (
        "\"vocabulary_size\": 300", "\"vocabulary_size\": 2",
        "the end of text, id 2, is not in the vocabulary of 2"
      ),
      ("\"tokens\": 6", "\"tokens\": 7", "'train.tokens' is 7, but its shards have 6 in total"),
      (
        "\"tokens\": 4", "\"tokens\": -4",
        "'train.shards[0].tokens' is missing or not a whole number from 0 to 2147483647"
      ),
      (
        "\"tokens\": 4", "\"tokens\": 9223372036854775807",
        "'train.shards[0].tokens' is missing or not a whole number from 0 to 2147483647"
      ),
    ])
  func wrong(text: String, replacement: String, problem: String) throws {
    _ = try write()
    let changed = try folder.text(of: "manifest.json").replacing(text, with: replacement)
    try folder.write(changed, to: "manifest.json")
    #expect(
      message { _ = try TokenManifest(folder: folder.path) } == "manifest.json: \(problem)")
  }
}
