import CSystem
import Glibc

/// Operations on folders: creating, listing, replacing as a whole.
public enum Folder {
  /// The folder that holds `path`; `.` for a bare name.
  public static func parent(of path: String) -> String {
    let trimmed = trimmed(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  /// The last component of `path`.
  public static func name(of path: String) -> String {
    let trimmed = trimmed(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return trimmed }
    return String(trimmed[trimmed.index(after: slash)...])
  }

  /// `path` without trailing slashes.
  public static func trimmed(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    return String(trimmed)
  }

  /// Where `program` keeps what it remembers from run to run: in `XDG_STATE_HOME`, by default
  /// `~/.local/state`; `nil` without a home folder.
  public static func state(
    of program: String,
    environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }
  ) -> String? {
    func folder(_ variable: String) -> String? {
      environment(variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return (folder("XDG_STATE_HOME") ?? folder("HOME").map { $0 + "/.local/state" })
      .map { $0 + "/" + program }
  }

  /// Whether there is a folder at `path`.
  public static func exists(_ path: String) -> Bool {
    status(of: path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  /// Whether there is a regular file at `path`.
  public static func hasFile(_ path: String) -> Bool {
    status(of: path).map { $0.st_mode & S_IFMT == S_IFREG } ?? false
  }

  /// Whether there is a pipe at `path`, or another thing that can be read only once.
  public static func hasPipe(_ path: String) -> Bool {
    status(of: path).map { [S_IFIFO, S_IFCHR, S_IFSOCK].contains($0.st_mode & S_IFMT) } ?? false
  }

  /// How many bytes can be written into the folder `path`, or the nearest one above it that exists;
  /// `nil` if that is unknown.
  public static func freeBytes(at path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else {
      let above = parent(of: path)
      return errno == ENOENT && above != path ? freeBytes(at: above) : nil
    }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }

  /// Creates the folder `path`, or the one it links to, and any missing folders above it.
  public static func create(_ path: String) throws(FileError) {
    if exists(path) { return }
    let above = parent(of: path)
    if above != path { try create(above) }
    let target = try target(of: path)
    guard mkdir(target, 0o777) == 0 || errno == EEXIST else {
      throw FileError(path: path, operation: .create)
    }
    guard exists(path) else { throw FileError(path: path, operation: .create, code: ENOTDIR) }
  }

  /// The folder for temporary files.
  static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

  /// Creates a private folder for temporary files.
  static func createTemporary() throws(FileError) -> String {
    var template = Array((temporary + "/bugurt-gpt-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(path: temporary, operation: .create) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in the folder `path`, sorted.
  public static func list(_ path: String) throws(FileError) -> [String] {
    guard let stream = opendir(path) else { throw FileError(path: path, operation: .list) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The paths of the files in the folder `path` and in folders up to `depth` levels below it; none of a
  /// folder that cannot be read.
  public static func files(in path: String, depth: Int) -> [String] {
    ((try? list(path)) ?? []).flatMap { name in
      let item = "\(path)/\(name)"
      if exists(item) { return depth > 0 ? files(in: item, depth: depth - 1) : [] }
      return [item]
    }
  }

  /// Removes the file, link or folder `path` and everything in it; does nothing if it is missing.
  public static func remove(_ path: String) throws(FileError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    do {
      try removeItem(path)
    } catch {
      throw FileError(path: path, operation: .remove, code: error.code)
    }
  }

  /// Removes the file, link or folder `path`, but never the target of a link.
  private static func removeItem(_ path: String) throws(FileError) {
    if unlink(path) == 0 { return }
    guard errno == EISDIR else { throw FileError(path: path, operation: .remove) }
    // An empty folder is removed without opening it, which the limit of open files may prevent.
    if rmdir(path) == 0 { return }
    for name in try list(path) { try removeItem(path + "/" + name) }
    guard rmdir(path) == 0 else { throw FileError(path: path, operation: .remove) }
  }

  /// Moves the finished folder at `source` to `destination`, replacing what is there.
  ///
  /// Where the file system can exchange two names atomically, there is a complete folder at
  /// `destination` at every moment. Elsewhere (some network mounts), the older one is briefly set
  /// aside as `destination.replaced`; ``restoreReplaced(_:)`` restores it after an interruption.
  public static func move(_ source: String, replacing destination: String) throws(FileError) {
    try synchronize(source)
    let parent = parent(of: destination)
    let replaced = destination + replacedSuffix
    if exists(destination), try exchange(source, destination) {
      try synchronize(parent)
      return try remove(source)
    }
    if exists(destination) {
      try remove(replaced)
      guard rename(destination, replaced) == 0 else {
        throw FileError(path: destination, operation: .rename)
      }
    }
    guard rename(source, destination) == 0 else {
      throw FileError(path: destination, operation: .rename)
    }
    try synchronize(parent)
    try remove(replaced)
  }

  /// The suffix of a folder that is set aside while another takes its name.
  public static let replacedSuffix = ".replaced"

  /// Restores the folder that an interrupted ``move(_:replacing:)`` set aside, unless the new one
  /// already has its name.
  public static func restoreReplaced(_ destination: String) throws(FileError) {
    let replaced = destination + replacedSuffix
    guard exists(replaced), !exists(destination) else { return }
    guard rename(replaced, destination) == 0 else {
      throw FileError(path: destination, operation: .rename)
    }
  }

  /// Atomically exchanges the names of two folders; returns `false` if the system cannot.
  private static func exchange(_ a: String, _ b: String) throws(FileError) -> Bool {
    if csystem_exchange(a, b) == 0 { return true }
    switch errno {
    case EINVAL, ENOSYS, ENOTSUP: return false
    default: throw FileError(path: b, operation: .rename)
    }
  }

  /// Waits until the names in the folder `path` are on disk.
  public static func synchronize(_ path: String) throws(FileError) {
    let descriptor = try systemCall(.open, path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { close(descriptor) }
    // Some file systems (overlays, network mounts) cannot synchronize a folder; that is not a
    // failure.
    try systemCall(.synchronize, path) {
      fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : -1
    }
  }
}
