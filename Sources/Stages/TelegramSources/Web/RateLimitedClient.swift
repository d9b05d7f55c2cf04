import HTTPSupport

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

  /// What to do if a fault persists.
  static let networkRemedy = "check the network, and try again later"
  static let fewerRequestsRemedy = "try again later, with longer pauses (--delay)"

  /// A client that has sent nothing yet.
  ///
  /// - Throws: `SharedLibrary.LoadError`; `MemoryError`.
  init(_ settings: WebPreview.Settings, console: any SourceConsole) throws {
    client = try HTTPClient(settings.connection)
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
    do {
      return try settings.retries.repeating(
        longestWait: Self.longestWait, check: console.check,
        report: { console.info("\(address): \($0)") }
      ) { try read(answer(address)) }
    } catch let fault as LastingFault {
      throw SourceFault(.unreachable, address, "\(fault.problem); \(fault.remedy)")
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
          "HTTP status \(answer.status)",
          remedy: answer.status == 429 ? Self.fewerRequestsRemedy : "try again later",
          wait: answer.retryAfter)
      }
      return answer
    } catch let failure as HTTPFailure {
      switch failure {
      case .network(let problem, _): throw TransientFault(problem, remedy: Self.networkRemedy)
      case .tooLarge(let limit):
        throw SourceFault(
          .protocolViolation, address,
          "the answer is longer than \(limit) bytes, expected a page of the web preview")
      }
    }
  }
}
