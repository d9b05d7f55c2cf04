import Glibc
import Synchronization
import TextSupport

/// The memory of this process: what it uses, and what its limits allow.
public enum ProcessMemory {
  /// A limit on the process's memory, such as one set by `ulimit -v`.
  public struct Limit: Equatable, Sendable {
    /// The option of the shell's `ulimit`.
    public let option: String
    /// How many bytes the process may have mapped.
    public let byteCount: Int
    /// The index of the matching number in `/proc/self/statm`.
    fileprivate let field: Int

    /// How many bytes that count toward the limit are mapped.
    public var used: Int { ProcessMemory.byteCount(field: field) }
    /// How many bytes are left.
    public var rest: Int { max(0, byteCount - used) }
  }

  /// The limit that leaves the fewest bytes; `nil` if there is none.
  public static var limit: Limit? {
    let kinds = [(RLIMIT_AS, "-v", 0), (RLIMIT_DATA, "-d", 5)]
    let limits = kinds.compactMap { kind, option, field -> Limit? in
      var limit = rlimit()
      guard getrlimit(__rlimit_resource_t(kind.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max
      else { return nil }
      return Limit(option: option, byteCount: Int(clamping: limit.rlim_cur), field: field)
    }
    return limits.min { $0.rest < $1.rest }
  }

  /// How many bytes of physical memory the process occupies; 0 if unknown.
  public static var residentBytes: Int { byteCount(field: 1) }

  /// A number from `/proc/self/statm` in bytes, 0 if unknown; safe to call in a signal handler.
  private static func byteCount(field: Int) -> Int {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { text in
      let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return 0 }
      defer { close(file) }
      let count = read(file, text.baseAddress, text.count)
      var (pages, index) = (0, 0)
      for byte in text.prefix(max(0, count)) {
        if byte == 0x20 { index += 1 }
        guard index <= field else { break }
        if index == field, byte != 0x20 { pages = pages &* 10 &+ Int(byte &- 0x30) }
      }
      return pages &* sysconf(Int32(_SC_PAGESIZE))
    }
  }

  // MARK: - Out of memory

  private static let outOfMemoryHandler = Mutex<(@Sendable (MemoryError) -> Never)?>(nil)

  /// Installs the handler that ``end(_:)`` uses to end the process.
  public static func onEnd(_ handler: @escaping @Sendable (MemoryError) -> Never) {
    outOfMemoryHandler.withLock { $0 = handler }
  }

  /// Ends the process because memory was refused where no error can be thrown.
  ///
  /// Without a handler, as in a test, it writes the message itself and exits with status 69. A trap
  /// would be reported as a bug, and `exit` would run the cleanup of libraries whose threads may
  /// still be running.
  public static func end(_ error: MemoryError) -> Never {
    if let handler = outOfMemoryHandler.withLock({ $0 }) { handler(error) }
    let message = Array("error: \(error)\n".utf8)
    _ = write(STDERR_FILENO, message, message.count)
    _exit(69)
  }
}

/// Memory that the system refused.
public struct MemoryError: Error, CustomStringConvertible {
  /// How many bytes were requested, if known.
  public let byteCount: Int?
  /// What they were for, such as "the weights".
  public let purpose: String

  public init(byteCount: Int? = nil, for purpose: String) {
    self.byteCount = byteCount
    self.purpose = purpose
  }

  public var description: String {
    let asked = byteCount.map { ": asked for \(NumberText.bytes(Double($0)))" } ?? ""
    return "not enough memory\(asked) for \(purpose). \(Self.limitText)"
  }

  /// What limits the memory: the limit of the process, if it has one.
  static var limitText: String {
    guard let limit = ProcessMemory.limit else {
      return "The system or the container allows no more"
    }
    return "ulimit \(limit.option) allows \(NumberText.bytes(Double(limit.byteCount))), of which "
      + "\(NumberText.bytes(Double(limit.used))) are in use: raise it"
  }
}
