import FileSupport
import Foundation
import JSONSupport

/// A session with Telegram through TDLib: from the login to the end.
///
/// All of it runs on the caller's thread, which also receives: TDLib allows only one receiving thread.
package final class LiveSession {
  let configuration: LiveConfiguration
  let folder: SessionFolder
  let console: any SourceConsole
  let limits: LiveTimeLimits

  /// The state of the login that TDLib reported last, and how many it has reported.
  private(set) var authorization: (state: JSONValue, count: Int) = (.null, 0)
  /// The names of chats and users.
  private(set) var names = LiveNames()
  /// The version of TDLib, once it is known.
  private(set) var version: String?

  private let library: TDLibrary
  private var client: TDClient?
  private var isConnected = false
  private var isClosing = false

  /// The source of faults, as messages name it.
  static let source = "Telegram"
  /// How long one call to TDLib may take, in seconds: signals are checked between calls.
  private static let turn = 0.05

  package init(
    library: TDLibrary, configuration: LiveConfiguration, folder: SessionFolder,
    console: any SourceConsole, limits: LiveTimeLimits
  ) {
    (self.library, self.configuration, self.folder) = (library, configuration, folder)
    (self.console, self.limits) = (console, limits)
  }

  /// Whether there is a client.
  var isOpen: Bool { client != nil }

  /// Makes the client, which then reports the state of the login.
  package func open() throws {
    guard client == nil else { return }
    // Otherwise TDLib writes its log to standard error.
    _ = try TDClient.execute(.logVerbosity(0), in: library)
    client = TDClient(library)
    authorization = (.null, 0)
    (isConnected, isClosing) = (false, false)
    let answer = try request(.option("version"))
    version = answer["value"]?.string
  }

  // MARK: - Requests

  /// The answer to `request`, which is repeated after server faults and after waits that the server
  /// asks for.
  ///
  /// - Throws: ``TDError`` if the request is refused; ``SourceFault``; what the console throws.
  @discardableResult
  package func request(_ request: TDRequest, waitingAtMost longestWait: Int = .max) throws
    -> JSONValue
  {
    var pause = limits.firstPause
    var repetitions = 0
    while true {
      let answer = try answer(to: request)
      guard let error = TDError(answer) else { return answer }
      if let delay = error.retryDelay {
        try waitForServer(delay, atMost: longestWait)
        continue
      }
      guard error.isTransient else { throw error }
      guard repetitions < limits.repetitions else {
        throw SourceFault(
          .unreachable, Self.source,
          "the server failed \(repetitions + 1) times in a row, most recently with \(error.text); "
            + "try again later")
      }
      repetitions += 1
      console.info("Telegram: \(error.text); trying again in \(Self.seconds(pause))")
      try pump(pause)
      pause *= 2
    }
  }

  /// Waits as long as the server asks, and reports it.
  private func waitForServer(_ delay: Int, atMost longestWait: Int) throws {
    let end = Date(timeIntervalSinceNow: Double(delay))
    let time = Self.clockTime(of: end)
    guard delay <= longestWait else {
      throw SourceFault(
        .refused, Self.source,
        "the server asks to wait \(Self.seconds(Double(delay))) before the next try; "
          + "try again after \(time)")
    }
    console.info("Telegram asks to wait \(Self.seconds(Double(delay))), until \(time)")
    // The server counts in whole seconds.
    try pump(Double(delay) + 0.1)
  }

  /// The answer to `request`, whatever it is.
  private func answer(to request: TDRequest) throws -> JSONValue {
    guard let client else {
      throw SourceFault(.protocolViolation, Self.source, "the session is closed")
    }
    let id = client.send(request)
    var waiting = Waiting(for: request.isLocal ? .library : .server)
    while true {
      // Answers with other ids belong to requests that were abandoned.
      if case .answer(id, let answer) = try turn(&waiting) { return answer }
    }
  }

  /// Waits until TDLib has reported more than `count` states of the login.
  ///
  /// - Parameters:
  ///   - count: How many it had reported.
  ///   - isLocal: Whether TDLib needs no answer from Telegram for the next state.
  /// - Throws: ``SourceFault``; what the console throws.
  func waitForAuthorization(after count: Int, isLocal: Bool) throws {
    var waiting = Waiting(for: isLocal ? .library : .server)
    while authorization.count == count { _ = try turn(&waiting) }
  }

  /// Waits for `seconds` and receives updates meanwhile.
  private func pump(_ seconds: Double) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    var waiting = Waiting(for: .time)
    while ContinuousClock.now < end { _ = try turn(&waiting) }
  }

  // MARK: - Receiving

  /// A wait for something.
  private struct Waiting {
    enum Goal {
      /// An answer of TDLib itself, or of Telegram.
      case library, server
      /// The end of a pause.
      case time
    }

    let goal: Goal
    let start = ContinuousClock.now
    /// When the connection was lost; `nil` while there is one.
    var disconnection: ContinuousClock.Instant?
    /// Whether the wait has been reported to the user.
    var isReported = false

    init(for goal: Goal) {
      self.goal = goal
    }
  }

  /// Receives once: handles an update, or returns an answer.
  private func turn(_ waiting: inout Waiting) throws -> TDClient.Event? {
    try console.check()
    guard let event = try client?.receive(timeout: Self.turn) else {
      // A time limit is checked only when everything received has been handled.
      if waiting.goal != .time { try checkTime(&waiting) }
      return nil
    }
    guard case .update(let update) = event else { return event }
    try take(update)
    return nil
  }

  /// Gives up on waits that have taken too long, and reports long ones to the user.
  private func checkTime(_ waiting: inout Waiting) throws {
    let now = ContinuousClock.now
    let isMissing = waiting.goal == .server && !isConnected
    waiting.disconnection = isMissing ? waiting.disconnection ?? now : nil
    if let start = waiting.disconnection, now - start > .seconds(limits.connection) {
      throw SourceFault(
        .unreachable, Self.source,
        "no connection to Telegram in \(Self.seconds(limits.connection)); check the network, and "
          + "whether it blocks Telegram")
    }
    let time = now - waiting.start
    if time > .seconds(limits.answer) {
      throw SourceFault(
        .unreachable, Self.source,
        "no answer from Telegram in \(Self.seconds(limits.answer)); try again later")
    }
    // Telegram itself may take its time.
    let patience = waiting.goal == .server && isConnected ? limits.patience * 5 : limits.patience
    guard !waiting.isReported, time > .seconds(patience) else { return }
    waiting.isReported = true
    if isMissing {
      console.info("connecting to Telegram")
    } else if waiting.goal == .server {
      console.info("waiting for Telegram's answer")
    } else {
      console.info("waiting for the session folder \(folder.path); another program may be using it")
    }
  }

  private func take(_ update: JSONValue) throws {
    switch update.type {
    case "updateAuthorizationState":
      authorization = (update["authorization_state"] ?? .null, authorization.count + 1)
      let isEnding = ["LoggingOut", "Closing", "Closed"].contains {
        authorization.state.type == "authorizationState" + $0
      }
      if isEnding, !isClosing {
        throw SourceFault(
          .refused, Self.source,
          "the login was ended, from another device or by the server; log in again")
      }
    case "updateConnectionState":
      let state = update["state"]?.type
      isConnected = state == "connectionStateReady" || state == "connectionStateUpdating"
    default: names.learn(update)
    }
  }

  // MARK: - The end

  /// Ends the login and removes its data from the folder.
  func sendLogOut() throws {
    isClosing = true
    try request(.logOut)
    var waiting = Waiting(for: .server)
    while authorization.state.type != "authorizationStateClosed" { _ = try turn(&waiting) }
    linger()
  }

  /// Closes the client, if it is open; errors no longer matter.
  package func close() {
    guard let client else { return }
    isClosing = true
    _ = client.send(.close)
    let end = ContinuousClock.now + .seconds(limits.closing)
    while authorization.state.type != "authorizationStateClosed", ContinuousClock.now < end {
      if case .update(let update)? = try? client.receive(timeout: Self.turn) { try? take(update) }
    }
    linger()
  }

  /// Gives TDLib's threads time to end.
  private func linger() {
    for _ in 0..<limits.lastCalls { _ = try? client?.receive(timeout: Self.turn) }
    client = nil
  }

  // MARK: - Times as text

  /// `17 seconds`, `1 second`, `0.5 seconds`.
  static func seconds(_ count: Double) -> String {
    let number = count == count.rounded() ? String(Int(count)) : String(count)
    return number == "1" ? "1 second" : "\(number) seconds"
  }

  /// The local time of `date`, with its day unless that is today.
  private static func clockTime(of date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat =
      Calendar.current.isDateInToday(date) ? "HH:mm:ss" : "yyyy-MM-dd HH:mm:ss"
    return formatter.string(from: date)
  }
}

/// How long a live session waits, and how many times it tries.
public struct LiveTimeLimits: Equatable, Sendable {
  /// The seconds after which a missing connection is a fault; TDLib itself would wait forever.
  public var connection = 30.0
  /// The seconds after which a missing answer is a fault although there is a connection.
  ///
  /// TDLib holds requests back for up to a minute when the server asks it to.
  public var answer = 300.0
  /// The seconds before a request is repeated after the server failed; doubled each time.
  public var firstPause = 1.0
  /// How many times such a request is repeated.
  public var repetitions = 6
  /// The longest wait, in seconds, that is accepted before the login; a longer one ends the
  /// attempt.
  public var loginWait = 300
  /// The seconds after which the user is told what the program is waiting for.
  public var patience = 2.0
  /// The seconds that closing may take.
  public var closing = 10.0
  /// How many times TDLib is called after it has been closed, for a twentieth of a second each
  /// time: processes that ended at once have been seen to abort.
  public var lastCalls = 3

  public init() {}
}
