import HTTPSupport
import Testing

@Suite("RetrySchedule")
struct RetryScheduleTests {
  @Test("pauses longer each time, and never the same")
  func pauses() {
    let schedule = RetrySchedule(attempts: 7, firstPause: 1, longestPause: 60)
    for (attempt, seconds) in [(2, 1.0), (3, 2), (4, 4), (7, 32), (8, 60), (1000, 60)] {
      let pauses = (0..<20).map { _ in schedule.pause(beforeAttempt: attempt) }
      #expect(pauses.allSatisfy { seconds * 0.75...seconds * 1.25 ~= $0 })
      #expect(Set(pauses).count > 1)
    }
  }

  @Test("ends a wait that is to stop")
  func stopped() {
    struct Stop: Error {}
    var checks = 0
    #expect(throws: Stop.self) {
      try RetrySchedule.wait(3600) {
        checks += 1
        if checks == 2 { throw Stop() }
      }
    }
    #expect(checks == 2)
  }
}
