import FileSupport
import JSONSupport
import TextSupport

/// A chat of a Telegram Desktop export: its name, type and id, and how many messages it holds.
struct DesktopChat {
  enum Key: String, CaseIterable {
    case name, type, id, messages, chats, list
    case leftChats = "left_chats"
  }

  static let keys = JSONKeys<Key>()

  var name: String?
  var type: String?
  var id: Int?
  var messageCount = 0

  /// Reads the value of `key` if it tells of the chat itself; skips it otherwise.
  mutating func read(_ key: Key?, _ reader: inout JSONReader) throws {
    switch key {
    case .name: name = try reader.stringIfAny()
    case .type: type = try reader.stringIfAny()
    case .id: id = try reader.integerIfAny()
    default: try reader.skip()
    }
  }

  /// Whether the user's `choice` is the id or the name of this chat.
  func isChosen(by choice: String) -> Bool {
    if let number = Int(choice), ids.contains(number) { return true }
    return name == choice
  }

  /// The id in the forms it has: bare, as versions before 2.7.2 wrote it, as bots and TDLib have it.
  private var ids: [Int] {
    guard let id, id > 0 else { return id.map { [$0] } ?? [] }
    let bare =
      id > Self.oldChannelBase
      ? id - Self.oldChannelBase
      : id > Self.oldUserBase
        && type == "personal_chat" ? id - Self.oldUserBase : id
    return [id, bare, LiveChat.id(ofBare: bare)]
  }

  private static let oldChannelBase = 8_589_934_592
  private static let oldUserBase = 4_294_967_296

  /// The chat in words: `БУГУРТ-ТРЕД (public_channel 1032123)`.
  var title: String {
    let facts = [type.map { excerpt($0) }, id.map(String.init)].compactMap { $0 }
      .joined(separator: " ")
    let name = name.map { excerpt($0) } ?? (facts.isEmpty ? "a chat without a name" : "")
    return name.isEmpty ? facts : facts.isEmpty ? name : "\(name) (\(facts))"
  }

  /// The `chats` as lines, those with the most messages first.
  static func lines(of chats: [DesktopChat]) -> String {
    let shown = 40
    let sorted = chats.sorted { $0.messageCount > $1.messageCount }
    var lines = sorted.prefix(shown).map { "  \($0.title): \($0.messageCount) messages" }
    if chats.count > shown { lines.append("  and \(chats.count - shown) more") }
    return lines.joined(separator: "\n")
  }
}
