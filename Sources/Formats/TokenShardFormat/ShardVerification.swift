import FileSupport

/// A shard in which all was as it should be.
public struct VerifiedShard: Equatable, Sendable {
  /// What the shard could be compared with.
  public enum Reference: Equatable, Sendable {
    /// Its entry in the manifest, and what its header says.
    case manifest
    /// What its header says.
    case header
    /// Nothing: it is of another program, and there is no manifest beside it.
    case nothing
  }

  /// The path of the file.
  public let path: String
  /// How many ids it has.
  public let tokens: Int
  /// The CRC-32 of its ids.
  public let checksum: UInt32
  /// What it was compared with.
  public let reference: Reference
  /// Whether its header says what the ids mean.
  public let isDescribed: Bool

  /// Checks the shard at `path`: its header, its size, its ids and their CRC-32; and, where a
  /// manifest lies beside it, that it is the shard that the manifest names so.
  ///
  /// - Throws: ``InputError`` that names the file and the byte; ``FileError``.
  public init(path: String) throws {
    let folder = Folder.parent(of: path)
    let shard = try TokenShard(path: path)
    guard TokenManifest.exists(in: folder) else {
      self.init(shard, reference: shard.header.description == nil ? .nothing : .header)
      return
    }
    try TokenManifest(folder: folder).check(shard, verifyingContents: true)
    self.init(shard, reference: .manifest)
  }

  private init(_ shard: TokenShard, reference: Reference) {
    path = shard.path
    tokens = shard.count
    checksum = shard.header.description?.checksum ?? shard.checksum()
    self.reference = reference
    isDescribed = shard.header.description != nil
  }
}

extension TokenManifest {
  /// The paths of the shards in `folder`, those of the manifest and then others that are named as
  /// shards are.
  ///
  /// - Throws: ``FileError``.
  public func shardPaths(in folder: String) throws -> [String] {
    let named = shardNames
    let others = try Folder.list(folder).filter { name in
      !named.contains(name) && TokenSplit.allCases.contains { $0.isShardName(name) }
    }
    return (named + others).map { folder + "/" + $0 }
  }

  /// Checks what the shards of `folder`, each of them good, must be together: of posts, each has an
  /// end of text, and nothing follows the last.
  ///
  /// - Throws: ``InputError``; ``FileError``.
  public func verifyEndsOfText(in folder: String) throws {
    for split in TokenSplit.allCases {
      guard let posts = splits[split]?.posts else { continue }
      let tokens = try shards(of: split, in: folder, verifyingContents: false)
      let ends = tokens.shards.reduce(0) { $0 + $1.occurrences(of: endOfText) }
      // A post may hold the token itself, where special tokens in texts were recognised.
      guard ends >= posts else {
        throw InputError(
          folder + "/" + Self.fileName,
          "'\(split).posts' is \(posts), but only \(ends) of its tokens end a text (id \(endOfText))"
        )
      }
      guard let last = tokens.shards.last(where: { $0.count > 0 }) else { continue }
      let lastID = last[last.count - 1]
      guard lastID == endOfText else {
        throw InputError(
          last.path, .byte(last.byteCount - last.header.bytesPerToken),
          "the last token is \(lastID); expected the end of text, \(endOfText)")
      }
    }
  }
}

extension TokenSplit {
  /// Whether a shard of the split can have this name.
  func isShardName(_ name: String) -> Bool {
    guard name.hasPrefix(rawValue + "-"), name.hasSuffix(".bin") else { return false }
    let digits = name.dropFirst(rawValue.count + 1).dropLast(4)
    return Int(digits).map { shardName($0) == name } ?? false
  }
}
