import Glibc
import Synchronization

/// A thread that helps the one that started it.
///
/// It receives no signals from outside, such as Ctrl-C: they go to the main thread, where they end
/// a wait for input.
///
/// The system may refuse to start a thread (`ulimit -u`, `pids.max` of a container, no memory for
/// its stack), so a helper must only make work faster: the caller must be able to do without it.
public struct HelperThread: Sendable {
  private let thread: pthread_t

  /// Starts a thread that calls `body`; `nil` if the system refuses.
  ///
  /// The first refusal is reported to the handler of ``ThreadShortage``.
  public static func start(_ body: @escaping @Sendable () -> Void) -> HelperThread? {
    var thread = pthread_t()
    let code = create(&thread, body)
    guard code == 0 else {
      ThreadShortage.reportRefusal(code)
      return nil
    }
    return HelperThread(thread: thread)
  }

  /// Whether the system allows `count` more threads, for libraries that cannot do without their
  /// own.
  public static func areAllowed(_ count: Int) -> Bool {
    let gate = Monitor()
    var threads: [pthread_t] = []
    // The threads wait for the lock until all of them have started.
    gate.locked {
      while threads.count < count {
        var thread = pthread_t()
        guard create(&thread, { gate.locked {} }) == 0 else { break }
        threads.append(thread)
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    return threads.count == count
  }

  /// Creates a thread in which signals from outside are blocked; returns the error code or 0.
  private static func create(
    _ thread: inout pthread_t, _ body: @escaping @Sendable () -> Void
  ) -> Int32 {
    var before = sigset_t()
    var blocked = signalsFromOutside
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let argument = Unmanaged.passRetained(Body(body))
    let code = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().call()
        return nil
      }, argument.toOpaque())
    if code != 0 { argument.release() }
    return code
  }

  /// Waits until the thread has ended; call this or ``detach()`` once.
  public func join() {
    pthread_join(thread, nil)
  }

  /// Lets the thread end on its own.
  public func detach() {
    pthread_detach(thread)
  }

  /// All signals except those caused by a thread's own faults, whose handlers report a crash.
  private static var signalsFromOutside: sigset_t {
    var signals = sigset_t()
    sigfillset(&signals)
    for signal in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS] {
      sigdelset(&signals, signal)
    }
    return signals
  }
}

/// The work of a thread.
private final class Body: Sendable {
  let call: @Sendable () -> Void

  init(_ call: @escaping @Sendable () -> Void) {
    self.call = call
  }
}

/// Fewer threads than requested: the result is the same, but the user should know.
public enum ThreadShortage {
  private struct State {
    var handler: (@Sendable (String) -> Void)?
    var hasReportedRefusal = false
  }

  private static let state = Mutex(State())

  /// What limits threads, as a sentence without its full stop.
  public static let remedy =
    "Threads and processes are limited by ulimit -u, by pids.max of a container (--pids-limit) and by memory"

  /// Makes `handler` receive the messages.
  public static func onReport(_ handler: @escaping @Sendable (String) -> Void) {
    state.withLock { $0.handler = handler }
  }

  /// Reports `message`.
  public static func report(_ message: String) {
    state.withLock { $0.handler }?(message)
  }

  /// Reports the first thread that the system refuses to start, with the error `code`; later ones
  /// are refused for the same reason.
  static func reportRefusal(_ code: Int32) {
    let isFirst = state.withLock { state in
      defer { state.hasReportedRefusal = true }
      return !state.hasReportedRefusal
    }
    guard isFirst else { return }
    report(
      "cannot start a thread: \(String(cString: strerror(code))); continuing with fewer, which "
        + "does not change the result. \(remedy)")
  }
}
