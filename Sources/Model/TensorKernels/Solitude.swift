import Glibc

/// Decides when the calling thread of a ``ThreadPool`` works alone.
///
/// If another process takes the processor from a thread within a piece of a loop, all others wait for
/// as long as that process runs, several milliseconds. With a busy process on one of two processors,
/// that costs more than the second thread brings. So after such a wait the calling thread works alone
/// for as long as it has waited, and for twice, four times as long and so on if it has to wait again
/// soon. A single disturbance costs little that way, and a permanent one too.
package struct Solitude: Sendable {
  private var end: ContinuousClock.Instant?
  private var lastEnd = ContinuousClock.now
  private var factor = 1

  /// Shorter waits are not worth it.
  private static let shortestWait = Duration.microseconds(500)
  /// A wait within this time after working alone has the same cause as the one before.
  private static let recurrence = Duration.milliseconds(50)
  /// How many times as long as it has waited the thread works alone at most: some 200 ms.
  private static let largestFactor = 64

  package init() {}

  /// Begins when the calling thread goes to sleep until the others have done their pieces.
  package struct Wait {
    let start: ContinuousClock.Instant
    let processorTime: Duration

    package init(start: ContinuousClock.Instant, processorTime: Duration) {
      (self.start, self.processorTime) = (start, processorTime)
    }

    init() {
      self.init(start: .now, processorTime: Self.usedProcessorTime)
    }

    /// What all threads of this process have used.
    static var usedProcessorTime: Duration {
      var time = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
  }

  /// Whether the thread should still work alone.
  var lasts: Bool {
    mutating get { end != nil && lasts(at: .now) }
  }

  package mutating func lasts(at now: ContinuousClock.Instant) -> Bool {
    guard let end else { return false }
    if now < end { return true }
    (lastEnd, self.end) = (now, nil)
    return false
  }

  /// Takes into account that a wait is over.
  mutating func waited(_ wait: Wait) {
    waited(wait, until: .now, processorTime: Wait.usedProcessorTime)
  }

  package mutating func waited(
    _ wait: Wait, until now: ContinuousClock.Instant, processorTime: Duration
  ) {
    let waited = now - wait.start
    // Otherwise they have worked, and their pieces were longer than the others.
    guard waited > Self.shortestWait, processorTime - wait.processorTime < waited / 2 else {
      return
    }
    factor = wait.start - lastEnd < Self.recurrence ? min(2 * factor, Self.largestFactor) : 1
    end = now + waited * factor
  }
}
