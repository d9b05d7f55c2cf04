import CommandLineSupport
import FileSupport
import HTTPSupport
import TextSupport

/// Sends requests to the hub, follows its redirections, and repeats what failed for the moment.
///
/// The token goes to the hub and to no other server. Addresses of other servers, which are signed, are
/// named in messages without their query.
final class HubClient {
  let settings: HubSettings
  private let client: HTTPClient
  private let check: () throws -> Void
  private let report: (String) -> Void
  /// Whether a server has ever answered; before that, a missing network is not worth waiting for.
  private(set) var hasAnswer = false

  private static let longestWait = 3600
  private static let longestListing = 50_000_000
  private static let mostRedirections = 20

  /// A client that has sent nothing yet.
  ///
  /// `check` is called at least every tenth of a second; `report` receives messages about waits.
  ///
  /// - Throws: `SharedLibrary.LoadError`; `MemoryError`.
  init(
    _ settings: HubSettings, check: @escaping () throws -> Void, report: @escaping (String) -> Void
  ) throws {
    var connection = HTTPClient.Settings(userAgent: "bugurt-gpt/\(packageVersion)")
    // Compressed answers have no length, and cannot be resumed.
    connection.acceptsCompression = false
    connection.connectTimeout = max(settings.listingTimeout, 10)
    client = try HTTPClient(connection)
    self.settings = settings
    self.check = check
    self.report = report
  }

  // MARK: - Requests

  /// What `name` has at its revision, requested at most as often as `attempts` says.
  ///
  /// - Throws: ``HubError``; what `check` throws.
  func listing(of name: ModelName, attempts: Int = .max) throws -> HubListing {
    let path = "/api/models/\(name.repository)/revision/\(Self.escaped(name.revision))?blobs=true"
    client.stallTimeout = settings.listingTimeout
    return try repeating(of: "\(name)", attempts: attempts) {
      var body: [UInt8] = []
      _ = try get(path, for: name, limit: Self.longestListing) { body += $1 }
      return try HubListing(body, of: settings.endpoint.text + path)
    }
  }

  /// Receives the bytes of `file` from `offset()` on, until `offset()` has reached its size.
  ///
  /// `receive` is called with bytes and their place in the file, which is not `offset()` but 0 if
  /// the server sends all of the file. `restart` is called if what was received cannot be right.
  ///
  /// - Throws: ``HubError``; what the closures throw.
  func receive(
    _ file: HubFile, of listing: HubListing, for name: ModelName, offset: () -> Int,
    restart: () throws -> Void, _ receive: ([UInt8], _ place: Int) throws -> Void
  ) throws {
    let escaped = file.path.split(separator: "/").map(Self.escaped).joined(separator: "/")
    let path = "/\(listing.repository)/resolve/\(listing.commit)/\(escaped)"
    client.stallTimeout = settings.downloadTimeout
    try repeating(of: "\(name): \(file.path)", progress: offset) {
      let start = offset()
      guard start == 0 || start < file.size else { return }
      var received = 0
      let answer = try get(
        path, for: name, isFile: true, fields: start > 0 ? ["Range: bytes=\(start)-"] : [],
        limit: file.size
      ) { head, bytes in
        try checkSize(head, of: file, for: name)
        guard head.status == 200 || head.range?.start == start else {
          try restart()
          throw TransientFault("the answer does not begin at byte \(start)")
        }
        try receive(bytes, (head.status == 200 ? 0 : start) + received)
        received += bytes.count
      }
      if answer.status == 416 {
        try restart()
        try checkSize(answer, of: file, for: name)
        throw TransientFault("the server has no byte \(start)")
      }
      guard offset() == file.size else {
        throw TransientFault("the answer ended after \(offset()) of \(file.size) bytes")
      }
    }
  }

  private func checkSize(_ head: HTTPAnswer, of file: HubFile, for name: ModelName) throws {
    let size = head.status == 200 ? head["content-length"].flatMap { Int($0) } : head.range?.total
    guard let size, size != file.size else { return }
    throw HubError(
      .corrupt, "\(name): \(file.path)",
      "the server has \(NumberText.count(size)) bytes, expected the \(NumberText.count(file.size)) "
        + "that the hub lists; try again later")
  }

  /// Calls `body` again after pauses while it throws a ``TransientFault``.
  ///
  /// The count of attempts starts over when there has been `progress`.
  private func repeating<Value>(
    of subject: String, attempts: Int = .max, progress: () -> Int = { 0 },
    _ body: () throws -> Value
  ) throws -> Value {
    var retries = settings.retries
    retries.attempts = min(attempts, retries.attempts)
    do {
      return try retries.repeating(
        longestWait: Self.longestWait, progress: progress, check: check,
        report: { report("\(subject): \($0)") }, body)
    } catch let fault as LastingFault {
      throw HubError(
        .unreachable, subject, fault.problem,
        remedy: progress() > 0 ? "\(fault.remedy); what was fetched is kept" : fault.remedy)
    }
  }

  // MARK: - One request

