import FileSupport
import Glibc

/// A thread that helps the one that started it.
///
/// It takes no signals that come from outside, such as Ctrl-C: they are left to the main thread,
/// where they end a wait for input and have a stack of their own.
///
/// The system may refuse a thread (`ulimit -u`, `pids.max` of a container, no memory for its stack).
/// So a helper must only make work faster: the caller does without it.
public struct HelperThread: Sendable {
  private let thread: pthread_t

  /// Starts a thread that calls `body`; `nil` if the system refuses.
  ///
  /// The first refusal of the process is reported to ``SystemLimits``.
  public static func start(_ body: @escaping @Sendable () -> Void) -> HelperThread? {
    var thread = pthread_t()
    let code = create(&thread, body)
    guard code == 0 else {
      SystemLimits.reportRefusedThread(code)
      return nil
    }
    return HelperThread(thread: thread)
  }

  /// Whether the system allows `count` threads more, for libraries that cannot do without theirs.
  public static func areAllowed(_ count: Int) -> Bool {
    let gate = Monitor()
    var threads: [pthread_t] = []
    // The threads wait for the lock until all are there.
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

  /// Creates a thread in which signals from outside are blocked, and returns the error or 0.
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

  /// Waits until the thread has ended; this or ``detach()`` is to be called, once.
  public func join() {
    pthread_join(thread, nil)
  }

  /// Lets the thread end by itself.
  public func detach() {
    pthread_detach(thread)
  }

  /// All signals but those that a thread causes itself, whose handlers report a crash.
  private static var signalsFromOutside: sigset_t {
    var signals = sigset_t()
    sigfillset(&signals)
    for signal in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS] {
      sigdelset(&signals, signal)
    }
    return signals
  }
}

/// What a thread does.
private final class Body: Sendable {
  let call: @Sendable () -> Void

  init(_ call: @escaping @Sendable () -> Void) {
    self.call = call
  }
}
