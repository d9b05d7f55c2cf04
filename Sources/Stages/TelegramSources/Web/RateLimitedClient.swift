import Foundation
import HTTPSupport
import PostFormat

/// A fault that may be gone when the request is repeated.
struct TransientFault: Error {
  /// What to do if it persists.
  enum Remedy: String {
    case network = "check the network, and try again later"
    case patience = "try again later"
    case fewerRequests = "try again later, with longer pauses (--delay)"
  }

  /// What is wrong.
  let problem: String
  let remedy: Remedy
  /// How long the server asks to wait, in seconds.
  let wait: Int?

  init(_ problem: String, _ remedy: Remedy, wait: Int? = nil) {
    (self.problem, self.remedy, self.wait) = (problem, remedy, wait)
  }
}

/// Sends requests to a web server with pauses between them, and repeats them after transient faults.
final class RateLimitedClient {
  private let settings: WebPreview.Settings
  private let console: any SourceConsole
  private let client: HTTPClient
  private var lastAnswer: ContinuousClock.Instant?

  /// The fields of a request's head.
  private static let fields = ["Accept: text/html", "Accept-Language: en"]
  /// The size of the largest answer that is accepted, unpacked, in bytes.
  private static let largestAnswer = 20_000_000
  /// The longest wait, in seconds, that is accepted if the server asks for one.
  private static let longestWait = 86_400

  /// A client that has sent nothing yet; `nil` if there is no memory for one.
  init?(_ settings: WebPreview.Settings, console: any SourceConsole) {
    guard let client = HTTPClient(settings.connection) else { return nil }
    self.client = client
    self.settings = settings
    self.console = console
  }

  /// What `read` returns for the answer to a GET of `address`.
  ///
  /// The request is repeated if `read` throws a ``TransientFault``.
  ///
  /// - Throws: ``SourceFault`` after the last attempt; what `read` and ``SourceConsole/check()``
  ///   throw.
  func get<Value>(_ address: String, _ read: (HTTPAnswer) throws -> Value) throws -> Value {
    var attempt = 1
    while true {
      do {
        return try read(answer(address))
      } catch let fault as TransientFault {
        guard attempt < settings.retries.attempts else {
          throw SourceFault(
            .unreachable, address,
            "\(fault.problem); gave up after \(attempt) attempts; \(fault.remedy.rawValue)")
        }
        attempt += 1
        try wait(fault, address, attempt: attempt)
      }
    }
  }

  private func answer(_ address: String) throws -> HTTPAnswer {
    if let lastAnswer {
      let elapsed = (ContinuousClock.now - lastAnswer) / .seconds(1)
      try console.wait(settings.delay - elapsed)
    }
    defer { lastAnswer = .now }
    do {
      let answer = try client.get(
        address, fields: Self.fields, limit: Self.largestAnswer, check: console.check)
      guard !answer.isTransient else {
        throw TransientFault(
          "HTTP status \(answer.status)", answer.status == 429 ? .fewerRequests : .patience,
          wait: answer.retryAfter)
      }
      return answer
    } catch let failure as HTTPFailure {
      switch failure {
      case .network(let problem, _): throw TransientFault(problem, .network)
      case .tooLarge(let limit):
        throw SourceFault(
          .protocolViolation, address,
          "the answer is longer than \(limit) bytes, expected a page of the web preview")
      }
    }
  }

  private func wait(_ fault: TransientFault, _ address: String, attempt: Int) throws {
    guard let asked = fault.wait else {
      let pause = settings.retries.pause(beforeAttempt: attempt)
      console.info(
        "\(address): \(fault.problem); trying again in \(String(format: "%.1f", pause)) s "
          + "(attempt \(attempt) of \(settings.retries.attempts))")
      return try console.wait(pause)
    }
    let end = DateText.text(Int(Date().timeIntervalSince1970) + asked)
    guard asked <= Self.longestWait else {
      throw SourceFault(
        .unreachable, address,
        "\(fault.problem); the server asks to wait \(asked) s; try again after \(end)")
    }
    console.info(
      "\(address): \(fault.problem); waiting \(asked) s, until \(end), as the server asks "
        + "(attempt \(attempt) of \(settings.retries.attempts))")
    try console.wait(Double(asked))
  }
}
