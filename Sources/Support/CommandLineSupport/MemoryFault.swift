import FileSupport
import Glibc

/// Turns a crash caused by a memory limit, such as one set by `ulimit -v`, into a message and a
/// status.
///
/// Neither Swift nor C++ libraries can be told what to do when an allocation fails: they end the
/// process with a signal. If such a limit is set and much of it is in use, the user gets a message.
enum MemoryFault {
  /// Installs the handlers if the process has a memory limit.
  static func install(program: String) {
    guard let limit = ProcessMemory.limit else { return }
    self.limit = limit
    beginning = UnsafePointer(
      strdup(
        "\(program): error: not enough memory, most likely: the program crashed when "))
    ending = UnsafePointer(
      strdup(
        " MB of the \(limit.byteCount / 1_000_000) MB that ulimit \(limit.option) allows were in use; "
          + "raise it\n"))
    provideStack()
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
      var action = sigaction()
      action.sa_flags = SA_ONSTACK | Int32(bitPattern: UInt32(SA_RESETHAND))
      action.__sigaction_handler.sa_handler = { number in MemoryFault.handle(number) }
      sigaction(number, &action, nil)
    }
  }

  /// Gives the calling thread a stack for signal handlers, which lasts until the process ends.
  private static func provideStack() {
    var stack = stack_t()
    // The registers of a processor with AMX take 11 kB.
    stack.ss_size = 1 << 16
    stack.ss_sp = malloc(stack.ss_size)
    guard stack.ss_sp != nil else {
      ProcessMemory.end(MemoryError(byteCount: stack.ss_size, for: "signals"))
    }
    sigaltstack(&stack, nil)
  }

  // Set before the handlers are installed, and never changed.
  private nonisolated(unsafe) static var limit: ProcessMemory.Limit?
  private nonisolated(unsafe) static var beginning: UnsafePointer<CChar>?
  private nonisolated(unsafe) static var ending: UnsafePointer<CChar>?

  /// Runs in a signal handler, so it makes only system calls.
  private static func handle(_ number: Int32) {
    let (used, limit) = (limit?.used ?? 0, limit?.byteCount ?? .max)
    // Buffers grow by doubling, so with two thirds free there would have been enough memory.
    guard used > limit / 3 else {
      // With the handler reset, the signal ends the process.
      raise(number)
      return
    }
    write(beginning)
    writeNumber(used / 1_000_000)
    write(ending)
    _exit(ExitStatus.unavailable.rawValue)
  }

  private static func write(_ text: UnsafePointer<CChar>?) {
    guard let text else { return }
    _ = Glibc.write(STDERR_FILENO, text, strlen(text))
  }

  private static func writeNumber(_ number: Int) {
    if number >= 10 { writeNumber(number / 10) }
    var digit = UInt8(truncatingIfNeeded: 0x30 + number % 10)
    _ = Glibc.write(STDERR_FILENO, &digit, 1)
  }
}
