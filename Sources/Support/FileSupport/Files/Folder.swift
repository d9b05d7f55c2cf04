import Glibc

/// Work on folders: creation, listing, replacement as a whole.
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

  /// `path` without slashes at its end.
  public static func trimmed(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    return String(trimmed)
  }

  /// Whether a folder stands at `path`.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a file stands at `path`.
  public static func hasFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Creates the folder `path`, or the one it is a link to, and those above it where they are missing.
  ///
  /// - Throws: ``FileError``.
  public static func create(_ path: String) throws(FileError) {
    if exists(path) { return }
    let above = parent(of: path)
    if above != path { try create(above) }
    let target = try target(of: path)
    guard mkdir(target, 0o755) == 0 || errno == EEXIST else {
      throw FileError(path: path, operation: .create)
    }
    guard exists(path) else { throw FileError(path: path, operation: .create, code: ENOTDIR) }
  }

  /// The folder for temporary files.
  static var temporary: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

  /// Creates a folder for temporary files, which is its owner's alone.
  ///
  /// - Throws: ``FileError``.
  static func createTemporary() throws(FileError) -> String {
    var template = Array((temporary + "/bugurt-gpt-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(path: temporary, operation: .create) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in the folder `path`, sorted.
  ///
  /// - Throws: ``FileError``.
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

  /// Removes the file, link or folder `path` and what is in it; nothing happens if it is not there.
  ///
  /// - Throws: ``FileError``.
  public static func remove(_ path: String) throws(FileError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    do {
      try removeItem(path)
    } catch {
      throw FileError(path: path, operation: .remove, code: error.code)
    }
  }

  /// Removes the file, link or folder `path`; nothing that a link leads to.
  private static func removeItem(_ path: String) throws(FileError) {
    if unlink(path) == 0 { return }
    guard errno == EISDIR else { throw FileError(path: path, operation: .remove) }
    // An empty folder goes without being opened, which a limit of open files may forbid.
    if rmdir(path) == 0 { return }
    for name in try list(path) { try removeItem(path + "/" + name) }
    guard rmdir(path) == 0 else { throw FileError(path: path, operation: .remove) }
  }

  /// Gives the finished folder at `source` the name `destination`, in place of what stood there.
  ///
  /// Where the file system can exchange two names in one step, there is a whole folder at
  /// `destination` at every moment; elsewhere (some network mounts) the older one is set aside as
  /// `destination.replaced` for a moment, from where ``restoreReplaced(_:)`` takes it back.
  ///
  /// - Throws: ``FileError``.
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

  /// The ending of a folder that is set aside while another takes its name.
  public static let replacedSuffix = ".replaced"

  /// Gives the folder that an interrupted ``move(_:replacing:)`` has set aside its name back, unless
  /// the other has it already.
  ///
  /// - Throws: ``FileError``.
  public static func restoreReplaced(_ destination: String) throws(FileError) {
    let replaced = destination + replacedSuffix
    guard exists(replaced), !exists(destination) else { return }
    guard rename(replaced, destination) == 0 else {
      throw FileError(path: destination, operation: .rename)
    }
  }

  /// Exchanges the names of two folders in one step; `false` where the system cannot.
  private static func exchange(_ a: String, _ b: String) throws(FileError) -> Bool {
    guard let renameat2 else { return false }
    let renameExchange: UInt32 = 2
    if renameat2(AT_FDCWD, a, AT_FDCWD, b, renameExchange) == 0 { return true }
    switch errno {
    case EINVAL, ENOSYS, ENOTSUP: return false
    default: throw FileError(path: b, operation: .rename)
    }
  }

  private typealias RenameAt2 =
    @convention(c) (
      Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
    ) -> Int32

  /// The C library's `renameat2`, which its headers show to GNU programs only; `nil` before glibc
  /// 2.28.
  private static let renameat2: RenameAt2? = dlsym(nil, "renameat2").map {
    unsafeBitCast($0, to: RenameAt2.self)
  }

  /// Brings the names in the folder `path` to the disk.
  ///
  /// - Throws: ``FileError``.
  public static func synchronize(_ path: String) throws(FileError) {
    let descriptor = try systemCall(.open, path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    defer { close(descriptor) }
    // Some file systems (overlays, network mounts) cannot synchronise a folder; that is no failure.
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw FileError(path: path, operation: .synchronize)
    }
  }
}
