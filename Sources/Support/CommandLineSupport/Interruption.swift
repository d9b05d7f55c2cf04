import FileSupport
import Glibc
import Synchronization

/// SIGINT, SIGTERM or SIGHUP, as an error that unwinds the program so that nothing half done stays.
///
/// The signal only leaves a mark; long work asks for it with ``check()`` between two pieces. A
/// second signal ends the process at once.
public struct Interruption: Error, CustomStringConvertible {
  /// The number of the signal.
  public let signal: Int32

  public var description: String {
    let name =
      switch signal {
      case SIGINT: "SIGINT"
      case SIGHUP: "SIGHUP"
      default: "SIGTERM"
      }
    return "stopped by \(name)"
  }

  /// Whether a signal has come.
  public static var isPending: Bool { pendingSignal.load(ordering: .relaxed) != 0 }

  /// Throws ``Interruption`` if a signal has come.
  public static func check() throws {
    let signal = pendingSignal.load(ordering: .relaxed)
    if signal != 0 { throw Interruption(signal: signal) }
  }

  /// Forgets the signal that has come: the program goes on, and the next one is a first again.
  public static func forget() {
    pendingSignal.store(0, ordering: .relaxed)
  }

  /// The signal that made `error`; `nil` if none did.
  static func behind(_ error: any Error) -> Interruption? {
    guard (error as? FileError)?.code == EINTR else { return nil }
    let signal = pendingSignal.load(ordering: .relaxed)
    return signal == 0 ? nil : Interruption(signal: signal)
  }

  /// Sets the handlers up; they run on the main thread, which calls this.
  ///
  /// Threads that the program starts block the signals (``HelperThread``). The main thread handles
  /// them on a stack of their own: kernels of oneDNN keep the address of numbers in the heap where
  /// the stack pointer is, and a handler that ran there would overwrite them.
  package static func install() {
    // The handler must not be the first to touch the global, whose set-up takes a lock.
    pendingSignal.store(0, ordering: .relaxed)
    provideStack()
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      // `nohup` makes a program ignore SIGHUP.
      if number == SIGHUP, sigaction(number, nil, &action) == 0, isIgnored(action) { continue }
      action = sigaction()
      action.sa_flags = SA_ONSTACK
      action.__sigaction_handler.sa_handler = { number in
        if pendingSignal.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      sigaction(number, &action, nil)
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
  }

  /// Gives the calling thread a stack for handlers, which stays to the end of the process.
  static func provideStack() {
    var stack = stack_t()
    // The registers of a processor with AMX take 11 kB.
    stack.ss_size = 1 << 16
    stack.ss_sp = malloc(stack.ss_size)
    guard stack.ss_sp != nil else {
      SystemLimits.end(MemoryError(byteCount: stack.ss_size, for: "signals"))
    }
    sigaltstack(&stack, nil)
  }
}

private let pendingSignal = Atomic<Int32>(0)
