import FileSupport
import Foundation
import Synchronization
import Testing
import Threading

@Suite("concurrently")
struct ConcurrentlyTests {
  struct Failure: Error, Equatable {
    let name: String
  }

  final class Mark: Sendable {
    let isSet = Mutex(false)
    func set() { isSet.withLock { $0 = true } }
  }

  @Test("runs both at once in two threads, the body in the calling one")
  func both() throws {
    let (workBegan, bodyBegan) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let caller = pthread_self()
    let result = try concurrently {
      #expect(pthread_equal(pthread_self(), caller) == 0)
      workBegan.signal()
      // Neither could go on alone.
      #expect(bodyBegan.wait(timeout: .now() + 60) == .success)
    } _: {
      #expect(pthread_equal(pthread_self(), caller) != 0)
      bodyBegan.signal()
      #expect(workBegan.wait(timeout: .now() + 60) == .success)
      return 7
    }
    #expect(result == 7)
  }

  @Test("ends only when both have, whichever fails, and prefers the body's failure")
  func failures() {
    for (work, body, told) in [
      (nil, "body", "body"), ("work", nil, "work"), ("work", "body", "body"),
    ] as [(String?, String?, String)] {
      let (workDone, bodyDone) = (Mark(), Mark())
      #expect(throws: Failure(name: told)) {
        try concurrently {
          usleep(20_000)
          workDone.set()
          if let work { throw Failure(name: work) }
        } _: {
          bodyDone.set()
          if let body { throw Failure(name: body) }
        }
      }
      #expect(workDone.isSet.withLock { $0 } && bodyDone.isSet.withLock { $0 })
    }
  }

  @Test("leaves signals to the calling thread")
  func signals() throws {
    try concurrently {
      var blocked = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &blocked)
      #expect(sigismember(&blocked, SIGINT) == 1)
      #expect(sigismember(&blocked, SIGTERM) == 1)
    } _: {
    }
  }
}
