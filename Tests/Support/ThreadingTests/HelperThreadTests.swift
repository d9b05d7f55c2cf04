import FileSupport
import Foundation
import Synchronization
import Testing
import Threading

@Suite("HelperThread")
struct HelperThreadTests {
  /// The signals that the calling thread blocks, of those below 32.
  private static func blockedSignals() -> Set<Int32> {
    var blocked = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &blocked)
    return Set((1..<32).filter { sigismember(&blocked, $0) == 1 })
  }

  @Test("receives signals of its own faults but none from outside; the caller's stay as they are")
  func signals() throws {
    let before = Self.blockedSignals()
    let found = Mutex<Set<Int32>>([])
    let thread = try #require(
      HelperThread.start { found.withLock { $0 = Self.blockedSignals() } })
    thread.join()
    #expect(Self.blockedSignals() == before)
    let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGKILL, SIGSTOP]
    let outside = Set(1..<32).subtracting(faults)
    #expect(found.withLock { $0.subtracting(before) } == outside.subtracting(before))
  }

  @Test("knows that threads are allowed")
  func allowed() {
    #expect(HelperThread.areAllowed(0))
    #expect(HelperThread.areAllowed(9))
  }
}
