import Foundation
import ModelHub
import TestSupport
import Testing

@Suite("ModelHub, faults")
struct ModelHubFaultTests {
  private let model = sampleModel()

  private func server(
    _ fault: @escaping @Sendable (HubServer.Exchange) -> HTTPReply
  ) throws -> HubServer {
    try HubServer([name: model], fault: fault)
  }

  /// A reply like `reply`, sent in another way.
  private static func with(_ reply: HTTPReply, _ course: HTTPReply.Course) -> HTTPReply {
    var reply = reply
    reply.course = course
    return reply
  }

  private static func status(_ status: Int, _ fields: String...) -> HTTPReply {
    var reply = HTTPReply(status, #"{"error":"made to fail"}"#, type: "application/json")
    reply.fields += fields
    return reply
  }

  /// What the store may do to the first half of an answer, with a word of the message.
  private static let breaks: [(HTTPReply.Course, String)] = [
    (.cut(after: 150_000), "transfer closed"), (.reset(after: 150_000), "reset"),
    (.stalled(after: 150_000, seconds: 600), "no answer for 0.2 s"),
  ]

  @Test("resumes a download that breaks", arguments: breaks.indices)
  func resumed(_ index: Int) throws {
    let (course, word) = Self.breaks[index]
    let server = try server { exchange in
      guard exchange.place == .content(weights), exchange.count == 1 else { return exchange.reply }
      return Self.with(exchange.reply, course)
    }
    let user = try User(server)
    user.environment["HF_HUB_DOWNLOAD_TIMEOUT"] = "0.2"
    try user.expect(has: model)
    #expect(server.storeRequests.map { $0.fields["range"] } == [nil, "bytes=150000-"])
    #expect(user.messages.count == 1)
    #expect(user.messages.first?.lowercased().contains(word) == true, "\(user.messages)")
    // The address was signed again.
    #expect(server.count(.resolve(weights)) == 2)
  }

  @Test("resumes as often as bytes come", arguments: [false, true])
  func manyBreaks(_ tellsLength: Bool) throws {
    let server = try server { exchange in
      guard exchange.place == .content(weights) else { return exchange.reply }
      var reply = Self.with(exchange.reply, .cut(after: 20_000))
      reply.tellsLength = tellsLength
      return reply
    }
    let user = try User(server)
    try user.expect(has: model)
    #expect(server.storeRequests.count == 15)
  }

  @Test("keeps the beginning of a download that fails, for the next time")
  func nextTime() throws {
    let broken = try server { exchange in
      guard exchange.place == .content(weights) else { return exchange.reply }
      return exchange.count == 1
        ? Self.with(exchange.reply, .cut(after: 123_456)) : Self.status(503)
    }
    let user = try User(broken)
    let fault = user.fault()
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("status 503; gave up after 6 attempts") == true)
    #expect(try user.parts() == [user.weightsPart(broken)])
    let part = try user.cache.bytes(of: user.weightsPart(broken))
    #expect(part == Array(try #require(model.files[weights])[..<123_456]))
    // Nothing says that the model is there.
    #expect(try !user.files().contains("models--org--model/refs/main"))

    let whole = try server { $0.reply }
    let later = try User(whole, sharing: user)
    try later.expect(has: model)
    #expect(whole.storeRequests.map { $0.fields["range"] } == ["bytes=123456-"])
    #expect(later.beginnings.last?.initial == 123_456)
    #expect(try later.parts().isEmpty)
  }

  @Test("stops on request, and keeps the beginning")
  func stopped() throws {
    struct Stop: Error {}
    let slow = try server { exchange in
      exchange.place == .content(weights)
        ? Self.with(exchange.reply, .stalled(after: 100_000, seconds: 600)) : exchange.reply
    }
    let user = try User(slow)
    user.check = { user in if user.progress.last ?? 0 > 100_000 { throw Stop() } }
    #expect(throws: Stop.self) { try user.fetch() }
    #expect(try user.cache.bytes(of: user.weightsPart(slow)).count == 100_000)
  }

  @Test("starts over if the server ignores where to resume")
  func ignoredRange() throws {
    let model = model
    let server = try server { exchange in
      guard exchange.place == .content(weights) else { return exchange.reply }
      return exchange.count == 1
        ? Self.with(exchange.reply, .cut(after: 150_000))
        : HTTPReply(200, model.files[weights] ?? [], type: "application/octet-stream")
    }
    try User(server).expect(has: model)
    #expect(server.storeRequests.count == 2)
  }

