import Glibc

/// The place of an output, with the exclusive right to write it.
///
/// If the output is a link, its target is written, and temporary files are placed there too. What
/// interrupted processes left there is removed.
final class OutputPlace {
  /// The path of the output as the user named it.
  let path: String
  /// The path that is written: the one that `path` refers to.
  let target: String
  /// Where it is written until it is complete; the name is unique to this process.
  let partialPath: String

  private var lock: OutputLock?

  /// Takes the place of the output `path` and creates any missing folders above it.
  ///
  /// - Throws: ``OutputBusy`` if another process has it; ``FileError``.
  init(_ path: String) throws {
    self.path = path
    target = try Self.prepare(path)
    lock = try OutputLock(path: Self.lockPath(target), output: path)
    partialPath = Self.sibling(of: target, suffix: ".\(getpid())\(Self.partialSuffix)")
    guard !Self.isMountPoint(target) else {
      throw FileError(path: path, operation: .rename, code: EBUSY)
    }
    removeLeftovers()
  }

  /// Calls `body` while no other process may write to the folder `path`, which need not exist.
  ///
  /// - Throws: ``OutputBusy`` if one does; ``FileError``; what `body` throws.
  static func holding<Result>(folder path: String, _ body: () throws -> Result) throws -> Result {
    let target = try prepare(path)
    let lock: OutputLock
    do {
      lock = try OutputLock(path: lockPath(target), output: path)
    } catch let error as FileError
      where [EACCES, EPERM, EROFS].contains(error.code) && Folder.exists(target)
    {
      // The folder may be a disk mounted where nothing else can be written.
      lock = try OutputLock(path: target + "/.lock", output: path)
    }
    return try withExtendedLifetime(lock) { try body() }
  }

  /// Creates any missing folders above the output `path`, and returns the path it refers to.
  ///
  /// - Throws: ``FileError``, also if the name is too long: temporary files have a shorter one, so
  ///   that would show only at the end.
  private static func prepare(_ path: String) throws -> String {
    let target = try Folder.target(of: path)
    try Folder.create(Folder.parent(of: target))
    var status = stat()
    if lstat(target, &status) != 0, errno == ENAMETOOLONG {
      throw FileError(path: path, operation: .create)
    }
    return target
  }

  // MARK: - Names

  static let partialSuffix = ".partial"

  private static func lockPath(_ target: String) -> String {
    sibling(of: target, prefix: ".", suffix: ".lock")
  }

  /// `path` with `prefix` and `suffix` around its name.
  private static func sibling(
    of path: String, prefix: String = "", suffix: String
  ) -> String {
    Folder.parent(of: path) + "/" + prefix + stem(of: path) + suffix
  }

  /// The name of `path`, shortened to leave room for a suffix: names can have at most 255 bytes.
  private static func stem(of path: String) -> String {
    let name = Folder.name(of: path)
    let room = 255 - 32
    guard name.utf8.count > room else { return name }
    let digest = "~" + String(CRC32.checksum(Array(name.utf8)), radix: 36)
    var beginning = name[...]
    while beginning.utf8.count + digest.utf8.count > room { beginning.removeLast() }
    return beginning + digest
  }

  // MARK: - Leftovers

  /// Removes, as far as possible, what processes that have ended left unfinished.
  private func removeLeftovers() {
    let folder = Folder.parent(of: target)
    // A folder may be writable but not readable.
    for name in (try? Folder.list(folder)) ?? [] where isLeftover(name) {
      try? Folder.remove(folder + "/" + name)
    }
  }

  /// Whether `name` is that of an unfinished output in this place: `posts.jsonl.1234.partial` of
  /// process 1234, its temporary folder `posts.jsonl.1234-1.partial`, or `posts.jsonl.partial` of
  /// an earlier version.
  private func isLeftover(_ name: String) -> Bool {
    let stem = Self.stem(of: target)
    guard name.hasPrefix(stem + "."), name.hasSuffix(Self.partialSuffix) else { return false }
    let middle = name.dropFirst(stem.count).dropLast(Self.partialSuffix.count)
    if middle.isEmpty { return true }
    let numbers = middle.dropFirst().split(separator: "-", omittingEmptySubsequences: false)
    guard numbers.count <= 2, numbers.allSatisfy({ $0.allSatisfy(\.isASCIIDigit) }),
      let processID = pid_t(numbers[0])
    else { return false }
    return processID == getpid() || !LockHolder.isRunning(processID)
  }

  /// Creates a private folder next to the output for temporary files needed until it is complete.
  func createTemporaryFolder() throws(FileError) -> String {
    let path = Self.sibling(of: target, suffix: ".\(getpid())-1\(Self.partialSuffix)")
    guard mkdir(path, 0o700) == 0 else { throw FileError(path: path, operation: .create) }
    return path
  }

  /// Whether a file system is mounted at `target`, which then cannot be replaced.
  private static func isMountPoint(_ target: String) -> Bool {
    guard let whole = Folder.realPath(of: target) else { return false }
    // Escaped as in the table of mounts.
    let path = whole.replacing("\\", with: "\\134").replacing(" ", with: "\\040")
      .replacing("\t", with: "\\011").replacing("\n", with: "\\012")
    guard var mounts = try? LineReader(path: "/proc/self/mountinfo") else { return false }
    while let line = try? mounts.next() {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      if fields.count > 4, fields[4].elementsEqual(path.utf8) { return true }
    }
    return false
  }

  // MARK: - The end

  /// Lets other processes write the output.
  func leave() {
    lock = nil
  }

  /// Keeps the complete output under another name after renaming it failed with `error`.
  func keep(after error: FileError) -> FileError {
    let kept = target + ".new"
    // On a full disk it would only be in the way.
    guard error.operation == .rename, ![ENOSPC, EDQUOT].contains(error.code),
      (try? Folder.remove(kept)) != nil, rename(partialPath, kept) == 0
    else { return error }
    return FileError(
      path: path, operation: .rename, code: error.code,
      remedy: (error.remedy.map { $0 + "; " } ?? "") + "what was written is complete, at \(kept)")
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
