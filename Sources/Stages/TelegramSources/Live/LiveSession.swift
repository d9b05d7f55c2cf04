import FileSupport
import Foundation
import JSONSupport

/// A session with Telegram through TDLib: from the login to the end.
///
/// All of it runs on the caller's thread, which also receives: TDLib allows one receiving thread.
package final class LiveSession {
  let configuration: LiveConfiguration
  let folder: SessionFolder
  let console: any SourceConsole
  let limits: LiveTimeLimits

  /// What TDLib last said of the login, and how often it has said something.
  private(set) var authorization: (state: JSONValue, number: Int) = (.null, 0)
  /// Chats and users that messages may come from.
  private(set) var names = LiveNames()
  /// The version of TDLib, once it is known.
  var version: String?

  private let library: TDLibrary
  private var client: TDClient?
  private var isConnected = false
  private var isClosing = false

  /// What is called that for faults.
  static let source = "Telegram"
  /// The time that one call of TDLib may take, in seconds: signals are looked for in between.
  private static let turn = 0.05

  package init(
    library: TDLibrary, configuration: LiveConfiguration, folder: SessionFolder,
    console: any SourceConsole, limits: LiveTimeLimits
  ) {
    self.library = library
    self.configuration = configuration
    self.folder = folder
    self.console = console
    self.limits = limits
  }

  /// Whether there is a client.
  var isOpen: Bool { client != nil }

  /// Makes the client, which then tells the state of the login.
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

  /// The answer to `request`, which is repeated after faults of the server and after the waits that
  /// it asks for.
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
      guard error.isPassing else { throw error }
      guard repetitions < limits.repetitions else {
        throw SourceFault(
          .unreachable, Self.source,
          "the server failed \(repetitions + 1) times in a row, lastly with \(error.words); "
            + "try again later")
      }
      repetitions += 1
      console.info("Telegram: \(error.words); trying again in \(Self.seconds(pause))")
      try pump(pause)
      pause *= 2
    }
  }

  /// Waits as long as the server asked, and says so.
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
    // The end is not announced to the second.
    try pump(Double(delay) + 0.1)
  }

  /// The answer to `request`, whatever it is.
  private func answer(to request: TDRequest) throws -> JSONValue {
    guard let client else {
      throw SourceFault(.protocolViolation, Self.source, "the session is closed")
    }
    let number = client.send(request)
    var waiting = Waiting(for: request.isLocal ? .library : .server)
    while true {
      // Answers of other numbers are to requests that were given up.
      if case .answer(number, let answer) = try turn(&waiting) { return answer }
    }
  }

  /// Waits until TDLib has said something of the login after it said it for the `number`th time.
  ///
  /// - Parameters:
  ///   - number: How often it had said something.
  ///   - isLocal: Whether it needs nobody for that.
  /// - Throws: ``SourceFault``; what the console throws.
  func waitForAuthorization(after number: Int, isLocal: Bool) throws {
    var waiting = Waiting(for: isLocal ? .library : .server)
    while authorization.number == number { _ = try turn(&waiting) }
  }

  /// Waits for `seconds` and takes in what TDLib says meanwhile.
  private func pump(_ seconds: Double) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    var waiting = Waiting(for: .time)
    while ContinuousClock.now < end { _ = try turn(&waiting) }
  }

  // MARK: - Receiving

  /// Something that is waited for.
  private struct Waiting {
    enum Goal {
      /// An answer of TDLib itself, or of Telegram.
      case library, server
      /// The end of a pause.
      case time
    }

    let goal: Goal
    let start = ContinuousClock.now
    /// Since when there is no connection; `nil` while there is one.
    var disconnection: ContinuousClock.Instant?
    /// Whether the user knows what is waited for.
    var isTold = false

    init(for goal: Goal) {
      self.goal = goal
    }
  }

  /// Receives once: takes an update in and returns an answer.
  private func turn(_ waiting: inout Waiting) throws -> TDClient.Event? {
    try console.check()
    guard let event = try client?.receive(timeout: Self.turn) else {
      // What has already come is taken in before a time is found to be over.
      if waiting.goal != .time { try checkTime(&waiting) }
      return nil
    }
    guard case .update(let update) = event else { return event }
    try take(update)
    return nil
  }

  /// Gives up what has taken too long, and tells the user of what takes long.
  private func checkTime(_ waiting: inout Waiting) throws {
    let now = ContinuousClock.now
    let isMissing = waiting.goal == .server && !isConnected
    waiting.disconnection = isMissing ? waiting.disconnection ?? now : nil
    if let start = waiting.disconnection, now - start > .seconds(limits.connection) {
      throw SourceFault(
        .unreachable, Self.source,
        "no connection to Telegram in \(Self.seconds(limits.connection)); check the network, and "
          + "whether it lets Telegram through")
    }
    let time = now - waiting.start
    if time > .seconds(limits.answer) {
      throw SourceFault(
        .unreachable, Self.source,
        "no answer from Telegram in \(Self.seconds(limits.answer)); try again later")
    }
    // Telegram itself may take its time.
    let patience = waiting.goal == .server && isConnected ? limits.patience * 5 : limits.patience
    guard !waiting.isTold, time > .seconds(patience) else { return }
    waiting.isTold = true
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
      authorization = (update["authorization_state"] ?? .null, authorization.number + 1)
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

  /// Ends the login and removes what the folder holds of it.
  func sendLogOut() throws {
    isClosing = true
    try request(.logOut)
    var waiting = Waiting(for: .server)
    while authorization.state.type != "authorizationStateClosed" { _ = try turn(&waiting) }
    linger()
  }

  /// Closes the client, unless it is closed.
  ///
  /// What goes wrong in that no longer matters.
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

  /// Gives TDLib's threads the time to end.
  private func linger() {
    for _ in 0..<limits.lastCalls { _ = try? client?.receive(timeout: Self.turn) }
    client = nil
  }

  // MARK: - Words

  /// `17 seconds`, `1 second`, `0.5 seconds`.
  static func seconds(_ count: Double) -> String {
    let number = count == count.rounded() ? String(Int(count)) : String(count)
    return number == "1" ? "1 second" : "\(number) seconds"
  }

  /// The local time of `date`, with the day where it is not today.
  static func clockTime(of date: Date) -> String {
    var (time, today) = (time_t(date.timeIntervalSince1970), Glibc.time(nil))
    var (then, now) = (tm(), tm())
    localtime_r(&time, &then)
    localtime_r(&today, &now)
    func padded(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
    let clock = [then.tm_hour, then.tm_min, then.tm_sec].map(padded).joined(separator: ":")
    guard (then.tm_year, then.tm_yday) != (now.tm_year, now.tm_yday) else { return clock }
    let day = [then.tm_year + 1900, then.tm_mon + 1, then.tm_mday].map(padded)
    return day.joined(separator: "-") + " " + clock
  }
}
