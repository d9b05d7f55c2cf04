import FileSupport
import Glibc

/// The exclusive right to fetch a blob, which huggingface_hub also respects.
///
/// It is a file locked with `flock`, which stays when the lock is released. On file systems without
/// `flock` there is no such right.
enum CacheLock {
  /// Calls `body` while no other process has the lock at `path`.
  ///
  /// If one has it, `whenWaiting` is called once; `check` is called at least every tenth of a second.
  ///
  /// - Throws: `FileError`; what the closures throw.
  static func holding<Result>(
    _ path: String, check: () throws -> Void, whenWaiting: () throws -> Void,
    _ body: () throws -> Result
  ) throws -> Result {
    try Folder.create(Folder.parent(of: path))
    var descriptor: Int32 = -1
    repeat {
      descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
    } while descriptor < 0 && errno == EINTR
    // A file of another user can be locked all the same.
    if descriptor < 0, errno == EACCES { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw FileError(path: path, operation: .create) }
    defer { close(descriptor) }
    fchmod(descriptor, 0o664)
    var hasReported = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { break }
      if !hasReported { try whenWaiting() }
      hasReported = true
      try check()
      usleep(50_000)
    }
    return try body()
  }
}
