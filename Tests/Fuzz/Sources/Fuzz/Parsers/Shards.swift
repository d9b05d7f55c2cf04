import FileSupport
import TokenShardFormat

extension FuzzedParser {
  /// `TokenManifest` and `TokenShard`: an input is a manifest, a NUL and its shard, or a shard alone.
  static let shards = FuzzedParser(
    name: "shards",
    seeds: [manifest],
    binarySeeds: [
      shard(bytesPerToken: 2, isDescribed: true), shard(bytesPerToken: 4, isDescribed: true),
      shard(bytesPerToken: 2, isDescribed: false),
      Array(manifest.utf8) + [0] + shard(bytesPerToken: 2, isDescribed: true),
    ],
    words: [
      "format", "version", "tokenizer", "vocabulary_size", "end_of_text", "digest", "crc32",
      "train",
      "validation", "shards", "tokens", "bytes", "posts", "text_bytes", "file", "settings",
      "statistics", "00000000", "9223372036854775807", "../a", "\0",
    ]
  ) { bytes, scratch in
    try Folder.remove("\(scratch.path)/\(TokenManifest.fileName)")
    var rest = bytes
    var problem: InputError?
    if bytes.first == UInt8(ascii: "{") {
      let end = bytes.firstIndex(of: 0) ?? bytes.count
      let text = UnsafeRawBufferPointer(rebasing: bytes[..<end])
      rest = UnsafeRawBufferPointer(rebasing: bytes[min(end + 1, bytes.count)...])
      _ = try scratch.file(TokenManifest.fileName, holding: text)
      do {
        _ = try TokenManifest(folder: scratch.path)
      } catch let error as InputError {
        problem = error
      }
    }
    let path = try scratch.file("a.bin", holding: rest)
    // What the contents should be is not known to one that does not look at them.
    if let shard = try? TokenShard(path: path, verifyingContents: false) {
      expect(shard.count <= bytes.count, "an id has a byte or more")
      var ids = [UInt32](repeating: 0, count: shard.count)
      ids.withUnsafeMutableBufferPointer { shard.copy(0..<shard.count, to: $0) }
    }
    if let problem { throw problem }
    _ = try VerifiedShard(path: path)
  }

  private static let manifest = #"""
    {"format":"token shards","version":1,"tokenizer":{"vocabulary_size":300,"digest":"00000000",
    "end_of_text":{"token":"</s>","id":0}},"train":{"posts":1,"tokens":3,"text_bytes":9,"shards":[{"file":
    "a.bin","tokens":3,"bytes":1030,"crc32":"00000000"}]},"settings":{},"statistics":{}}
    """#

  private static func shard(bytesPerToken: Int, isDescribed: Bool) -> [UInt8] {
    let description = TokenShardHeader.Description(
      vocabularySize: 300, endOfText: 0, tokenizerDigest: 0, checksum: 0)
    let header = TokenShardHeader(
      count: 3, bytesPerToken: bytesPerToken, description: isDescribed ? description : nil)
    return header.bytes + [UInt8](repeating: 0, count: 3 * bytesPerToken)
  }
}
