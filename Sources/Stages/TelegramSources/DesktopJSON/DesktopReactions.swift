import FileSupport
import JSONSupport
import PostFormat

/// The reactions to a message, added up by kind.
struct DesktopReactions {
  private enum Key: String, CaseIterable {
    case type, count, emoji
    case document = "document_id"
  }

  private enum Kind: String, CaseIterable {
    case emoji, paid, empty
    case customEmoji = "custom_emoji"
  }

  private static let keys = JSONKeys<Key>()
  private static let kinds = JSONKeys<Kind>()

  private(set) var list: [Post.Reaction] = []

  mutating func removeAll() {
    list = []
  }

  /// Reads an array of reactions; anything else has none.
  mutating func read(_ reader: inout JSONReader) throws {
    list = []
    guard try reader.peek() == .array else { return try reader.skip() }
    try reader.array { reader in
      guard try reader.peek() == .object else { return try reader.skip() }
      var kind: JSONWord<Kind>?
      var emoji: String?
      var document: String?
      var count = 0
      try reader.object(Self.keys) { reader, key in
        switch key {
        case .type where try reader.peek() == .string: kind = try reader.word(of: Self.kinds)
        case .emoji: emoji = try reader.stringIfAny()
        case .document:
          document = try reader.peek() == .number ? reader.numberText() : reader.stringIfAny()
        case .count: count = try reader.integerIfAny() ?? 0
        case .type, nil: try reader.skip()
        }
      }
      if let name = Self.name(kind, emoji: emoji, document: document) {
        list.add(count, of: name)
      }
    }
  }

  /// The key of a reaction: the emoji itself, or words where there is none.
  private static func name(_ kind: JSONWord<Kind>?, emoji: String?, document: String?) -> String? {
    switch kind {
    case .known(.empty): return nil
    case .known(.paid): return "paid"
    case .known(.customEmoji): return Post.Reaction.name(ofCustomEmoji: document)
    case .known(.emoji): return emoji ?? "emoji"
    case .other(let kind): return emoji ?? kind
    case nil: return emoji
    }
  }
}