  @Test(
    "starts over if the server resumes elsewhere, or nowhere",
    arguments: [
      (206, "Content-Range: bytes 7-299999/300000"), (416, "Content-Range: bytes */300000"),
      (206, "X: no range"),
    ])
  func otherRange(_ status: Int, _ field: String) throws {
    let server = try server { exchange in
      guard exchange.place == .content(weights), exchange.count < 3 else { return exchange.reply }
      return exchange.count == 1
        ? Self.with(exchange.reply, .cut(after: 150_000)) : Self.status(status, field)
    }
    try User(server).expect(has: model)
    #expect(server.storeRequests.map { $0.fields["range"] } == [nil, "bytes=150000-", nil])
  }

  @Test("discards what an earlier process left if it is not the beginning of the file")
  func wrongPart() throws {
    let server = try server { $0.reply }
    let user = try User(server)
    try user.cache.write(noise(1000, seed: 77), to: user.weightsPart(server))
    try user.expect(has: model)
    #expect(server.storeRequests.map { $0.fields["range"] } == ["bytes=1000-", nil])
    try user.cache.write(noise(300_001, seed: 77), to: user.weightsPart(server))
    try FileManager.default.removeItem(
      atPath: user.cache.path("models--org--model/blobs/\(server.hash(of: weights, in: name))"))
    try user.expect(has: model)
  }

  @Test("discards what is damaged, and reports it", arguments: [weights, "merges.txt"])
  func damaged(_ path: String) throws {
    let server = try server { exchange in
      guard exchange.place == .content(path) else { return exchange.reply }
      var reply = exchange.reply
      reply.body[reply.body.count / 2] ^= 0x55
      return reply
    }
    let user = try User(server)
    let fault = user.fault()
    #expect(fault?.kind == .corrupt)
    #expect(fault?.subject == "org/model: \(path)")
    #expect(fault?.problem.contains("damaged") == true)
    let hash = server.hash(of: path, in: name)
    #expect(try !user.files().contains { $0.hasSuffix(hash) || $0.hasSuffix("/\(path)") })
    #expect(try user.parts().allSatisfy { try user.cache.bytes(of: $0).isEmpty })
    #expect(server.count(.content(path)) == 1)
  }

