import CommandLineSupport
import Foundation
import Testing

@Suite("Interruption", .serialized)
struct InterruptionTests {
  @Test(
    "a signal leaves a mark",
    arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")])
  func mark(_ signal: Int32, _ name: String) throws {
    var before: [(Int32, sigaction)] = []
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(number, nil, &action)
      before.append((number, action))
    }
    defer {
      for (number, action) in before {
        var action = action
        sigaction(number, &action, nil)
      }
    }
    var standard = sigaction()
    standard.__sigaction_handler.sa_handler = SIG_DFL
    sigaction(SIGHUP, &standard, nil)
    Interruption.install()
    #expect(!Interruption.isPending)
    // The threads of tests block signals.
    var (signals, blocked) = (sigset_t(), sigset_t())
    sigaddset(&signals, signal)
    pthread_sigmask(SIG_UNBLOCK, &signals, &blocked)
    raise(signal)
    pthread_sigmask(SIG_SETMASK, &blocked, nil)
    let error = #expect(throws: Interruption.self) { try Interruption.check() }
    #expect(error?.signal == signal)
    #expect(error?.description == "stopped by \(name)")
    Interruption.forget()
    #expect(!Interruption.isPending)
  }
}
