import FileSupport
import Foundation
import JSONSupport
import TelegramSources
import TestSupport
import Testing

/// Holds what is sent against the real TDLib, without a network; `make interop` runs it.
@Suite(
  "TDLib",
  .enabled(
    if: ProcessInfo.processInfo.environment[TDLibrary.environmentVariable] != nil,
    "needs the real library, named by TDJSON_LIBRARY"), .serialized)
struct TDLibInteropTests {
  private let library: TDLibrary
  private let folder: TemporaryFolder

  init() throws {
    library = try TDLibrary()
    folder = try TemporaryFolder()
    // Otherwise it writes its log to standard error.
    _ = try TDClient.execute(.logVerbosity(0), in: library)
  }

  // MARK: - The schema

  /// One request of each kind that is sent.
  private static let sent: [TDRequest] = [
    .option("version"), .logVerbosity(0), .close, .logOut,
    .parameters(folder: "/proc/nonexistent", apiID: 1, apiHash: "x"),
    .phoneNumber("+79991234567"), .code("1"), .password("x"), .emailAddress("a@example.org"),
    .emailCode("1"), .publicChat("durov"), .knownChannel(1_006_503_122),
    .supergroup(1_006_503_122), .loadChats(archived: false), .loadChats(archived: true),
    .chat(-1_001_006_503_122), .history(chat: -1_001_006_503_122, below: 0),
    .richMessage(chat: -1_001_006_503_122, messageID: 1 << 20),
  ]

  private static let parseFailure = "Failed to parse JSON object as TDLib request: "

  /// The answers that a client of its own gives to `requests`, of the real library or another one.
  private func answers(_ requests: [TDRequest], of other: TDLibrary? = nil) throws -> [JSONValue] {
    let client = TDClient(other ?? library)
    let answers = try requests.map { request in
      let number = client.send(request)
      var found: JSONValue?
      // Each call waits for a tenth of a second at most; a start alone brings some 120 updates.
      for _ in 0..<1000 where found == nil {
        guard let event = try client.receive(timeout: 0.1) else { continue }
        if case .answer(number, let answer) = event { found = answer }
      }
      return try #require(found)
    }
    _ = client.send(.close)
    var isClosed = false
    for _ in 0..<1000 where !isClosed {
      guard case .update(let update)? = try client.receive(timeout: 0.1) else { continue }
      isClosed = update["authorization_state"]?.type == "authorizationStateClosed"
    }
    return answers
  }

  private func answer(_ request: TDRequest) throws -> JSONValue {
    try #require(try answers([request]).first)
  }

  @Test("has all methods that are used, and takes their fields", arguments: sent)
  func requests(_ request: TDRequest) throws {
    let error = TDError(try answer(request))
    #expect(error?.message.hasPrefix(Self.parseFailure) != true)
  }

  @Test("knows each field that is sent: a value of another type is refused", arguments: sent)
  func fields(_ request: TDRequest) throws {
    for (index, field) in request.fields.enumerated() {
      var fields = request.fields
      let wrong: JSONValue =
        switch field.value {
        case .string, .object: 5
        case .boolean: "true"
        default: ["@type": "x"]
        }
      fields[index] = JSONValue.Member(field.key, wrong)
      let error = TDError(try answer(TDRequest(name: request.name, fields: fields)))
      #expect(error?.code == 400, "\(request.name) \(field.key)")
      #expect(error?.message.hasPrefix(Self.parseFailure) == true, "\(request.name) \(field.key)")
    }
  }

  @Test("refuses what the stand-in of the other tests refuses, with the same words")
  func standIn() throws {
    let library = try StandInLibrary()
    let standIn = try TDLibrary(path: library.path)
    let wrong: [JSONValue] = [5, "x", true, ["@type": "x"], [1]]
    // What ends or begins a session is not an error that could be compared.
    let sent = Self.sent.filter { !["close", "logOut", "setTdlibParameters"].contains($0.name) }
    var requests = [TDRequest(name: "noSuchMethod", fields: [])]
    for request in sent {
      requests.append(request)
      for (index, field) in request.fields.enumerated() {
        // Another option is answered after the start only.
        for value in wrong where field.value.string == nil || value.string == nil {
          var fields = request.fields
          fields[index] = JSONValue.Member(field.key, value)
          requests.append(TDRequest(name: request.name, fields: fields))
        }
      }
    }
    func compare(_ requests: [TDRequest]) throws {
      // Each in a folder of its own: the stand-in takes any login for one of its own.
      let real = try answers(requests)
      try FileManager.default.removeItem(atPath: folder.path)
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      let played = try answers(requests, of: standIn)
      for (request, (real, played)) in zip(requests, zip(real, played)) {
        #expect(TDError(played)?.text == TDError(real)?.text, "\(request.text())")
      }
    }
    try compare(requests)
    // Behind the start, without a login. Only a phone number would be sent on.
    let start = TDRequest.parameters(folder: folder.path, apiID: 1, apiHash: "x")
    try compare([start, start] + sent.filter { $0.name != "setAuthenticationPhoneNumber" })
  }

