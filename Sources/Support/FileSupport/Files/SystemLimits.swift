import Glibc
import Synchronization

/// What the system refuses a process: threads and memory.
///
/// A program says with ``onReport(_:)`` and ``onEnd(_:)`` where messages go.
public enum SystemLimits {
  /// A limit of the process's memory, such as `ulimit -v` sets.
  public struct MemoryLimit: Equatable, Sendable {
    /// The option of the shell's `ulimit`.
    public let option: String
    /// Bytes that the process may have mapped.
    public let limit: Int
    /// Bytes that it has mapped of that kind.
    public var used: Int { SystemLimits.memoryBytes(field: field) }
    /// The place of that kind in /proc/self/statm.
    fileprivate let field: Int

    /// Bytes that are left.
    public var rest: Int { max(0, limit - used) }
  }

  private struct Handlers {
    var report: (@Sendable (String) -> Void)?
    var end: (@Sendable (MemoryError) -> Never)?
    var hasReportedThread = false
  }

  private static let handlers = Mutex(Handlers())

  /// Makes `handler` receive messages about what the program continues without.
  public static func onReport(_ handler: @escaping @Sendable (String) -> Void) {
    handlers.withLock { $0.report = handler }
  }

  /// Makes `handler` end the process when memory is refused where no error can be thrown.
  public static func onEnd(_ handler: @escaping @Sendable (MemoryError) -> Never) {
    handlers.withLock { $0.end = handler }
  }

  /// Reports what the program continues without.
  public static func report(_ message: String) {
    handlers.withLock { $0.report }?(message)
  }

  /// Ends the process because memory was refused.
  public static func end(_ error: MemoryError) -> Never {
    guard let end = handlers.withLock({ $0.end }) else { fatalError(error.description) }
    end(error)
  }

  /// Reports the first thread that the system refuses with the error `code`; later ones are refused
  /// for the same reason.
  public static func reportRefusedThread(_ code: Int32) {
    let isFirst = handlers.withLock { handlers in
      defer { handlers.hasReportedThread = true }
      return !handlers.hasReportedThread
    }
    guard isFirst else { return }
    report(
      "cannot start a thread: \(String(cString: strerror(code))); working with fewer, to the same "
        + "result. \(threadRemedy)")
  }

  /// What limits threads.
  public static let threadRemedy =
    "Threads are limited by ulimit -u, by pids.max of a container (--pids-limit) and by memory"

  /// The limit of memory that leaves least; `nil` if there is none.
  public static var memoryLimit: MemoryLimit? {
    let kinds = [(RLIMIT_AS, "-v", 0), (RLIMIT_DATA, "-d", 5)]
    let limits = kinds.compactMap { kind, option, field -> MemoryLimit? in
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(kind.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max
      else { return nil }
      return MemoryLimit(option: option, limit: Int(clamping: limit.rlim_cur), field: field)
    }
    return limits.min { $0.rest < $1.rest }
  }

  /// Bytes of memory that the process has touched and still has; 0 if unknown.
  public static var residentBytes: Int { memoryBytes(field: 1) }

  /// A number of /proc/self/statm in bytes, 0 if unknown; signal handlers may call it.
  fileprivate static func memoryBytes(field: Int) -> Int {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { text in
      let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return 0 }
      defer { close(file) }
      let count = read(file, text.baseAddress, text.count)
      var (pages, place) = (0, 0)
      for byte in text.prefix(max(0, count)) {
        if byte == 0x20 { place += 1 }
        guard place <= field else { break }
        if place == field, byte != 0x20 { pages = pages &* 10 &+ Int(byte &- 0x30) }
      }
      return pages &* sysconf(Int32(_SC_PAGESIZE))
    }
  }
}

/// Memory that the system refused.
public struct MemoryError: Error, CustomStringConvertible {
  /// How many bytes were asked for, if that is known.
  public let byteCount: Int?
  /// What for, such as "the weights".
  public let purpose: String

  public init(byteCount: Int? = nil, for purpose: String) {
    self.byteCount = byteCount
    self.purpose = purpose
  }

  public var description: String {
    let asked = byteCount.map { ": asked for \(Self.megabytes($0))" } ?? ""
    return "not enough memory\(asked) for \(purpose). \(Self.limitText)"
  }

  /// Where the memory ends: the limit of the process if it has one.
  static var limitText: String {
    guard let limit = SystemLimits.memoryLimit else {
      return "The system or the container allows no more"
    }
    return "ulimit \(limit.option) allows \(megabytes(limit.limit)), of which "
      + "\(megabytes(limit.used)) are in use: raise it"
  }

  private static func megabytes(_ byteCount: Int) -> String {
    byteCount < 10_000_000 ? "\((byteCount + 999) / 1000) kB" : "\(byteCount / 1_000_000) MB"
  }
}
