import FileSupport
import Glibc
import Synchronization

/// SIGINT or SIGTERM, as an error that unwinds the program so that nothing half done stays.
///
/// The signal only leaves a mark; long work asks for it with ``check()`` between two pieces. A
/// second signal ends the process at once.
public struct Interruption: Error, CustomStringConvertible {
  /// The number of the signal.
  public let signal: Int32

  public var description: String {
    "stopped by \(signal == SIGINT ? "SIGINT" : "SIGTERM")"
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

  /// Sets the handlers up.
  static func install() {
    // The handler must not be the first to touch the global, whose set-up takes a lock.
    pendingSignal.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        if pendingSignal.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      sigaction(number, &action, nil)
    }
  }
}

private let pendingSignal = Atomic<Int32>(0)
