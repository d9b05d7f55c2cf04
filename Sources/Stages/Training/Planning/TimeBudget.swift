/// How much time a run has.
public struct TimeBudget: Equatable, Sendable {
  /// What the time is counted from.
  public enum Limit: Equatable, Sendable {
    /// The run has this many seconds in all, however often it is stopped and resumed.
    case run(seconds: Double)
    /// The session, which ``TrainingClock/start`` begins, has this many seconds.
    case session(seconds: Double)
  }

  public let limit: Limit
  /// The limit as the user gave it, such as `until 07:30`.
  public let text: String
  /// Whether warm-up, the lines of the log and the validations are those of a ``FittedSchedule`` of as
  /// many steps as there is time for.
  public var fitsWarmup = false
  public var fitsLogging = false
  public var fitsEvaluation = false

  public init(_ limit: Limit, text: String) {
    (self.limit, self.text) = (limit, text)
  }

  /// Stands for the number of steps while nothing but the time bounds it.
  public static let unboundedSteps = 1 << 40
}

/// What tells a training the time.
public struct TrainingClock: Sendable {
  /// When the session began.
  public let start: Double
  /// The present moment, in seconds since another that does not change.
  public let now: @Sendable () -> Double

  /// A clock whose session begins now.
  public init(now: @escaping @Sendable () -> Double = TrainingClock.systemTime) {
    (start, self.now) = (now(), now)
  }

  /// How many seconds the session has lasted.
  var elapsed: Double { now() - start }

  private static let origin = ContinuousClock.now

  /// The time of the system's clock that never goes back.
  public static let systemTime: @Sendable () -> Double = {
    (ContinuousClock.now - origin) / .seconds(1)
  }
}
