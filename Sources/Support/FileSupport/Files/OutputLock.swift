import Glibc

/// The right to write an output, which one process has at a time.
///
/// It is a file beside the output that its holder has locked with `flock`, which the system undoes
/// when the process ends, however it ends. Where the file system has no such locks (some network and
/// user-space file systems) the file itself is the lock, and one whose process has ended is removed.
final class OutputLock {
  private let path: String
  private let descriptor: Int32

  /// Takes the lock at `path` for `output`.
  ///
  /// - Throws: ``OutputBusy`` if another process has it; ``FileError`` of `output`.
  init(path: String, output: String) throws {
    self.path = path
    descriptor = try Self.take(path, output)
  }

  deinit {
    // Somebody may have removed it by hand, and another have taken the lock since.
    if Self.stands(descriptor, at: path) { unlink(path) }
    close(descriptor)
  }

  private static func take(_ path: String, _ output: String) throws -> Int32 {
    while true {
      var descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      let isNew = descriptor >= 0
      if !isNew, errno == EEXIST {
        descriptor = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        // One that a process of another user has left can be locked all the same.
        if descriptor < 0, errno == EACCES {
          descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        }
      }
      if descriptor < 0 {
        // It may have gone between the two calls.
        if errno == EINTR || errno == ENOENT && access(Folder.parent(of: path), F_OK) == 0 {
          continue
        }
        throw FileError(path: output, operation: .create)
      }
      do {
        if try lock(descriptor, isNew: isNew, at: path, output) { return descriptor }
      } catch {
        close(descriptor)
        throw error
      }
      close(descriptor)
    }
  }

  /// Locks the open file; `false` if it has to be opened again.
  private static func lock(
    _ descriptor: Int32, isNew: Bool, at path: String, _ output: String
  ) throws -> Bool {
    if !isNew, !LockHolder.isLockFile(descriptor) {
      throw FileError(
        path: output, operation: .create, code: EEXIST,
        remedy: "\(path) stands where its lock belongs; move that file away")
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
      // The holder before may have removed it after it was opened here.
      guard stands(descriptor, at: path) else { return false }
      // On a full disk there is a lock without a name.
      _ = writeHolder(to: descriptor)
      return true
    }
    if errno == EINTR { return false }
    if errno == EWOULDBLOCK {
      throw OutputBusy(output, holder: LockHolder(file: descriptor), lockPath: path)
    }
    // There are no locks here.
    guard isNew else { return try removeIfStale(descriptor, at: path, output) }
    guard writeHolder(to: descriptor) else {
      let error = FileError(path: output, operation: .write)
      unlink(path)
      throw error
    }
    return true
  }

  /// Removes the lock file of a process that has ended; always returns `false`.
  ///
  /// - Throws: ``OutputBusy`` if the process may still run.
  private static func removeIfStale(
    _ descriptor: Int32, at path: String, _ output: String
  ) throws -> Bool {
    var holder = LockHolder(file: descriptor)
    // Its process may just be writing its name; one that was killed before it did leaves none.
    for _ in 0..<10 where holder == nil {
      usleep(50_000)
      holder = LockHolder(file: descriptor)
    }
    if let holder, !holder.hasEnded { throw OutputBusy(output, holder: holder, lockPath: path) }
    let aside = "\(path).\(getpid())"
    guard rename(path, aside) == 0 else {
      if errno == ENOENT { return false }
      throw FileError(path: output, operation: .create)
    }
    if stands(descriptor, at: aside) {
      unlink(aside)
    } else {
      // Another process removed the old one first, and this is its own.
      rename(aside, path)
    }
    return false
  }

  private static func writeHolder(to descriptor: Int32) -> Bool {
    let text = Array(LockHolder.current.text.utf8)
    return ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, text.count, 0) == text.count
  }

  /// Whether the open file is the one at `path`.
  private static func stands(_ descriptor: Int32, at path: String) -> Bool {
    var (open, named) = (stat(), stat())
    return fstat(descriptor, &open) == 0 && lstat(path, &named) == 0
      && open.st_dev == named.st_dev && open.st_ino == named.st_ino
  }
}
