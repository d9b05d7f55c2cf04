import Glibc

/// An operation on a file or folder that the operating system refused.
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

  /// The path of the file or folder.
  public let path: String
  /// What was attempted.
  public let operation: Operation
  /// The `errno` of the failure.
  public let code: Int32
  /// What to do about it, if anything.
  public let remedy: String?

  /// Describes the refusal of `operation` on `path`.
  ///
  /// By default `code` is the calling thread's `errno`, and `remedy` the usual one for the code.
  public init(path: String, operation: Operation, code: Int32 = errno, remedy: String? = nil) {
    self.path = path
    self.operation = operation
    self.code = code
    self.remedy = remedy ?? Self.remedy(code, operation)
  }

  public var description: String {
    let name =
      switch path {
      case "": "''"
      case "-": "standard \([.open, .read].contains(operation) ? "input" : "output")"
      default: path
      }
    let text = "\(name): cannot \(operation.rawValue): \(String(cString: strerror(code)))"
    if code == ENOMEM { return "\(text). \(MemoryError.limitText)" }
    return text + (remedy.map { "; \($0)" } ?? "")
  }

  /// What helps when a system limit is reached.
  private static func remedy(_ code: Int32, _ operation: Operation) -> String? {
    switch code {
    case ENOSPC: "free space there (df and df -i show how much there is), or write elsewhere"
    case EDQUOT: "remove some of your files there, or write elsewhere"
    case EROFS: "write elsewhere, or mount the file system for writing"
    case EFBIG:
      switch limit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue)) {
      case let limit?: "files are limited to \(limit) bytes; raise that with ulimit -f"
      case nil: "this file system does not hold files this large; write to another"
      }
    case EMFILE:
      "a process is limited to \(limit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue)) ?? 0) "
        + "open files; raise that with ulimit -n"
    case ENAMETOOLONG: "a name has at most 255 bytes; choose a shorter one"
    case ENFILE: "too many files are open on this machine; close some, or raise fs.file-max"
    case EBUSY where operation == .rename:
      "it is a mount point, which cannot be replaced; name a file or folder in it, or mount the "
        + "folder above it"
    case EXDEV where operation == .rename:
      "it belongs to a container's image or another file system; choose another place"
    default: nil
    }
  }

  /// The limit `resource` of this process; `nil` if there is none.
  private static func limit(_ resource: __rlimit_resource_t) -> rlim_t? {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else { return nil }
    return limit.rlim_cur
  }
}
