import JSONSupport
import PostFormat

/// A text in parts, as it is in `text` and `text_entities` of a JSON export.
///
/// One value is reused for all messages, so that its memory is allocated once.
struct DesktopText {
  private(set) var builder = PostTextBuilder()

  private enum Key: String, CaseIterable { case type, text, href }
  private static let keys = JSONKeys<Key>()

  /// The types that Telegram Desktop writes.
  private enum PartType: String, CaseIterable {
    case plain, mention, hashtag, link, email, phone, cashtag, bold, italic, underline
    case strikethrough, code, pre, spoiler, blockquote, unknown
    case botCommand = "bot_command"
    case bankCard = "bank_card"
    case textLink = "text_link"
    case mentionName = "mention_name"
    case customEmoji = "custom_emoji"
  }
  private static let partTypes = JSONKeys<PartType>()

  mutating func removeAll() {
    builder.removeAll()
  }

  /// Reads a text: a string, an object, or an array of strings and objects.
  mutating func read(_ reader: inout JSONReader) throws {
    builder.removeAll()
    switch try reader.peek() {
    case .array: try reader.array { try readPart(&$0) }
    case .string, .object: try readPart(&reader)
    case .null: try reader.null()
    case let kind:
      throw reader.failure("the text of a message is a string or an array, not \(kind.rawValue)")
    }
    builder.finish()
  }

  private mutating func readPart(_ reader: inout JSONReader) throws {
    switch try reader.peek() {
    case .string: try builder.append { try reader.string(appendingTo: &$0) }
    case .object: try readObject(&reader)
    case let kind:
      throw reader.failure("a part of a text is a string or an object, not \(kind.rawValue)")
    }
  }

  private mutating func readObject(_ reader: inout JSONReader) throws {
    var type = JSONWord<PartType>.known(.unknown)
    var url: String?
    var hasText = false
    builder.beginEntity()
    try reader.object(Self.keys) { reader, key in
      switch key {
      case .type where try reader.peek() == .string: type = try reader.word(of: Self.partTypes)
      case .href: url = try reader.stringIfAny()
      case .text:
        let kind = try reader.peek()
        guard [.string, .array, .object].contains(kind) else { return try reader.skip() }
        // If the key occurs twice, the last one counts.
        if hasText { builder.removeRun() }
        hasText = true
        if kind == .string {
          try builder.append { try reader.string(appendingTo: &$0) }
        } else {
          // Parts within a part, as in rich messages; their own markup is left out.
          var nested = DesktopText()
          try nested.read(&reader)
          builder.append(nested.builder.bytes)
        }
      case .type, nil: try reader.skip()
      }
    }
    builder.endEntity { _ in
      switch type {
      case .known(.plain): nil
      case .known(let type): EntityMeaning(type: type.rawValue, url: url)
      case .other(let type): EntityMeaning(type: type, url: url)
      }
    }
  }
}

extension JSONReader {
  /// Reads a string; anything else is skipped, and `nil` is returned.
  mutating func stringIfAny() throws -> String? {
    if try peek() == .string { return try string() }
    try skip()
    return nil
  }
}
