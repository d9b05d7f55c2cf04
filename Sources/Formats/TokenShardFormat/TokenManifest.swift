import FileSupport
import JSONSupport
import TextSupport

/// The parts into which a corpus is divided.
public enum TokenSplit: String, CaseIterable, Sendable {
  /// What a model learns from.
  case train
  /// What the model is evaluated on.
  case validation

  /// The name of the shard with this index, for example `train-00000.bin`.
  public func shardName(_ index: Int) -> String {
    let digits = String(index)
    let zeros = String(repeating: "0", count: max(0, 5 - digits.count))
    return "\(rawValue)-\(zeros)\(digits).bin"
  }

  /// Whether a shard of the split can have this name.
  func isShardName(_ name: String) -> Bool {
    guard name.hasPrefix(rawValue + "-"), name.hasSuffix(".bin") else { return false }
    let digits = name.dropFirst(rawValue.count + 1).dropLast(4)
    return Int(digits).map { shardName($0) == name } ?? false
  }
}

/// The contents of a folder of token shards.
///
/// The manifest is written last, so a folder with a manifest is complete.
public struct TokenManifest: Equatable, Sendable {
  /// The name of the file.
  public static let fileName = "manifest.json"
  /// The name of the folder of the tokenizer's files.
  public static let tokenizerFolder = "tokenizer"
  static let format = "token shards"
  static let version = 1

  /// One file of tokens.
  public struct Shard: Equatable, Sendable {
    /// The name of the file in the folder.
    public var name: String
    /// The number of ids.
    public var tokens: Int
    /// The size of the file in bytes.
    public var bytes: Int
    /// The CRC-32 of its ids.
    public var checksum: UInt32

    public init(name: String, tokens: Int, bytes: Int, checksum: UInt32) {
      self.name = name
      self.tokens = tokens
      self.bytes = bytes
      self.checksum = checksum
    }
  }

  /// One part of the corpus.
  public struct Split: Equatable, Sendable {
    /// The number of posts; `nil` if the text was not encoded post by post.
    public var posts: Int?
    /// The size of the text in bytes; `nil` if it was not encoded post by post.
    public var textBytes: Int?
    /// Its files, in order.
    public var shards: [Shard]

    public init(posts: Int?, textBytes: Int?, shards: [Shard]) {
      self.posts = posts
      self.textBytes = textBytes
      self.shards = shards
    }

    /// The number of ids.
    public var tokens: Int { shards.reduce(0) { $0 + $1.tokens } }
  }

  /// The size of the vocabulary.
  public var vocabularySize: Int
  /// The digest of the tokenizer.
  public var tokenizerDigest: UInt32
  /// The text of the token that ends a text.
  public var endOfTextToken: String
  /// Its id.
  public var endOfText: UInt32
  /// The parts of the corpus.
  public var splits: [TokenSplit: Split]
  /// How the folder was created, in any form.
  public var settings: JSONValue
  /// Statistics of the corpus, in any form; `null` if there are none.
  public var statistics: JSONValue

  public init(
    vocabularySize: Int, tokenizerDigest: UInt32, endOfTextToken: String, endOfText: UInt32,
    splits: [TokenSplit: Split], settings: JSONValue, statistics: JSONValue = .null
  ) {
    self.vocabularySize = vocabularySize
    self.tokenizerDigest = tokenizerDigest
    self.endOfTextToken = endOfTextToken
    self.endOfText = endOfText
    self.splits = splits
    self.settings = settings
    self.statistics = statistics
  }

  /// Whether `folder` has a manifest, so that another folder of shards may replace it.
  ///
  /// - Throws: ``FileError`` if it cannot be read.
  public static func exists(in folder: String) throws -> Bool {
    let path = folder + "/" + fileName
    guard Folder.hasFile(path) else { return false }
    do {
      return try JSONValue(path: path)["format"]?.string == format
    } catch is InputError {
      return false
    }
  }

  /// Whether a folder of shards may have an entry of this name; hidden ones are not looked at.
  public static func isPart(_ name: String) -> Bool {
    name.hasPrefix(".") && name.hasSuffix(".lock") || [fileName, tokenizerFolder].contains(name)
      || TokenSplit.allCases.contains { $0.isShardName(name) }
  }

  // MARK: - Writing

  /// Writes the manifest into `folder`.
  ///
  /// - Throws: ``FileError``.
  public func write(to folder: String) throws {
    var members: [JSONValue.Member] = [
      .init("format", .string(Self.format)), .init("version", .integer(Self.version)),
      .init(
        "tokenizer",
        [
          "folder": .string(Self.tokenizerFolder),
          "digest": .string(NumberText.hexadecimal(tokenizerDigest)),
          "vocabulary_size": .integer(vocabularySize),
          "end_of_text": [
            "token": .string(endOfTextToken), "id": .integer(Int(endOfText)),
          ],
        ]),
    ]
    for split in TokenSplit.allCases {
      guard let contents = splits[split] else { continue }
      members.append(.init(split.rawValue, contents.value))
    }
    if statistics != .null { members.append(.init("statistics", statistics)) }
    members.append(.init("settings", settings))
    try replaceFile(
      at: folder + "/" + Self.fileName, with: JSONValue.object(members).text(indent: 2) + "\n")
  }
}

extension TokenManifest.Split {
  fileprivate var value: JSONValue {
    let counts: [JSONValue.Member] = [
      .init("posts", posts.map(JSONValue.integer) ?? .null),
      .init("text_bytes", textBytes.map(JSONValue.integer) ?? .null),
      .init("tokens", .integer(tokens)),
    ]
    let shards = shards.map { shard -> JSONValue in
      [
        "file": .string(shard.name), "tokens": .integer(shard.tokens),
        "bytes": .integer(shard.bytes), "crc32": .string(NumberText.hexadecimal(shard.checksum)),
      ]
    }
    return .object(counts + [.init("shards", .array(shards))])
  }
}