  @Test("refuses a file of another size than the hub lists", arguments: [-1, 1], [false, true])
  func otherSize(_ difference: Int, _ tellsLength: Bool) throws {
    let server = try server { exchange in
      guard exchange.place == .content(weights) else { return exchange.reply }
      let whole = noise(300_000 + difference, seed: 1)
      let start = exchange.request.fields["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
      guard start < whole.count else {
        return Self.status(416, "Content-Range: bytes */\(whole.count)")
      }
      var reply = HTTPReply(start > 0 ? 206 : 200, Array(whole[start...]), type: "x/y")
      reply.fields.append("Content-Range: bytes \(start)-\(whole.count - 1)/\(whole.count)")
      reply.tellsLength = tellsLength
      return reply
    }
    let user = try User(server)
    #expect(user.fault()?.subject == "org/model: \(weights)")
    #expect(try !user.files().contains { $0.hasSuffix("/\(weights)") })
  }

  @Test("retries a temporary failure", arguments: [408, 500, 502, 503, 504])
  func transient(_ status: Int) throws {
    let server = try server { exchange in
      [1, 2].contains(exchange.count) ? Self.status(status) : exchange.reply
    }
    let user = try User(server)
    try user.expect(has: model)
    #expect(server.count(.listing) == 3)
    #expect(user.messages.first?.hasPrefix("org/model: status \(status); trying again in ") == true)
    #expect(user.messages.first?.hasSuffix("(attempt 2 of 6)") == true)
  }

  @Test("retries when there was no answer")
  func dropped() throws {
    let server = try server { exchange in
      exchange.count == 1 ? Self.with(exchange.reply, .dropped) : exchange.reply
    }
    try User(server).expect(has: model)
  }

  @Test(
    "keeps to the limit of requests",
    arguments: ["Retry-After: 0", #"RateLimit: "resolvers";r=0;t=0"#])
  func limit(_ field: String) throws {
    let server = try server { exchange in
      exchange.count == 1 && exchange.place == .listing ? Self.status(429, field) : exchange.reply
    }
    let user = try User(server)
    let start = ContinuousClock.now
    try user.expect(has: model)
    // Asked too early by a moment, the server would count once more.
    #expect(field.hasPrefix("Retry") || ContinuousClock.now - start >= .seconds(1))
    #expect(user.messages.first?.contains("too many requests") == true)
    #expect(user.messages.first?.contains("with a token (HF_TOKEN) the hub allows more") == true)
  }

  @Test("does not wait for hours")
  func longLimit() throws {
    let server = try server { _ in Self.status(429, "Retry-After: 90000") }
    let fault = try User(server).fault()
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("the server asks to wait 90001 s") == true)
    #expect(server.count(.listing) == 1)
  }

  @Test("has an address signed again when it has expired")
  func expired() throws {
    let server = try server { exchange in
      exchange.place == .content(weights) && exchange.count == 1
        ? HTTPReply(403, "<Error><Code>AccessDenied</Code></Error>", type: "application/xml")
        : exchange.reply
    }
    let user = try User(server)
    try user.expect(has: model)
    #expect(server.count(.resolve(weights)) == 2)
    #expect(user.messages.first?.contains("refuses the address that the hub has signed") == true)
  }

  @Test("names no signed address, and no token, whatever fails")
  func secrets() throws {
    let replies: [HTTPReply] = [
      HTTPReply(403, "no"), HTTPReply(500, "no"), HTTPReply(200, "<html>"), HTTPReply(404, "no"),
      HTTPReply(200, noise(5, seed: 1), type: "x/y"), Self.status(418),
      Self.with(HTTPReply(200, noise(300_000, seed: 1), type: "x/y"), .dropped),
      Self.status(302, "Location: /again?Signature=SECRET"),
    ]
    for reply in replies {
      let server = try server { $0.place == .content(weights) ? reply : $0.reply }
      let user = try User(server)
      user.environment["HF_TOKEN"] = HubServer.token
      let fault = user.fault()
      let texts = user.messages + ["\(fault.map { "\($0)" } ?? "")"]
      #expect(!texts.contains { $0.contains("SECRET") || $0.contains(HubServer.token) }, "\(texts)")
    }
  }

  @Test(
    "recognises somebody else's page",
    arguments: [HubServer.Place.listing, .resolve("config.json"), .content(weights)])
  func stranger(_ place: HubServer.Place) throws {
    let page = HTTPReply(200, "<!DOCTYPE html><h1>Welcome to the hotel. Please log in.</h1>")
    let server = try server { $0.place == place ? page : $0.reply }
    let fault = try User(server).fault()
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.contains("if this network asks for a login") == true)
    #expect(server.count(place) == 1)
  }

  @Test("recognises an answer without the hub's fields")
  func noMetadata() throws {
    let server = try server { exchange in
      var reply = exchange.reply
      reply.fields.removeAll { $0.hasPrefix("X-Repo-Commit") }
      return reply
    }
    let fault = try User(server).fault()
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.contains("without X-Repo-Commit") == true)
  }

  @Test("ends redirections that do not")
  func loop() throws {
    let server = try server { exchange in
      exchange.place == .resolve("config.json")
        ? Self.status(307, "Location: \(exchange.request.target)") : exchange.reply
    }
    let fault = try User(server).fault()
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.contains("more than 20 redirections") == true)
    #expect(server.count(.resolve("config.json")) == 21)
  }

  @Test("says that a server's certificate or encryption is not as it should be")
  func encryption() throws {
    let server = try server { $0.reply }
    let user = try User(server)
    user.environment["HF_ENDPOINT"] = server.address.replacing("http:", with: "https:")
    #expect(user.fault()?.problem.contains("SSL") == true)
  }

  // MARK: - Several programs

  @Test("waits for another program that fetches the same, and takes what it fetched")
  func together() throws {
    let server = try server { $0.reply }
    let (user, other) = (try User(server), try User(server))
    _ = try other.fetch()
    let hash = server.hash(of: weights, in: name)
    let blob = "models--org--model/blobs/\(hash)"
    let lock = try user.cache.write("", to: ".locks/models--org--model/\(hash).lock")
    let descriptor = open(lock, O_RDWR | O_CLOEXEC)
    #expect(flock(descriptor, LOCK_EX) == 0)
    user.check = { user in
      guard user.messages.count == 1 else { return }
      // The other program is done when ours has been waiting.
      _ = try user.cache.write(other.cache.bytes(of: blob), to: blob)
      flock(descriptor, LOCK_UN)
    }
    try user.expect(has: model)
    close(descriptor)
    #expect(
      user.messages == ["org/model: another program is fetching \(weights); waiting for it"])
    #expect(server.count(.content(weights)) == 1)
  }
}
