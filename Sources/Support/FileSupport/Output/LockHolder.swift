import Glibc

/// The process that is writing an output, as named by its lock file.
struct LockHolder: Equatable {
  /// The name of the program.
  let program: String
  let processID: pid_t
  let host: String
  /// When the process started, in clock ticks since boot; 0 if unknown.
  ///
  /// Process ids are reused, but not with the same start time.
  let start: Int
  /// When the process took the lock, in seconds since 1970.
  let since: Int

  /// This process, now.
  static var current: LockHolder {
    let program = CommandLine.arguments.first.map { Folder.name(of: $0) } ?? "a program"
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    return LockHolder(
      program: program.replacing("\t", with: " ").replacing("\n", with: " "),
      processID: getpid(), host: text(of: host), start: start(of: getpid()) ?? 0, since: time(nil))
  }

  /// Whether this is the current process.
  var isThisProcess: Bool { isOnThisHost && processID == getpid() && !hasEnded }
  /// Whether the process runs on this host, so that it can be looked up.
  var isOnThisHost: Bool { host == Self.current.host }
  /// Whether the process is known to have ended.
  var hasEnded: Bool {
    guard isOnThisHost else { return false }
    // Without /proc, the id has to suffice.
    let isAnother = start != 0 && Self.start(of: processID).map { $0 != start } ?? false
    return isAnother || !Self.isRunning(processID)
  }

  /// Whether the process `processID` is running.
  static func isRunning(_ processID: pid_t) -> Bool {
    guard kill(processID, 0) == 0 || errno == EPERM else { return false }
    return start(of: processID) != nil || start(of: getpid()) == nil
  }

  /// When the process `processID` started; `nil` if it has ended or there is no `/proc`.
  private static func start(of processID: pid_t) -> Int? {
    let descriptor = open("/proc/\(processID)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // The name of the program is in parentheses and may contain anything.
    let fields = text(of: descriptor).reversed().prefix { $0 != ")" }.reversed()
    let values = String(fields).split(separator: " ")
    // A zombie has ended; its parent just has not collected its status.
    guard values.count > 19, values[0] != "Z", values[0] != "X" else { return nil }
    return Int(values[19])
  }

  /// The C string in `bytes`.
  private static func text(of bytes: [CChar]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

// MARK: - The lock file

extension LockHolder {
  /// The first field of every lock file.
  private static let mark = "lock of bugurt-gpt"

  /// The text of a lock file.
  var text: String {
    [Self.mark, program, "\(processID)", host, "\(start)", "\(since)"].joined(separator: "\t")
      + "\n"
  }

  /// Reads the lock file `descriptor`; `nil` if it does not name a process.
  init?(file descriptor: Int32) {
    let text = Self.text(of: descriptor)
    let fields = text.split(separator: "\t", omittingEmptySubsequences: false)
    guard text.hasSuffix("\n"), fields.count == 6, fields[0] == Self.mark,
      let processID = pid_t(fields[2]), let start = Int(fields[4]),
      let since = Int(fields[5].dropLast())
    else { return nil }
    self.init(
      program: String(fields[1]), processID: processID, host: String(fields[3]), start: start,
      since: since)
  }

  /// Whether the file `descriptor` can be a lock file rather than one of the user's files.
  static func isLockFile(_ descriptor: Int32) -> Bool {
    let text = text(of: descriptor)
    return text.hasPrefix(mark) || mark.hasPrefix(text)
  }

  /// The text of the short file `descriptor`.
  private static func text(of descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}

extension LockHolder: CustomStringConvertible {
  /// For example, `tg-dump, process 1234 on host, since 2026-01-31 12:00:05`.
  var description: String {
    var seconds = time_t(since)
    var parts = tm()
    localtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 32)
    strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts)
    return "\(program), process \(processID) on \(host), since \(Self.text(of: text))"
  }
}
