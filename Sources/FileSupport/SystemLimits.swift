import Glibc
import Synchronization

/// What the system refuses a process: threads and memory.
///
/// A program says with ``onReport(_:)`` and ``onEnd(_:)`` where messages go.
public enum SystemLimits {
  /// How much of the address space that the process may have is in use.
  public struct AddressSpace: Equatable, Sendable {
    /// Bytes that the process may map (`ulimit -v`).
    public let limit: Int
    /// Bytes that it has mapped.
    public let used: Int
  }

  private struct Handlers {
    var report: (@Sendable (String) -> Void)?
    var end: (@Sendable (MemoryError) -> Never)?
    var hasReportedThread = false
  }

  private static let handlers = Mutex(Handlers())

  /// Makes `handler` take messages about what the program goes on without.
  public static func onReport(_ handler: @escaping @Sendable (String) -> Void) {
    handlers.withLock { $0.report = handler }
  }

  /// Makes `handler` end the process when memory is refused where no error can be thrown.
  public static func onEnd(_ handler: @escaping @Sendable (MemoryError) -> Never) {
    handlers.withLock { $0.end = handler }
  }

  /// Reports what the program goes on without.
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
  static func reportRefusedThread(_ code: Int32) {
    let isFirst = handlers.withLock { handlers in
      defer { handlers.hasReportedThread = true }
      return !handlers.hasReportedThread
    }
    guard isFirst else { return }
    report(
      "cannot start a thread: \(String(cString: strerror(code))); working with fewer threads, to the "
        + "same result; --threads 1 asks for none. \(threadRemedy)")
  }

  /// What limits threads.
  public static let threadRemedy =
    "Threads are limited by ulimit -u, by pids.max of a container (--pids-limit) and by memory"

  /// The limit of address space; `nil` if there is none.
  public static var addressSpace: AddressSpace? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur != rlim_t.max
    else { return nil }
    return AddressSpace(limit: Int(clamping: limit.rlim_cur), used: mappedBytes())
  }

  /// Bytes that the process has mapped; 0 if unknown. May be called in a signal handler.
  package static func mappedBytes() -> Int { memoryBytes(field: 0) }

  /// Bytes of memory that the process has touched and still has; 0 if unknown.
  public static var residentBytes: Int { memoryBytes(field: 1) }

  private static func memoryBytes(field: Int) -> Int {
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
    guard let space = SystemLimits.addressSpace else {
      return "The system or the container allows no more"
    }
    return "The limit of address space (ulimit -v) is \(megabytes(space.limit)), of which "
      + "\(megabytes(space.used)) are in use: raise it"
  }

  private static func megabytes(_ byteCount: Int) -> String {
    byteCount < 10_000_000 ? "\((byteCount + 999) / 1000) kB" : "\(byteCount / 1_000_000) MB"
  }
}
