import FileSupport
import Foundation
import JSONSupport

extension LiveSession {
  /// How often a wrong answer may be given.
  private static let tries = 3

  /// Logs in, with what the user is asked for; nothing is asked if the folder holds a login.
  ///
  /// - Throws: ``SourceFault``; what the console throws.
  func logIn() throws {
    if authorization.state.type == "authorizationStateReady", isOpen { return }
    var login = Login()
    while try !settle(&login) {}
  }

  /// Goes as far as nobody is asked, and tells whether there is a login.
  func start() throws -> Bool {
    var login = Login()
    login.isToStop = true
    while try !settle(&login) {}
    return authorization.state.type == "authorizationStateReady"
  }

  /// What was tried in a login.
  private struct Login {
    /// The number of the state that was dealt with last.
    var number = 0
    /// How often an answer of each kind was given.
    var given: [String: Int] = [:]
    /// The phone number that was sent.
    var phone: String?
    /// Whether to stop where the user would be asked.
    var isToStop = false
  }

  /// Deals with the next state of the login; `true` at the last.
  ///
  /// What counts is the states that TDLib tells, never that a request succeeded.
  private func settle(_ login: inout Login) throws -> Bool {
    try open()
    // Up to the first question TDLib knows by itself how it stands.
    try waitForAuthorization(after: login.number, isLocal: login.number <= 1)
    login.number = authorization.number
    let state = authorization.state
    if state.type == "authorizationStateWaitTdlibParameters" {
      try sendParameters()
      return false
    }
    if state.type == "authorizationStateReady" || login.isToStop { return true }
    switch state.type {
    case "authorizationStateWaitPhoneNumber": try sendPhoneNumber(&login)
    case "authorizationStateWaitCode": try sendCode(state["code_info"] ?? .null, &login)
    case "authorizationStateWaitPassword": try sendPassword(state, &login)
    case "authorizationStateWaitEmailAddress": try sendEmailAddress(&login)
    case "authorizationStateWaitEmailCode": try sendEmailCode(state["code_info"] ?? .null, &login)
    case "authorizationStateWaitOtherDeviceConfirmation":
      console.info(
        "confirm the login on a device where you are logged in, by this link: "
          + (state["link"]?.string ?? ""))
    case "authorizationStateWaitRegistration":
      throw refusal("this phone number has no Telegram account; make one in an app of Telegram")
    case "authorizationStateWaitPremiumPurchase":
      throw refusal(
        "Telegram wants Telegram Premium to be bought before this number may log in; log in with an "
          + "app of Telegram first")
    default:
      throw SourceFault(
        .protocolViolation, Self.source,
        "the login needs a step that is not known here (\(state.type)); TDLib "
          + "\(version ?? "") may be newer than this program")
    }
    return false
  }

  private func refusal(_ problem: String) -> SourceFault {
    SourceFault(.refused, Self.source, problem)
  }

  // MARK: - Parameters

  private func sendParameters() throws {
    let parameters = TDRequest.parameters(
      folder: folder.path, apiID: configuration.apiID, apiHash: configuration.apiHash)
    do {
      try folder.guardingNewFiles { _ = try request(parameters) }
    } catch let error as TDError {
      if error.message.hasPrefix("Can't lock file") {
        throw SourceFault(
          .refused, folder.path,
          "another program uses the session folder, probably another run of this one; wait for it "
            + "to end, or name another folder")
      }
      if error.message.hasPrefix("Valid api_") {
        throw refusal("api_id or api_hash is not valid; \(LiveConfiguration.howTo)")
      }
      throw SourceFault(.refused, folder.path, "TDLib does not start: \(error.words)")
    }
  }

  // MARK: - Steps

  private func sendPhoneNumber(_ login: inout Login) throws {
    let question = "Phone number of your account, with its country code, such as +79991234567"
    try answer("a phone number", &login) {
      $0.phone = try configuration.phone ?? LiveConfiguration.phoneNumber(ask(question))
      return $0.phone.map(TDRequest.phoneNumber)
    }
  }

  private func sendCode(_ info: JSONValue, _ login: inout Login) throws {
    let way = LoginCodeWay(info["type"] ?? .null)
    console.info(way.sentence)
    try answer("the code", &login) { _ in .code(try ask(way.question)) }
  }

  private func sendPassword(_ state: JSONValue, _ login: inout Login) throws {
    let hint = state["password_hint"]?.string ?? ""
    let question =
      "Password of the two-step verification" + (hint.isEmpty ? "" : " (hint: \(hint))")
    try answer("the password", &login) { _ in .password(try ask(question, isSecret: true)) }
  }

  private func sendEmailAddress(_ login: inout Login) throws {
    console.info("Telegram wants an e-mail address to send codes to")
    try answer("an e-mail address", &login) { _ in
      .emailAddress(try ask("E-mail address"))
    }
  }

  private func sendEmailCode(_ info: JSONValue, _ login: inout Login) throws {
    let pattern = info["email_address_pattern"]?.string ?? ""
    console.info("Telegram sent a code to your e-mail address \(pattern)")
    try answer("the code from the e-mail", &login) { _ in
      .emailCode(try ask("Code from the e-mail"))
    }
  }

  private func ask(_ question: String, isSecret: Bool = false) throws -> String {
    guard let answer = try console.ask(question, isSecret: isSecret) else {
      throw refusal(
        "the login has to ask (\(question)), and nobody is there to answer; log in once at a "
          + "terminal, later runs will not ask")
    }
    if isSecret { return answer }
    return answer.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Sends what the user says, and asks again while it is wrong; `nil` is wrong without being sent.
  private func answer(
    _ kind: String, _ login: inout Login, _ request: (inout Login) throws -> TDRequest?
  ) throws {
    while true {
      let given = login.given[kind, default: 0]
      guard given < Self.tries else {
        throw refusal("\(kind) was wrong \(given) times; start again, and do not guess")
      }
      login.given[kind] = given + 1
      do {
        guard let request = try request(&login) else {
          console.info("that is not \(kind)")
          continue
        }
        try self.request(request, waitingAtMost: limits.loginWait)
        return
      } catch let error as TDError {
        // The state may have gone on while the user was typing.
        if authorization.number != login.number { return }
        guard let refusal = LoginRefusal(error) else {
          throw self.refusal("the login failed: \(error.words)")
        }
        guard refusal.isToBeAskedAgain, kind != "a phone number" || configuration.phone == nil
        else {
          throw self.refusal(refusal.problem)
        }
        console.info(refusal.problem)
        if refusal.needsNewCode, let phone = login.phone {
          try self.request(.phoneNumber(phone), waitingAtMost: limits.loginWait)
          return
        }
      }
    }
  }
}
