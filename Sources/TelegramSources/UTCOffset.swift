import PostFormat

/// How far the clocks of a place are ahead of UTC, such as `+03:00`.
public struct UTCOffset: Equatable, Sendable {
  /// The seconds ahead of UTC.
  public let seconds: Int

  /// The offset that `text` names, such as `+03:00`, `-0530` or `Z`; `nil` if it is none.
  public init?(_ text: String) {
    guard let seconds = DateText.offset(text) else { return nil }
    self.seconds = seconds
  }
}
