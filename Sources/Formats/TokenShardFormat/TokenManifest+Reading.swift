import FileSupport
import Glibc
import JSONSupport
import TextSupport

extension TokenManifest {
  /// Reads the manifest of `folder`, without its shards.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  public init(folder: String) throws {
    let path = folder + "/" + Self.fileName
    guard Folder.exists(folder) else {
      throw FileError(path: folder, operation: .open, code: ENOENT)
    }
    guard Folder.hasFile(path) else {
      throw InputError(
        folder, "there is no \(Self.fileName): not a folder of token shards, or an incomplete one")
    }
    let file = try JSONObject(path: path)
    guard file["format"]?.string == Self.format else {
      throw InputError(path, "'format' is not '\(Self.format)'")
    }
    guard file["version"]?.integer == Self.version else {
      throw InputError(path, "'version' is not \(Self.version)")
    }
    let tokenizer = try file.object("tokenizer")
    let end = try tokenizer.object("end_of_text")
    vocabularySize = try tokenizer.integer("vocabulary_size", in: 1...Int(Int32.max))
    tokenizerDigest = try tokenizer.digest("digest")
    endOfTextToken = try end.string("token")
    endOfText = UInt32(try end.integer("id", in: 0...Int(UInt32.max)))
    guard endOfText < vocabularySize else {
      throw InputError(
        path, "the end of text, id \(endOfText), is not in the vocabulary of \(vocabularySize)")
    }
    settings = file["settings"] ?? .null
    statistics = file["statistics"] ?? .null
    splits = [:]
    for split in TokenSplit.allCases where file[split.rawValue] != nil {
      let contents = try file.object(split.rawValue)
      splits[split] = Split(
        posts: contents["posts"]?.integer, textBytes: contents["text_bytes"]?.integer,
        shards: try contents.objects("shards").map { try Shard($0) })
      if let sum = contents["tokens"]?.integer, let tokens = splits[split]?.tokens, sum != tokens {
        throw InputError(
          path, "'\(split).tokens' is \(sum), but its shards have \(tokens) in total")
      }
    }
    var names: Set<String> = []
    for name in shardNames where !names.insert(name).inserted {
      throw InputError(path, "'\(name)' is named twice")
    }
  }
}

extension TokenManifest.Shard {
  /// Reads the entry `shard` of a manifest.
  ///
  /// - Throws: ``InputError``.
  fileprivate init(_ shard: JSONObject) throws {
    name = try shard.string("file")
    // A name that points outside the folder would be read from elsewhere.
    guard !name.contains("/"), name != ".." else {
      throw InputError(shard.path, "'\(excerpt(name))' is not the name of a file in the folder")
    }
    tokens = try shard.integer("tokens", in: 0...TokenShardHeader.largestCount)
    bytes = try shard.integer("bytes")
    checksum = try shard.digest("crc32")
  }
}

extension JSONObject {
  /// The digest or checksum `key`.
  fileprivate func digest(_ key: String) throws -> UInt32 {
    try member(key, "eight hexadecimal digits") { value in
      value.string.flatMap { $0.utf8.count == 8 ? UInt32($0, radix: 16) : nil }
    }
  }
}
