import FileSupport
import JSONSupport

/// The names of chats and users, which TDLib sends in updates before it refers to them elsewhere.
struct LiveNames {
  /// The titles of chats by their ids.
  private(set) var chats: [Int: String] = [:]
  /// The names of users by their ids; empty for deleted accounts.
  private(set) var users: [Int: String] = [:]

  /// Records the names in `update`.
  mutating func learn(_ update: JSONValue) {
    switch update.type {
    case "updateNewChat":
      if let chat = update["chat"], let id = chat.whole("id") { chats[id] = chat["title"]?.string }
    case "updateChatTitle":
      if let id = update.whole("chat_id") { chats[id] = update["title"]?.string }
    case "updateUser":
      guard let user = update["user"], let id = user.whole("id") else { return }
      let parts = ["first_name", "last_name"].compactMap { user[$0]?.string }
      users[id] = parts.filter { !$0.isEmpty }.joined(separator: " ")
    default: break
    }
  }

  /// The name of the source of a forward; `""` if it no longer has one or is not known, `nil` if there
  /// is no source.
  func source(of forward: JSONValue?) -> String? {
    guard let origin = forward?["origin"] else { return nil }
    switch origin.type {
    case "messageOriginUser": return origin.whole("sender_user_id").flatMap { users[$0] } ?? ""
    case "messageOriginHiddenUser": return origin["sender_name"]?.string ?? ""
    case "messageOriginChat": return origin.whole("sender_chat_id").flatMap { chats[$0] } ?? ""
    case "messageOriginChannel": return origin.whole("chat_id").flatMap { chats[$0] } ?? ""
    default: return ""
    }
  }
}
