import CSystem
import FileSupport
import Glibc

/// A copy of this process that does a piece of work, so that the memory that the work takes can be
/// measured.
public enum ForkedProcess {
  /// How the work ended.
  public enum Outcome<Value: BitwiseCopyable> {
    /// With its result; the process occupied at most `peakBytes` of memory, with the parts of mapped
    /// files that it read.
    case done(Value, peakBytes: Int)
    /// With an error, or because a signal ended the process: the status is then 128 and the signal.
    case failed(status: Int32, message: String)
  }

  /// Does `work` in a copy of this process.
  ///
  /// There must not be another thread.
  ///
  /// - Parameters:
  ///   - isSilent: Whether nothing of the copy's standard error is seen.
  ///   - check: Called when a signal interrupts the waiting; if it throws, the copy is ended.
  ///   - status: The exit status for an error of `work`, not 0.
  ///   - work: What the copy does.
  /// - Returns: How the work ended.
  /// - Throws: ``FileError`` if the system refuses a process; what `check` throws.
  public static func run<Value: BitwiseCopyable>(
    isSilent: Bool, check: () throws -> Void, status: (any Error) -> Int32,
    _ work: () throws -> Value
  ) throws -> Outcome<Value> {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw FileError(path: "a pipe", operation: .create) }
    fflush(nil)
    let child = fork {
      close(ends[0])
      if isSilent {
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if nowhere >= 0 { dup2(nowhere, STDERR_FILENO) }
      }
      switch Result(catching: work) {
      case .success(let value):
        withUnsafeBytes(of: value) { write($0, to: ends[1]) }
      case .failure(let error):
        Array("\(error)".utf8).withUnsafeBytes { write($0, to: ends[1]) }
        // What the copy inherited is not its own to clean up.
        _exit(status(error))
      }
    }
    let code = errno
    close(ends[1])
    defer { close(ends[0]) }
    guard child > 0 else {
      throw FileError(
        path: "a process to measure in", operation: .create, code: code,
        remedy: code == EAGAIN ? ThreadShortage.remedy : nil)
    }
    do {
      let output = try read(ends[0], check)
      let (status, peakBytes) = try wait(for: child, check)
      guard status == 0, output.count == MemoryLayout<Value>.size else {
        return .failed(status: status, message: String(decoding: output, as: UTF8.self))
      }
      // The copy has the same layout of types.
      let value = output.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
      return .done(value, peakBytes: peakBytes)
    } catch {
      kill(child, SIGKILL)
      _ = try? wait(for: child) {}
      throw error
    }
  }

  /// Starts a copy of this process that calls `body` and exits; returns its id, -1 if the system refuses.
  private static func fork(_ body: () -> Void) -> pid_t {
    let child = csystem_fork()
    guard child == 0 else { return child }
    withoutActuallyEscaping(body) { body in
      // Swift's locks know a thread by an id that it remembers, and the copied thread remembers that of
      // the original: others would wait for it in vain. It only waits for one that does the work.
      nonisolated(unsafe) let body = body
      if let thread = HelperThread.start({ body() }) { thread.join() } else { body() }
    }
    _exit(0)
  }

  /// Waits until `process` has ended.
  private static func wait(
    for process: pid_t, _ check: () throws -> Void
  ) throws -> (status: Int32, peakBytes: Int) {
    var (status, usage) = (Int32(0), rusage())
    while wait4(process, &status, 0, &usage) < 0, errno == EINTR { try check() }
    let signal = status & 0x7F
    return (signal == 0 ? status >> 8 & 0xFF : 128 + signal, usage.ru_maxrss * 1024)
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.write(file, part.baseAddress, part.count)
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, count))
    }
  }

  private static func read(_ file: Int32, _ check: () throws -> Void) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = part.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes += part[..<count]
      } else if count < 0, errno == EINTR {
        try check()
      } else {
        return bytes
      }
    }
  }
}
