/// An HTTP answer.
public struct HTTPAnswer: Sendable {
  /// The status, such as 200.
  public let status: Int
  /// The fields of the head by their names in lowercase.
  private let fields: [String: String]
  /// The address to which the answer redirects; it was not followed.
  public let location: String?
  /// How long the server asks to wait (`Retry-After`), in seconds.
  public let retryAfter: Int?
  /// The body, unpacked; empty if its bytes went elsewhere.
  public internal(set) var body: [UInt8] = []

  init(status: Int, fields: [String: String], location: String?, retryAfter: Int?) {
    self.status = status
    self.fields = fields
    self.location = location
    self.retryAfter = retryAfter
  }

  /// The field `name` of the head, which is in lowercase; the last one if there are several.
  public subscript(name: String) -> String? { fields[name] }

  /// The `Content-Type`; empty if there is none.
  public var type: String { self["content-type"] ?? "" }

  /// Whether the same request may succeed later.
  public var isTransient: Bool { [408, 425, 429].contains(status) || 500...599 ~= status }
}

/// Why there is no ``HTTPAnswer``.
public enum HTTPFailure: Error, Equatable {
  /// What failed in the network.
  public enum Cause: Sendable {
    /// The name of the server was not found, or nobody listens there.
    case connection
    /// The certificate of the server is not trusted.
    case certificate
    /// The proxy was not found, or does not connect to the server.
    case proxy
    /// Something else, perhaps in the middle of an answer.
    case transfer
  }

  /// The network or the server failed, perhaps for a moment.
  case network(String, Cause)
  /// The answer is larger than this many bytes.
  case tooLarge(Int)
}
