import FileSupport

/// A shard that has been checked and is valid.
public struct VerifiedShard: Equatable, Sendable {
  /// What a shard can be checked against.
  public enum Reference: Equatable, Sendable {
    /// Its entry in the manifest, and its header.
    case manifest
    /// Its header.
    case header
    /// Nothing: it is from another program, and there is no manifest next to it.
    case nothing
  }

  /// The path of the file.
  public let path: String
  /// The number of ids.
  public let tokens: Int
  /// The CRC-32 of its ids.
  public let checksum: UInt32
  /// What it was checked against.
  public let reference: Reference
  /// Whether its header describes the ids.
  public let isDescribed: Bool

  /// Checks the shard at `path`: its header, its size, its ids and their CRC-32, and its entry in
  /// the manifest next to it, if there is one.
  ///
  /// - Throws: ``InputError`` with the file and the byte offset; ``FileError``.
  public init(path: String) throws {
    let folder = Folder.parent(of: path)
    let shard = try TokenShard(path: path)
    guard try TokenManifest.exists(in: folder) else {
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
