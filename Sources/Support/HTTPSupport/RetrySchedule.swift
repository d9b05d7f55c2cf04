import Glibc
import TextSupport

/// A fault that may be gone when the request is repeated.
public struct TransientFault: Error {
  /// What is wrong.
  public let problem: String
  /// What to do if it persists.
  public let remedy: String
  /// How long the server asks to wait, in seconds.
  public let wait: Int?

  public init(_ problem: String, remedy: String = "try again later", wait: Int? = nil) {
    (self.problem, self.remedy, self.wait) = (problem, remedy, wait)
  }
}

/// A fault that has persisted, or for whose end the server asks to wait too long.
public struct LastingFault: Error {
  /// What is wrong.
  public let problem: String
  /// What to do.
  public let remedy: String
}

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

  /// What `body` returns, which is called again after pauses while it throws a ``TransientFault``.
  ///
  /// The count of attempts starts over when `progress` has grown. A server is waited for as it asks,
  /// at most `longestWait` seconds. `report` is called before each pause with what is wrong and how
  /// long it takes; `check` at least every tenth of a second.
  ///
  /// - Throws: ``LastingFault``; what the closures throw.
  public func repeating<Value>(
    longestWait: Int, progress: () -> Int = { 0 }, check: () throws -> Void,
    report: (String) -> Void, _ body: () throws -> Value
  ) throws -> Value {
    var attempt = 1
    var best = progress()
    while true {
      do {
        return try body()
      } catch let fault as TransientFault {
        if progress() > best { (best, attempt) = (progress(), 1) }
        let end = fault.wait.map { Self.date(inSeconds: $0) } ?? ""
        if let wait = fault.wait, wait > longestWait {
          throw LastingFault(
            problem: "\(fault.problem); the server asks to wait \(wait) s",
            remedy: "try again after \(end)")
        }
        guard attempt < attempts else {
          throw LastingFault(
            problem: "\(fault.problem); gave up after \(attempt) attempt\(attempt == 1 ? "" : "s")",
            remedy: fault.remedy)
        }
        attempt += 1
        let pause = fault.wait.map(Double.init) ?? pause(beforeAttempt: attempt)
        let what =
          fault.wait.map { "waiting \($0) s, until \(end), as the server asks" }
          ?? "trying again in \(NumberText.decimal(pause, digits: 1)) s"
        report("\(fault.problem); \(what) (attempt \(attempt) of \(attempts))")
        try Self.wait(pause, check: check)
      }
    }
  }

  /// The date that many seconds from now, in UTC: `2026-03-01T09:00:00Z`.
  private static func date(inSeconds seconds: Int) -> String {
    var (moment, parts) = (time(nil) + seconds, tm())
    gmtime_r(&moment, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = strftime(&text, text.count, "%FT%TZ", &parts)
    return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
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
