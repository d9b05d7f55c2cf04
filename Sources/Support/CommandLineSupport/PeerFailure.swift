/// The failure of another process of the same run, because of which this one ends, too.
public struct PeerFailure: Error, CustomStringConvertible {
  /// The exit status of that process, which becomes that of this one.
  public let status: Int32
  /// What failed where; empty if another process tells the user.
  public let description: String

  /// A failure with the message `description`, or that somebody else reports.
  public init(status: Int32, _ description: String = "") {
    (self.status, self.description) = (status, description)
  }

  /// A failure of kind `status` that somebody else reports.
  public init(of status: ExitStatus) { self.init(status: status.rawValue) }
}
