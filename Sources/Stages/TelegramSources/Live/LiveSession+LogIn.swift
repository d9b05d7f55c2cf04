import FileSupport
import Foundation
import JSONSupport

extension LiveSession {
  /// How many wrong answers may be given.
  private static let tries = 3

  /// Logs in; the user is asked for what is needed, unless the folder holds a login.
  ///
  /// - Throws: ``SourceFault``; what the console throws.
  func logIn() throws {
    if authorization.state.type == "authorizationStateReady", isOpen { return }
    var login = Login()
    while try !settle(&login) {}
  }

  /// Starts the session up to the point where the user would be asked, and returns whether there is
  /// a login.
  func start() throws -> Bool {
    var login = Login()
    login.stopsBeforeQuestions = true
    while try !settle(&login) {}
    return authorization.state.type == "authorizationStateReady"
  }

  /// What has been tried in a login.
  private struct Login {
    /// How many states had been reported when the last one was handled.
    var statesHandled = 0
    /// How many answers of each kind have been given.
    var given: [String: Int] = [:]
    /// The phone number that was sent.
    var phone: String?
    /// Whether to stop at the point where the user would be asked.
    var stopsBeforeQuestions = false
  }

  /// Handles the next state of the login; `true` at the last one.
  ///
  /// What counts is the states that TDLib reports, not whether a request succeeded.
  private func settle(_ login: inout Login) throws -> Bool {
    try open()
    // TDLib reports the first states by itself.
    try waitForAuthorization(after: login.statesHandled, isLocal: login.statesHandled <= 1)
    login.statesHandled = authorization.count
    let state = authorization.state
    if state.type == "authorizationStateWaitTdlibParameters" {
      try sendParameters()
      return false
    }
    if state.type == "authorizationStateReady" || login.stopsBeforeQuestions { return true }
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
      throw refusal("this phone number has no Telegram account; create one in a Telegram app")
    case "authorizationStateWaitPremiumPurchase":
      throw refusal(
        "Telegram wants you to buy Telegram Premium before this number may log in; log in with a "
          + "Telegram app first")
    default:
      throw SourceFault(
        .protocolViolation, Self.source,
        "the login needs a step that this program does not know (\(state.type)); TDLib "
          + "\(version ?? "") may be newer than the program")
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
            + "to end, or choose another folder")
      }
      if error.message.hasPrefix("Valid api_") {
        throw refusal("api_id or api_hash is not valid; \(LiveConfiguration.howTo)")
      }
      throw SourceFault(.refused, folder.path, "TDLib does not start: \(error.text)")
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
    let delivery = LoginCodeDelivery(info["type"] ?? .null)
    console.info(delivery.sentence)
    try answer("the code", &login) { _ in .code(try ask(delivery.question)) }
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
        "the login needs an answer (\(question)), but there is no terminal to ask on; log in once "
          + "on a terminal, and later runs will not ask")
    }
    if isSecret { return answer }
    return answer.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Sends the user's answer, and asks again while it is wrong; `nil` counts as wrong and is not
  /// sent.
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
        // The state may have changed while the user was typing.
        if authorization.count != login.statesHandled { return }
        guard let refusal = LoginRefusal(error) else {
          throw self.refusal("the login failed: \(error.text)")
        }
        guard refusal.asksAgain, kind != "a phone number" || configuration.phone == nil
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
