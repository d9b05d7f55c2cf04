import CommandLineSupport
import FileSupport
import TokenShardFormat

/// The folder that is written: it takes its name, and an older one's place, only when it is whole.
final class OutputFolder {
  let path: String
  /// Where the files are written meanwhile.
  let partialPath: String

  /// Prepares to write the folder `path`, which must be a folder of token shards if it has files.
  init(path: String) throws {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    partialPath = self.path + ".partial"
    if Folder.exists(path), try !Folder.list(path).isEmpty, !TokenManifest.exists(in: path) {
      throw UsageError(
        "--output: \(path) has files but no \(TokenManifest.fileName) of token shards, "
          + "so it is not replaced; name another folder or remove it")
    }
    try Folder.remove(partialPath)
    try Folder.create(partialPath)
  }

  deinit {
    try? Folder.remove(partialPath)
  }

  /// Gives the folder its name.
  func commit() throws {
    try Folder.move(partialPath, replacing: path)
  }
}
