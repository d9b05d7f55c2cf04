import FileSupport
import Glibc
import Synchronization

/// A signal that asks the program to stop, as an error that unwinds it, so that nothing unfinished is
/// left behind: SIGINT, SIGTERM, SIGHUP, or SIGXCPU at the limit of processor time.
///
/// The handler only records the signal; long-running work calls ``check()`` between steps. A second
/// signal ends the process immediately, except SIGXCPU, which the system repeats every second.
public struct Interruption: Error, CustomStringConvertible {
  /// The number of the signal.
  public let signal: Int32

  public var description: String {
    let name =
      switch signal {
      case SIGINT: "SIGINT"
      case SIGHUP: "SIGHUP"
      case SIGXCPU: "SIGXCPU, the limit of processor time (ulimit -t)"
      default: "SIGTERM"
      }
    return "stopped by \(name)"
  }

  /// Whether a signal has arrived.
  public static var isPending: Bool { stopSignal.load(ordering: .relaxed) != 0 }

  /// Throws ``Interruption`` if a signal has arrived.
  public static func check() throws {
    let signal = stopSignal.load(ordering: .relaxed)
    if signal != 0 { throw Interruption(signal: signal) }
  }

  /// Forgets the signal: the program continues, and the next signal counts as the first.
  public static func forget() {
    stopSignal.store(0, ordering: .relaxed)
  }

  /// The signal that caused `error`, which may have ended a wait for input or output; `nil` if none did.
  public static func cause(of error: any Error) -> Interruption? {
    if let interruption = error as? Interruption { return interruption }
    let signal = stopSignal.load(ordering: .relaxed)
    guard (error as? FileError)?.code == EINTR, signal != 0 else { return nil }
    return Interruption(signal: signal)
  }

  /// Installs the handlers, which run on the main thread; call this on that thread.
  ///
  /// Threads that the program starts block the signals (`HelperThread`).
  package static func install() {
    // The handler must not be the first to access the global, whose initialization takes a lock.
    stopSignal.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGXCPU] {
      var action = sigaction()
      // `nohup` makes a program ignore SIGHUP.
      if number == SIGHUP, sigaction(number, nil, &action) == 0, isIgnored(action) { continue }
      install(for: number)
    }
  }

  /// Handles SIGUSR1 like Ctrl-C: it is what a launcher of several processes hands on to them without
  /// ending them itself.
  package static func handleUserSignal() { install(for: SIGUSR1) }

  private static func install(for number: Int32) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { number in
      let number = number == SIGUSR1 ? SIGINT : number
      if stopSignal.exchange(number, ordering: .relaxed) != 0, number != SIGXCPU {
        _exit(128 + number)
      }
    }
    sigaction(number, &action, nil)
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
  }
}