  /// Requests `path` of the hub and what it redirects to; the answer has the status 200, 206 or 416.
  ///
  /// - Throws: ``TransientFault``; ``HubError``; what `check` and `receive` throw.
  private func get(
    _ path: String, for name: ModelName, isFile: Bool = false, fields: [String] = [], limit: Int,
    _ receive: (HTTPAnswer, [UInt8]) throws -> Void
  ) throws -> HTTPAnswer {
    var address = settings.endpoint.text + path
    var isFromHub = !isFile
    for _ in 0...Self.mostRedirections {
      let isHub = Self.origin(of: address) == Self.origin(of: settings.endpoint.text)
      var error: [UInt8] = []
      let answer = try send(
        address, fields, toHub: isHub, for: name, limit: limit
      ) { head, bytes in
        guard [200, 206].contains(head.status) else {
          error += bytes.prefix(10_000 - error.count)
          return
        }
        try checkOrigin(head, address, isFromHub: isFromHub || head["x-repo-commit"] != nil)
        try receive(head, bytes)
      }
      isFromHub = isFromHub || answer["x-repo-commit"] != nil
      switch answer.status {
      case 200, 206:
        // An empty body is not received.
        try checkOrigin(answer, address, isFromHub: isFromHub)
        return answer
      case 416: return answer
      case 301, 302, 303, 307, 308:
        address = try target(of: answer, at: address)
      default:
        throw fault(answer, error, at: address, isHub: isHub, for: name)
      }
    }
    throw HubError(
      .protocolViolation, Self.withoutQuery(address),
      "more than \(Self.mostRedirections) redirections", remedy: HubError.strangerRemedy)
  }

  private func send(
    _ address: String, _ fields: [String], toHub isHub: Bool, for name: ModelName, limit: Int,
    _ receive: (HTTPAnswer, [UInt8]) throws -> Void
  ) throws -> HTTPAnswer {
    var fields = fields
    if isHub, let token = settings.token { fields.append("Authorization: Bearer \(token.text)") }
    do {
      // Pages that say what is wrong may be larger than the file.
      let answer = try client.get(
        address, fields: fields, limit: max(limit, 1_000_000), check: check, receive: receive)
      hasAnswer = true
      return answer
    } catch HTTPFailure.tooLarge {
      throw HubError(
        .corrupt, Self.withoutQuery(address), "the answer is longer than the hub says the file is")
    } catch HTTPFailure.network(let problem, let cause) {
      throw try fault(problem, cause, at: address, for: name)
    }
  }

  /// Checks that a body is one that the hub has, and not, say, the page of a hotel's network.
  private func checkOrigin(_ head: HTTPAnswer, _ address: String, isFromHub: Bool) throws {
    guard !isFromHub || head.type.hasPrefix("text/html") else { return }
    throw HubError(
      .protocolViolation, Self.withoutQuery(address),
      "this is not an answer of the hub (of type '\(excerpt(head.type))', "
        + "\(isFromHub ? "a web page" : "without X-Repo-Commit"))",
      remedy: HubError.strangerRemedy)
  }

  private func target(of answer: HTTPAnswer, at address: String) throws -> String {
    guard let target = answer.location else {
      throw HubError(
        .protocolViolation, Self.withoutQuery(address),
        "a redirection (status \(answer.status)) that leads nowhere")
    }
    guard target.hasPrefix("https://") || !address.hasPrefix("https://") else {
      throw HubError(
        .protocolViolation, Self.withoutQuery(address),
        "redirects to \(excerpt(Self.withoutQuery(target))), which is not encrypted",
        remedy: HubError.strangerRemedy)
    }
    return target
  }

  // MARK: - Addresses

  /// `text` with everything escaped that has a meaning in the path of an address.
  private static func escaped(_ text: some StringProtocol) -> String {
    text.utf8.map { byte in
      let isPlain = 0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte || "-_.~".utf8.contains(byte)
      return isPlain
        ? String(Unicode.Scalar(byte)) : "%" + NumberText.hexadecimal(byte).uppercased()
    }.joined()
  }

  /// The scheme, host and port of `address`.
  private static func origin(of address: String) -> String {
    let parts = address.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count > 2 else { return address }
    let (scheme, host) = (parts[0].lowercased(), parts[2].prefix { $0 != "?" }.lowercased())
    let port = scheme == "https:" ? ":443" : ":80"
    return scheme + "//" + (host.hasSuffix(port) ? String(host.dropLast(port.count)) : host)
  }

  static func host(of address: String) -> Substring {
    origin(of: address).split(separator: "/").last ?? ""
  }

  static func withoutQuery(_ address: String) -> String {
    String(address.prefix { $0 != "?" && $0 != "#" })
  }
}

extension HTTPAnswer {
  /// The first byte of the answer and the size of the whole, according to `Content-Range`.
  fileprivate var range: (start: Int?, total: Int?)? {
    self["content-range"]?.wholeMatch(of: /bytes (?:(\d+)-\d+|\*)\/(\d+|\*)/).map { match in
      (match.1.flatMap { Int($0) }, Int(match.2))
    }
  }
}
