/// How long a live session waits for what.
public struct LiveTimeLimits: Equatable, Sendable {
  /// The seconds after which a missing connection is a fault; TDLib itself would wait for ever.
  public var connection = 30.0
  /// The seconds after which a missing answer is a fault while there is a connection.
  ///
  /// TDLib keeps requests back for up to a minute when the server asks it to.
  public var answer = 300.0
  /// The seconds before a request is repeated that the server failed at; doubled each time.
  public var firstPause = 1.0
  /// How often such a request is repeated.
  public var repetitions = 6
  /// The longest wait, in seconds, that is kept to before the login; a longer one ends it.
  public var loginWait = 300
  /// The seconds after which the user is told what is waited for.
  public var patience = 2.0
  /// The seconds that closing may take.
  public var closing = 10.0
  /// How often TDLib is called once more after it was closed, for a twentieth of a second each: a
  /// process that ends at once was seen to abort.
  public var lastCalls = 3

  public init() {}
}
