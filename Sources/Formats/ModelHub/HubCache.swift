import FileSupport
import Glibc

/// The folder in which huggingface_hub and this library keep what they have fetched.
///
///     models--ORG--NAME/blobs/<hash>                  the content of a file
///     models--ORG--NAME/blobs/<hash>.incomplete       the beginning of one
///     models--ORG--NAME/snapshots/<commit>/<path>     a link to a blob
///     models--ORG--NAME/refs/<revision>               the commit of a branch or tag
///     .locks/models--ORG--NAME/<hash>.lock            held while a blob is fetched
///
/// An item appears under its name only when it is complete, so that a process may end at any moment.
struct HubCache: Sendable {
  let path: String
  /// Whether snapshots have files instead of links to blobs.
  let avoidsLinks: Bool

  private static func name(of repository: String) -> String {
    "models--" + repository.replacing("/", with: "--")
  }

  func folder(of repository: String) -> String { "\(path)/\(Self.name(of: repository))" }

  func snapshot(of repository: String, commit: String) -> String {
    "\(folder(of: repository))/snapshots/\(commit)"
  }

  func blob(_ hash: ContentHash, of repository: String) -> String {
    "\(folder(of: repository))/blobs/\(hash.text)"
  }

  func lock(_ hash: ContentHash, of repository: String) -> String {
    "\(path)/.locks/\(Self.name(of: repository))/\(hash.text).lock"
  }

  // MARK: - Finding

  /// The commit that `name` stood for when it was last fetched; `nil` if it was not.
  func commit(_ name: ModelName, of repository: String) -> String? {
    if name.isCommit { return name.revision }
    let path = "\(folder(of: repository))/refs/\(name.revision)"
    var lines = try? LineReader(path: path)
    guard let commit = try? lines?.nextText(), ModelName.isCommit(commit) else { return nil }
    return commit
  }

  /// What is missing of a model in the folder `snapshot`, in the words of a message.
  func missing(_ part: ModelPart, in snapshot: String) -> [String] {
    let names = ((try? Folder.list(snapshot)) ?? []).filter { Folder.hasFile("\(snapshot)/\($0)") }
    let missing = ModelFiles.missing(part, of: names)
    guard missing.isEmpty, part == .whole, let weights = ModelFiles.weights(of: names),
      ModelFiles.isIndex(weights)
    else { return missing }
    let shards = try? ModelFiles.shards(ofIndex: "\(snapshot)/\(weights)")
    return shards?.filter { !names.contains($0) } ?? [weights]
  }

  /// Whether the snapshot at `commit` has `file`.
  func has(_ file: HubFile, of repository: String, commit: String) -> Bool {
    Self.size("\(snapshot(of: repository, commit: commit))/\(file.path)") == file.size
  }

  /// Whether the content of `file` is there, perhaps from another commit.
  func hasBlob(of file: HubFile, of repository: String) -> Bool {
    Self.size(blob(file.hash, of: repository)) == file.size
  }

  /// How many bytes of `file` were fetched before an interruption.
  func incompleteSize(of file: HubFile, of repository: String) -> Int {
    min(Self.size(blob(file.hash, of: repository) + Self.incompleteSuffix) ?? 0, file.size)
  }

  static let incompleteSuffix = ".incomplete"

  /// The size of the file that `path` refers to; `nil` if there is none.
  private static func size(_ path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  /// How many bytes can be written; `nil` if that is unknown.
  var freeBytes: Int? { Folder.freeBytes(at: path) }

  // MARK: - Writing

  /// Creates the folder, with the file by which programs that make backups recognise a cache.
  func create() throws(FileError) {
    try Folder.create(path)
    let tag = path + "/CACHEDIR.TAG"
    guard !Folder.hasFile(tag) else { return }
    try write(
      """
      Signature: 8a477f597d28d172789f06886806bc55
      # Models fetched from the Hugging Face Hub; they can be fetched again (https://bford.info/cachedir).

      """, to: tag)
  }

  /// Gives the content of `file` its name in the snapshot at `commit`.
  func link(_ file: HubFile, of repository: String, commit: String) throws(FileError) {
    let blob = blob(file.hash, of: repository)
    let name = "\(snapshot(of: repository, commit: commit))/\(file.path)"
    try Folder.create(Folder.parent(of: name))
    let up = String(repeating: "../", count: file.path.split(separator: "/").count + 1)
    let partial = Self.partial(name)
    unlink(partial)
    if avoidsLinks || symlink("\(up)blobs/\(file.hash.text)", partial) != 0 {
      // Some file systems have no links.
      guard avoidsLinks || [EPERM, ENOTSUP, ENOSYS].contains(errno) else {
        throw FileError(path: name, operation: .create)
      }
      try Self.rename(blob, to: name)
    } else {
      try Self.move(partial, to: name)
    }
  }

  /// Records that `name` stands for `commit`, whose snapshot is complete.
  func record(_ name: ModelName, commit: String) throws(FileError) {
    guard !name.isCommit, self.commit(name, of: name.repository) != commit else { return }
    // Without a newline, which huggingface_hub would take for a part of the commit.
    try write(commit, to: "\(folder(of: name.repository))/refs/\(name.revision)")
  }

  private func write(_ text: String, to path: String) throws(FileError) {
    let partial = Self.partial(path)
    let file = try AppendFile(path: partial, mode: 0o666)
    do {
      try file.truncate(to: 0)
      try file.append(Array(text.utf8))
      try file.synchronize()
    } catch {
      unlink(partial)
      throw error
    }
    try Self.move(partial, to: path)
  }

  /// Gives the item at `partial` its name, or removes it.
  private static func move(_ partial: String, to name: String) throws(FileError) {
    do {
      try rename(partial, to: name)
    } catch {
      unlink(partial)
      throw error
    }
  }

  /// Where an item is written before it is given the name `path`; unique to this process.
  private static func partial(_ path: String) -> String {
    "\(Folder.parent(of: path))/.\(Folder.name(of: path)).\(getpid())"
  }

  static func rename(_ path: String, to name: String) throws(FileError) {
    guard Glibc.rename(path, name) == 0 else { throw FileError(path: name, operation: .rename) }
    try Folder.synchronize(Folder.parent(of: name))
  }
}