  @Test("is asked with every method in the list, and refuses others")
  func methods() throws {
    #expect(Set(Self.sent.map(\.name)) == Set(TDRequest.Method.allCases.map(\.rawValue)))
    let error = TDError(try answer(TDRequest(name: "noSuchMethod", fields: [])))
    #expect(error?.code == 400)
    #expect(error?.message == Self.parseFailure + #"Unknown class "noSuchMethod""#)
    // What the wrong types are compared with: fields that do not exist are not refused.
    let misspelt = TDRequest(
      name: "getChatHistory", fields: [JSONValue.Member("chatid", ["@type": "x"])])
    #expect(TDError(try answer(misspelt))?.message.hasPrefix(Self.parseFailure) == false)
  }

  // MARK: - A session

  private var limits: LiveTimeLimits {
    var limits = LiveTimeLimits()
    limits.connection = 2
    return limits
  }

  private func channel(_ console: LiveConsole, phone: String? = nil) throws -> LiveChannel {
    LiveChannel(
      channel: .username("durov"), library: library,
      configuration: try LivePlay.configuration(phone: phone),
      sessionFolder: try SessionFolder(path: folder.path("session")), console: console,
      limits: limits)
  }

  @Test("gets to the phone number, closes, and keeps its files private")
  func login() throws {
    let console = LiveConsole()
    let channel = try channel(console)
    let fault = LivePlay.fault { try channel.connect() }
    channel.close()
    #expect(fault?.kind == .refused)
    #expect(
      fault?.problem.hasPrefix("the login needs an answer (Phone number of your account") == true)
    #expect(console.infos.isEmpty)
    for name in ["", "/database", "/database/td.binlog", "/database/db.sqlite"] {
      var status = stat()
      #expect(stat(folder.path("session") + name, &status) == 0, "\(name)")
      #expect(status.st_mode & 0o077 == 0, "\(name)")
    }
    // The folder opens again at once, so it was closed.
    let second = try self.channel(LiveConsole())
    #expect(
      LivePlay.fault { try second.connect() }?.problem.hasPrefix("the login needs an answer")
        == true)
    second.close()
  }

  @Test("waits for a network forever, which we do not")
  func offline() throws {
    let console = LiveConsole()
    let channel = try channel(console, phone: "+79991234567")
    let fault = LivePlay.fault { try channel.connect() }
    channel.close()
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.hasPrefix("no connection to Telegram in 2 seconds") == true)
  }

  @Test("logs out before a login, without a network")
  func logOut() throws {
    let channel = try channel(LiveConsole())
    #expect(try !channel.logOut())
    channel.close()
  }

  @Test("says after ten seconds that another client has the folder; we say why it takes so long")
  func locked() throws {
    let first = try channel(LiveConsole())
    _ = LivePlay.fault { try first.connect() }
    let console = LiveConsole()
    let second = try channel(console)
    let fault = LivePlay.fault { try second.connect() }
    second.close()
    first.close()
    #expect(fault?.problem.hasPrefix("another program uses the session folder") == true)
    #expect(
      console.infos
        == [
          "waiting for the session folder \(folder.path("session")); another program may be using "
            + "it"
        ])
  }

  // MARK: - Errors

  private func floodRequest(_ seconds: Int) -> TDRequest {
    let error: JSONValue = [
      "@type": "error", "code": 429,
      "message": .string("Too Many Requests: retry after \(seconds)"),
    ]
    return TDRequest(name: "testReturnError", fields: [JSONValue.Member("error", error)])
  }

  @Test("writes the waits that it asks for as they are read")
  func floods() throws {
    let answer = try #require(try TDClient.execute(floodRequest(17), in: library))
    #expect(TDError(answer)?.retryDelay == 17)
    // Through a session: it waits, asks again, and is stopped in the third wait.
    let console = LiveConsole()
    console.stopsAfterInfos = 3
    let session = LiveSession(
      library: library, configuration: try LivePlay.configuration(),
      folder: try SessionFolder(path: folder.path("session")), console: console, limits: limits)
    try session.open()
    #expect(throws: LiveConsole.Stop.self) { try session.request(floodRequest(1)) }
    session.close()
    #expect(console.infos.count == 3)
    #expect(
      console.infos.allSatisfy { $0.hasPrefix("Telegram asks to wait 1 second, until ") })
  }
}
