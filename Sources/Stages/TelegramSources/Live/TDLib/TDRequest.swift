import FileSupport
import JSONSupport

/// A request to TDLib: a method of its schema with its fields.
///
/// TDLib ignores fields that it does not know, so a misspelt one would go unnoticed; the tests check
/// each field here against the real library.
package struct TDRequest: Sendable {
  /// The methods that are used.
  package enum Method: String, CaseIterable, Sendable {
    case getOption, setTdlibParameters, close, logOut
    case setLogVerbosityLevel
    case setAuthenticationPhoneNumber, checkAuthenticationCode, checkAuthenticationPassword
    case setAuthenticationEmailAddress, checkAuthenticationEmailCode
    case searchPublicChat, createSupergroupChat, getSupergroup, loadChats, getChat
    case getChatHistory, getFullRichMessage
  }

  package let name: String
  package let fields: [JSONValue.Member]

  package init(name: String, fields: [JSONValue.Member]) {
    self.name = name
    self.fields = fields
  }

  private init(_ method: Method, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
    self.init(name: method.rawValue, fields: fields.map { JSONValue.Member($0.key, $0.value) })
  }

  /// The request as TDLib expects it; its answer will carry `extra`.
  package func text(extra: Int? = nil) -> String {
    let type = JSONValue.Member("@type", .string(name))
    let last = extra.map { [JSONValue.Member("@extra", .integer($0))] } ?? []
    return JSONValue.object([type] + fields + last).text()
  }

  /// Whether TDLib answers it without a connection to Telegram.
  var isLocal: Bool {
    switch Method(rawValue: name) {
    case .getOption, .setTdlibParameters, .close, .setLogVerbosityLevel: true
    default: false
    }
  }

  // MARK: - The session

  package static let close = TDRequest(.close)
  package static let logOut = TDRequest(.logOut)

  package static func option(_ name: String) -> TDRequest {
    TDRequest(.getOption, ["name": .string(name)])
  }

  /// How much TDLib writes to standard error: 0 is fatal errors only.
  package static func logVerbosity(_ level: Int) -> TDRequest {
    TDRequest(.setLogVerbosityLevel, ["new_verbosity_level": .integer(level)])
  }

  /// What TDLib needs to know first; before September 2022 the fields were in an object of their own.
  ///
  /// Messages are not stored, since they are read once; chats are, so that the next run finds the
  /// channel without looking up its name again.
  package static func parameters(folder: String, apiID: Int, apiHash: String) -> TDRequest {
    TDRequest(
      .setTdlibParameters,
      [
        "use_test_dc": false,
        "database_directory": .string(folder + "/database"),
        "files_directory": .string(folder + "/files"),
        "database_encryption_key": "",
        "use_file_database": false,
        "use_chat_info_database": true,
        "use_message_database": false,
        "use_secret_chats": false,
        "api_id": .integer(apiID),
        "api_hash": .string(apiHash),
        "system_language_code": "en",
        "device_model": "tg-dump",
        "system_version": "",
        "application_version": "0.1",
      ])
  }

  // MARK: - Logging in

  package static func phoneNumber(_ number: String) -> TDRequest {
    TDRequest(.setAuthenticationPhoneNumber, ["phone_number": .string(number)])
  }

  package static func code(_ code: String) -> TDRequest {
    TDRequest(.checkAuthenticationCode, ["code": .string(code)])
  }

  package static func password(_ password: String) -> TDRequest {
    TDRequest(.checkAuthenticationPassword, ["password": .string(password)])
  }

  package static func emailAddress(_ address: String) -> TDRequest {
    TDRequest(.setAuthenticationEmailAddress, ["email_address": .string(address)])
  }

  package static func emailCode(_ code: String) -> TDRequest {
    TDRequest(
      .checkAuthenticationEmailCode,
      ["code": ["@type": "emailAddressAuthenticationCode", "code": .string(code)]])
  }

  // MARK: - Chats

  /// Resolves a public name, which the server allows only occasionally.
  package static func publicChat(_ username: String) -> TDRequest {
    TDRequest(.searchPublicChat, ["username": .string(username)])
  }

  /// The chat of a channel that this session knows from before.
  package static func knownChannel(_ bareID: Int) -> TDRequest {
    TDRequest(.createSupergroupChat, ["supergroup_id": .integer(bareID), "force": false])
  }

  package static func supergroup(_ bareID: Int) -> TDRequest {
    TDRequest(.getSupergroup, ["supergroup_id": .integer(bareID)])
  }

  /// Loads more of the account's chats; 404 when all are loaded.
  package static func loadChats(archived: Bool) -> TDRequest {
    TDRequest(
      .loadChats,
      [
        "chat_list": ["@type": archived ? "chatListArchive" : "chatListMain"], "limit": 100,
      ])
  }

  package static func chat(_ id: Int) -> TDRequest {
    TDRequest(.getChat, ["chat_id": .integer(id)])
  }

  // MARK: - Messages

  /// The messages immediately below `messageID`, without that one; the newest if it is 0.
  package static func history(chat: Int, below messageID: Int, limit: Int = 100) -> TDRequest {
    TDRequest(
      .getChatHistory,
      [
        "chat_id": .integer(chat), "from_message_id": .integer(messageID), "offset": 0,
        "limit": .integer(limit), "only_local": false,
      ])
  }

  /// All of a rich message of which the history holds only the beginning.
  package static func richMessage(chat: Int, messageID: Int) -> TDRequest {
    TDRequest(
      .getFullRichMessage, ["chat_id": .integer(chat), "message_id": .integer(messageID)])
  }
}
