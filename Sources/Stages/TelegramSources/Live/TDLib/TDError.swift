import FileSupport
import JSONSupport
import TextSupport

/// An error that TDLib answers a request with.
package struct TDError: Error, Equatable {
  package let code: Int
  /// The server's text; TDLib asks clients not to show that of error 406.
  package let message: String

  /// The error that `answer` is; `nil` if it is not one.
  package init?(_ answer: JSONValue) {
    guard answer.type == "error" else { return nil }
    code = answer.whole("code") ?? 0
    message = answer["message"]?.string ?? ""
  }

  /// How many seconds the server asks to wait; `nil` for another error.
  ///
  /// There is no field for it, only the end of `Too Many Requests: retry after 17`.
  package var retryDelay: Int? {
    guard code == 429 else { return nil }
    let digits = message.reversed().prefix { $0.isASCII && $0.isNumber }
    return Int(String(digits.reversed())).map { min($0, Self.longestDelay) }
  }

  /// More than anybody will wait: some thirty years.
  private static let longestDelay = 1_000_000_000

  /// Whether the request may succeed when it is repeated.
  var isTransient: Bool {
    // "Request aborted" is the answer to requests that are open when the session ends.
    (code >= 500 || code == 429) && message != "Request aborted"
  }

  /// What the server said, for messages to the user.
  package var text: String {
    code == 406 || message.isEmpty
      ? "error \(code)" : "\(excerpt(message, limit: 200)) (error \(code))"
  }
}

extension JSONValue {
  /// The class name of a TDLib object; empty for other values.
  package var type: String { self["@type"]?.string ?? "" }

  /// The integer under `key`, which TDLib writes as a string if it has 64 bits.
  func whole(_ key: String) -> Int? {
    switch self[key] {
    case .integer(let number): number
    case .string(let digits): Int(digits)
    default: nil
    }
  }
}
