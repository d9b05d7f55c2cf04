import Glibc

/// How often a request is sent, and the pauses in between.
public struct RetrySchedule: Equatable, Sendable {
  /// How many times a request is sent before the program gives up.
  public var attempts: Int
  /// The pause before the second attempt, in seconds, give or take a quarter; it doubles with each
  /// attempt.
  public var firstPause: Double
  /// The longest pause, in seconds; one that a server asks for may be longer.
  public var longestPause: Double

  public init(attempts: Int, firstPause: Double, longestPause: Double) {
    self.attempts = attempts
    self.firstPause = firstPause
    self.longestPause = longestPause
  }

  /// How long to wait before `attempt`, the second or a later one, in seconds.
  ///
  /// It is random, so that the many programs that a server failed do not all return at once.
  public func pause(beforeAttempt attempt: Int) -> Double {
    let doubled = firstPause * pow(2, Double(attempt - 2))
    return min(doubled, longestPause) * Double.random(in: 0.75...1.25)
  }

  /// Waits for `seconds`, and calls `check` at least every tenth of a second.
  ///
  /// - Throws: What `check` throws, which ends the wait.
  public static func wait(_ seconds: Double, check: () throws -> Void) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      try check()
      let left = (end - ContinuousClock.now) / .seconds(1)
      if left <= 0 { return }
      usleep(UInt32(min(left, 0.05) * 1e6))
    }
  }
}
