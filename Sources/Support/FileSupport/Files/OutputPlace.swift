import Glibc

/// Where an output stands, with the sole right to write it.
///
/// An output that is a link stays one: what it leads to is written, and everything that is needed
/// meanwhile stands there too. What interrupted processes have left there is removed.
final class OutputPlace {
  /// The path of the output, as it was named.
  let path: String
  /// The path of what is written: where `path` leads.
  let target: String
  /// Where it is written until it is whole: a name that is this process's alone.
  let partialPath: String

  private var lock: OutputLock?

  /// Takes the place of the output `path`; folders above it are created where they are missing.
  ///
  /// - Throws: ``OutputBusy`` if another process has it; ``FileError``.
  init(_ path: String) throws {
    self.path = path
    target = try Folder.target(of: path)
    try Folder.create(Folder.parent(of: target))
    lock = try OutputLock(path: Self.lockPath(target), output: path)
    partialPath = Self.sibling(of: target, suffix: ".\(getpid())\(Self.partialSuffix)")
    guard !Self.isMountPoint(target) else {
      throw FileError(path: path, operation: .rename, code: EBUSY)
    }
    removeLeftovers()
  }

  /// Calls `body` while no other process may write to the folder `path`, which need not be there.
  ///
  /// - Throws: ``OutputBusy`` if one does; ``FileError``; what `body` throws.
  static func holding<Result>(folder path: String, _ body: () throws -> Result) throws -> Result {
    let target = try Folder.target(of: path)
    try Folder.create(Folder.parent(of: target))
    let lock: OutputLock
    do {
      lock = try OutputLock(path: lockPath(target), output: path)
    } catch let error as FileError
      where [EACCES, EPERM, EROFS].contains(error.code) && Folder.exists(target)
    {
      // As where the folder is a disk of its own, mounted where nothing else can be written.
      lock = try OutputLock(path: target + "/.lock", output: path)
    }
    return try withExtendedLifetime(lock) { try body() }
  }

  // MARK: - Names

  static let partialSuffix = ".partial"

  private static func lockPath(_ target: String) -> String {
    sibling(of: target, prefix: ".", suffix: ".lock")
  }

  /// `path` with another beginning and end of its name.
  private static func sibling(
    of path: String, prefix: String = "", suffix: String
  ) -> String {
    Folder.parent(of: path) + "/" + prefix + stem(of: path) + suffix
  }

  /// The name of `path`, shortened so that there is room for more: names have at most 255 bytes.
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

  /// Removes what processes that have ended left half done, as far as that can be removed.
  private func removeLeftovers() {
    let folder = Folder.parent(of: target)
    // A folder may be one to write to, but not to list.
    for name in (try? Folder.list(folder)) ?? [] where isLeftover(name) {
      try? Folder.remove(folder + "/" + name)
    }
  }

  /// Whether `name` is that of an unfinished output in this place: `posts.jsonl.1234.partial` of
  /// process 1234, `posts.jsonl.1234-1.partial` of something it needed besides, or
  /// `posts.jsonl.partial` of an earlier version.
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

  /// Creates a folder beside the output for what is needed until that is whole.
  ///
  /// It is its owner's alone.
  func createTemporaryFolder() throws(FileError) -> String {
    let path = Self.sibling(of: target, suffix: ".\(getpid())-1\(Self.partialSuffix)")
    guard mkdir(path, 0o700) == 0 else { throw FileError(path: path, operation: .create) }
    return path
  }

  /// Whether a file system is mounted at `target`, which then cannot be replaced as a whole.
  private static func isMountPoint(_ target: String) -> Bool {
    guard let whole = realpath(target, nil) else { return false }
    defer { free(whole) }
    // As the table has them.
    let path = String(cString: whole).replacing("\\", with: "\\134").replacing(" ", with: "\\040")
      .replacing("\t", with: "\\011").replacing("\n", with: "\\012")
    guard var mounts = try? LineReader(path: "/proc/self/mountinfo") else { return false }
    while let line = try? mounts.next() {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      if fields.count > 4, fields[4].elementsEqual(path.utf8) { return true }
    }
    return false
  }

  // MARK: - The end

  /// Lets others write the output, as nothing of it is here any more.
  func leave() {
    lock = nil
  }

  /// Gives what is whole at ``partialPath`` a name under which it stays, as it could not get its own
  /// because of `error`.
  func keep(after error: FileError) -> FileError {
    let kept = target + ".new"
    // On a full disk it is better gone than in the way.
    guard error.operation == .rename, ![ENOSPC, EDQUOT].contains(error.code),
      (try? Folder.remove(kept)) != nil, rename(partialPath, kept) == 0
    else { return error }
    return FileError(
      path: path, operation: .rename, code: error.code,
      remedy: (error.remedy.map { $0 + "; " } ?? "") + "what was written is whole, at \(kept)")
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
