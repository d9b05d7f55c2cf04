import FileSupport
import JSONSupport
import TextSupport

/// A chat of a Telegram Desktop export: its name, type and id, and where its messages are.
struct DesktopChat: ExportChat {
  enum Key: String, CaseIterable {
    case name, type, id, messages, chats, list
    case leftChats = "left_chats"
  }

  static let keys = JSONKeys<Key>()
  static let names = (all: "id or name", unique: "id")

  var name: String?
  var type: String?
  var id: Int?
  var messageCount = 0
  /// The byte at which the array of its messages begins, in an account export.
  var messagesOffset: Int?

  /// Reads the value of `key` if it describes the chat itself; skips it otherwise.
  mutating func read(_ key: Key?, _ reader: inout JSONReader) throws {
    switch key {
    case .name: name = try reader.stringIfAny()
    case .type: type = try reader.stringIfAny()
    case .id: id = try reader.integerIfAny()
    default: try reader.skip()
    }
  }

  func isNamed(_ choice: String) -> Bool {
    if let number = Int(choice), ids.contains(number) { return true }
    return name == choice
  }

  /// The id in its forms: bare, as versions before 2.7.2 wrote it, and as bots and TDLib have it.
  private var ids: [Int] {
    guard let id else { return [] }
    let (oldChannelBase, oldUserBase) = (8_589_934_592, 4_294_967_296)
    var bare = id
    if id > oldChannelBase {
      bare -= oldChannelBase
    } else if id > oldUserBase, type == "personal_chat" {
      bare -= oldUserBase
    }
    return id > 0 ? [id, bare, LiveChat.id(ofBare: bare)] : [id]
  }

  /// The chat in words: `БУГУРТ-ТРЕД (public_channel 1032123)`.
  var title: String {
    let facts = [type.map { excerpt($0) }, id.map(String.init)].compactMap { $0 }
      .joined(separator: " ")
    guard let name, !name.isEmpty else { return facts.isEmpty ? "a chat without a name" : facts }
    return facts.isEmpty ? excerpt(name) : "\(excerpt(name)) (\(facts))"
  }

  var size: (count: Int, unit: String) { (messageCount, "messages") }
}
