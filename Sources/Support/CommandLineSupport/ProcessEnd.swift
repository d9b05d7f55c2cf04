import Glibc
import Synchronization

/// How the process ends.
public enum ProcessEnd {
  private static let isAtOnce = Atomic(false)

  /// Lets the process end without the clean-up of libraries, once its output is written: some of
  /// them have threads of their own, which a clean-up can make abort.
  public static func skipCleanUp() {
    isAtOnce.store(true, ordering: .relaxed)
  }

  static func end(_ status: Int32) -> Never {
    if isAtOnce.load(ordering: .relaxed) { _exit(status) }
    exit(status)
  }
}
