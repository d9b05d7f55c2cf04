import FileSupport
import Foundation
import JSONSupport
import Synchronization

/// How many sessions need the process's file mask to be private, and the mask that was set before.
private let maskUse = Mutex((count: 0, mask: mode_t(0)))

/// The folder that keeps a login with Telegram from run to run, and the ids of channels.
///
/// Anyone who can read it controls the account, so only its owner may.
public struct SessionFolder: Sendable {
  public let path: String

  private static let database = "database"
  private static let channels = "channels.json"

  /// The folder at `path`, which is created if it is missing, for its owner alone.
  ///
  /// - Throws: `FileError`; ``SourceFault`` if the folder is another user's, or holds something else.
  public init(path: String) throws {
    // TDLib keeps the path, and the process may change its working directory.
    let absolute =
      path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    self.path =
      absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
    if !Folder.exists(self.path) {
      try Folder.create(Folder.parent(of: self.path))
      guard mkdir(self.path, 0o700) == 0 || errno == EEXIST else {
        throw FileError(path: self.path, operation: .create)
      }
    }
    try restrict()
  }

  private func restrict() throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .open) }
    guard status.st_uid == geteuid() else {
      throw SourceFault(
        .refused, path, "the session folder belongs to another user; name one of your own")
    }
    guard status.st_mode & 0o077 != 0 else { return }
    let names = try Folder.list(path)
    guard names.isEmpty || names.contains(Self.database) else {
      throw SourceFault(
        .refused, path,
        "this folder holds other files and other users can read it, so a login is not safe here; "
          + "name a folder that does not exist yet")
    }
    guard chmod(path, 0o700) == 0 else { throw FileError(path: path, operation: .create) }
  }

  /// Calls `body`; only the owner can read the files that it creates.
  ///
  /// TDLib makes its database readable by everyone who can enter the folder. The mask of the
  /// process is set only during the call, because it would apply to the posts as well.
  func guardingNewFiles<Result>(_ body: () throws -> Result) rethrows -> Result {
    maskUse.withLock { use in
      if use.count == 0 { use.mask = umask(0o077) }
      use.count += 1
    }
    defer {
      maskUse.withLock { use in
        use.count -= 1
        if use.count == 0 { umask(use.mask) }
      }
    }
    return try body()
  }

  // MARK: - Channels

  /// The id of the chat that `name` was resolved to in an earlier run.
  func chatID(of name: String) -> Int? {
    let path = path + "/" + Self.channels
    guard Folder.hasFile(path), let known = try? JSONValue(path: path) else { return nil }
    return known.whole(name.lowercased())
  }

  /// Keeps the id of the chat that `name` was resolved to.
  ///
  /// - Throws: `FileError`.
  func remember(_ chatID: Int, of name: String) throws {
    let path = path + "/" + Self.channels
    let name = name.lowercased()
    let known = Folder.hasFile(path) ? (try? JSONValue(path: path))?.members ?? [] : []
    let members = known.filter { $0.key != name } + [JSONValue.Member(name, .integer(chatID))]
    let file = try OutputFile(path: path, isPrivate: true)
    try file.write(JSONValue.object(members).text(indent: 2) + "\n")
    try file.commit()
  }

  /// Forgets the ids of channels.
  ///
  /// - Throws: `FileError`.
  func forgetChannels() throws { try removeFile(at: path + "/" + Self.channels) }
}
