import Glibc

/// The exclusive right to write an output.
///
/// It is a file next to the output, locked with `flock`; the system releases the lock when the
/// process ends, however it ends. On file systems without `flock` (some network and user-space
/// ones), the file itself is the lock, and it is removed once its process has ended.
final class OutputLock {
  private let path: String
  private let descriptor: Int32

  /// Takes the lock at `path` for `output`.
  ///
  /// - Throws: ``OutputBusy`` if another process has it; ``FileError`` for `output`.
  init(path: String, output: String) throws {
    self.path = path
    descriptor = try Self.take(path, output)
  }

  deinit {
    // If the file was removed by hand, another process may have taken the lock since.
    if Self.isFile(descriptor, at: path) { unlink(path) }
    close(descriptor)
  }

  private static func take(_ path: String, _ output: String) throws -> Int32 {
    // In a folder that was removed, and in some of the system's, no file can be created.
    var attempts = 100
    while true {
      var descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      let isNew = descriptor >= 0
      if !isNew, errno == EEXIST {
        descriptor = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        // A file left by another user's process can be locked all the same.
        if descriptor < 0, errno == EACCES {
          descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        }
      }
      if descriptor < 0 {
        // The file may have been removed between the two calls.
        attempts -= errno == ENOENT ? 1 : 0
        if errno == EINTR || errno == ENOENT && attempts > 0 { continue }
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

  /// Locks the open file; returns `false` if it has to be opened again.
  private static func lock(
    _ descriptor: Int32, isNew: Bool, at path: String, _ output: String
  ) throws -> Bool {
    if !isNew, !LockHolder.isLockFile(descriptor) {
      throw FileError(
        path: output, operation: .create, code: EEXIST,
        remedy: "\(path) is where its lock belongs; move that file away")
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
      // The previous holder may have removed it after it was opened here.
      guard isFile(descriptor, at: path) else { return false }
      // On a full disk, the lock does not name its holder.
      _ = writeHolder(to: descriptor)
      return true
    }
    if errno == EINTR { return false }
    if errno == EWOULDBLOCK {
      let holder = holder(of: descriptor) { $0.map { !$0.hasEnded } ?? false }
      throw OutputBusy(output, holder: holder, lockPath: path)
    }
    // This file system has no locks.
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
  /// - Throws: ``OutputBusy`` if the process may still be running.
  private static func removeIfStale(
    _ descriptor: Int32, at path: String, _ output: String
  ) throws -> Bool {
    if let holder = holder(of: descriptor, until: { $0 != nil }), !holder.hasEnded {
      throw OutputBusy(output, holder: holder, lockPath: path)
    }
    let aside = "\(path).\(getpid())"
    guard rename(path, aside) == 0 else {
      if errno == ENOENT { return false }
      throw FileError(path: output, operation: .create)
    }
    if isFile(descriptor, at: aside) {
      unlink(aside)
    } else {
      // Another process removed the old file first, and this one is its new lock.
      rename(aside, path)
    }
    return false
  }

  /// The process that the lock file names, for which it is read again until it is as it `isReady`: its
  /// process may be about to write its name, or may have been killed before it could.
  private static func holder(
    of descriptor: Int32, until isReady: (LockHolder?) -> Bool
  ) -> LockHolder? {
    var holder = LockHolder(file: descriptor)
    for _ in 0..<10 where !isReady(holder) {
      usleep(50_000)
      holder = LockHolder(file: descriptor)
    }
    return holder
  }

  private static func writeHolder(to descriptor: Int32) -> Bool {
    let text = Array(LockHolder.current.text.utf8)
    return ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, text.count, 0) == text.count
  }

  /// Whether the open file is the one at `path`.
  private static func isFile(_ descriptor: Int32, at path: String) -> Bool {
    var (open, named) = (stat(), stat())
    return fstat(descriptor, &open) == 0 && lstat(path, &named) == 0
      && open.isSameFile(as: named)
  }
}

/// An output that another process is writing.
public struct OutputBusy: Error, CustomStringConvertible {
  /// The output as the user named it.
  public let path: String
  /// Whether that is this process itself, which was given the same output under two names.
  public let isThisProcess: Bool
  public let description: String

  /// `holder` is the process that has the lock at `lockPath`, if known.
  init(_ path: String, holder: LockHolder?, lockPath: String) {
    self.path = path
    isThisProcess = holder?.isThisProcess == true
    if isThisProcess {
      description = "\(path): named for two outputs of this command; each needs its own file"
    } else if let holder, !holder.hasEnded {
      description =
        "\(path): another program is writing this (\(holder)); wait until it is done"
        + (holder.isOnThisHost ? "" : ", or remove \(lockPath) if it no longer runs there")
    } else {
      description = "\(path): another program is writing this; wait until it is done"
    }
  }
}
