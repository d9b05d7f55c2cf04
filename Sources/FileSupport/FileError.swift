import Glibc

/// A call on a file or folder that the operating system refused.
public struct FileError: Error, CustomStringConvertible {
  /// What was attempted.
  public enum Operation: String, Sendable {
    case open
    case read
    case create
    case write
    case synchronize = "write to disk"
    case rename
    case remove
    case list
  }

  /// The path the call was about.
  public let path: String
  /// What was attempted.
  public let operation: Operation
  /// The `errno` it left.
  public let code: Int32

  /// Describes the refusal of `operation` on `path`; `code` is the calling thread's `errno`.
  public init(path: String, operation: Operation, code: Int32 = errno) {
    self.path = path
    self.operation = operation
    self.code = code
  }

  public var description: String {
    let text = "\(path): cannot \(operation.rawValue): \(String(cString: strerror(code)))"
    return code == ENOMEM ? "\(text). \(MemoryError.limitText)" : text
  }
}

/// Calls `body` until it is not interrupted by a signal, and returns what it returned.
///
/// Where `mayStall`, as in reading a pipe, a signal ends the wait: the error's code is `EINTR`.
///
/// - Throws: ``FileError`` with `operation` if `body` returned a negative number.
@discardableResult
func systemCall<Result: SignedInteger>(
  _ operation: FileError.Operation, _ path: String, mayStall: Bool = false, _ body: () -> Result
) throws(FileError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    if errno != EINTR || mayStall { throw FileError(path: path, operation: operation) }
  }
}
