import CommandLineSupport

/// Why a model cannot be had from the hub.
public struct HubError: StatusError, CustomStringConvertible {
  /// What kind of fault it is.
  public enum Kind: Sendable {
    /// A setting cannot be used.
    case usage
    /// There is no such model, revision or file, or not for this user.
    case notFound
    /// The hub refuses: the token, the terms of the model.
    case refused
    /// The network or the server failed repeatedly, or the server asks to wait.
    case unreachable
    /// What is between this machine and the hub: a certificate, a proxy.
    case misconfigured
    /// The answer is not one of the hub, or cannot be understood.
    case protocolViolation
    /// What was received is not what the hub has.
    case corrupt
  }

  public let kind: Kind
  /// The model, the file or the setting.
  public let subject: String
  /// What is wrong, and what was expected.
  let cause: String
  /// What to do, if that is not part of the cause.
  private let remedy: String?

  init(_ kind: Kind, _ subject: String, _ cause: String, remedy: String? = nil) {
    self.kind = kind
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
  }

  /// What is wrong, what was expected and, where there is one, the remedy.
  public var problem: String { cause + (remedy.map { "; " + $0 } ?? "") }

  public var description: String { "\(subject): \(problem)" }

  public var exitStatus: ExitStatus {
    switch kind {
    case .usage: .usage
    case .notFound: .noInput
    case .refused: .noPermission
    case .unreachable: .temporaryFailure
    case .misconfigured: .unavailable
    case .protocolViolation: .protocolViolation
    case .corrupt: .data
    }
  }

  /// Whether a copy in the cache may serve instead.
  var concernsConnection: Bool {
    [.unreachable, .misconfigured, .protocolViolation].contains(kind)
  }

  /// The same, with `remedy` after the problem.
  func adding(_ remedy: String) -> HubError {
    HubError(kind, subject, problem, remedy: remedy)
  }
}
