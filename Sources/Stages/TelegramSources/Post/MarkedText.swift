import FileSupport
import JSONSupport
import PostFormat

/// A text put together from its parts, as `text` and `text_entities` of an export hold it.
///
/// One value serves for all messages, so that its memory is taken once.
struct MarkedText {
  /// The UTF-8 of the text.
  private(set) var bytes: [UInt8] = []
  /// The parts that are not plain.
  private(set) var entities: [Post.Entity] = []
  /// The length of the text in UTF-16 units, as far as parts of it were counted.
  private var length = 0

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
    bytes.removeAll(keepingCapacity: true)
    entities = []
    length = 0
  }

  /// Reads a text: a string, an object, or an array of strings and objects.
  mutating func read(_ reader: inout JSONReader) throws {
    removeAll()
    switch try reader.peek() {
    case .string:
      try reader.string(appendingTo: &bytes)
      bytes.unifyLineEnds(from: 0)
    case .array: try reader.array { try readPart(&$0) }
    case .object: try readPart(&reader)
    case .null: try reader.null()
    case let kind:
      throw reader.failure("the text of a message is a string or an array, not \(kind.rawValue)")
    }
  }

  private mutating func readPart(_ reader: inout JSONReader) throws {
    let start = bytes.count
    var type = JSONWord<PartType>.known(.unknown)
    var url: String?
    switch try reader.peek() {
    case .string:
      type = .known(.plain)
      try reader.string(appendingTo: &bytes)
    case .object:
      try reader.object(Self.keys) { reader, key in
        switch key {
        case .type where try reader.peek() == .string: type = try reader.word(of: Self.partTypes)
        case .href: url = try reader.stringIfAny()
        case .text where try reader.peek() == .string:
          // Of a key that stands there twice, the last counts.
          bytes.removeLast(bytes.count - start)
          try reader.string(appendingTo: &bytes)
        case .text where try reader.peek() == .array || reader.peek() == .object:
          // So rich messages nest the parts of a text.
          bytes.removeLast(bytes.count - start)
          try readNested(&reader)
        case .type, .text, nil: try reader.skip()
        }
      }
    case let kind:
      throw reader.failure("a part of a text is a string or an object, not \(kind.rawValue)")
    }
    bytes.unifyLineEnds(from: start)
    let units = bytes.utf16Length(from: start)
    defer { length += units }
    // The writer leaves an empty part behind an entity that ends the text.
    guard units > 0 else { return }
    switch type {
    case .known(.plain): break
    case .known(let type): append(type.rawValue, length: units, url: url)
    case .other(let type): append(type, length: units, url: url)
    }
  }

  /// Reads parts within a part, whose own markup is left out.
  private mutating func readNested(_ reader: inout JSONReader) throws {
    var nested = MarkedText()
    try nested.read(&reader)
    bytes.append(contentsOf: nested.bytes)
  }

  private mutating func append(_ type: String, length: Int, url: String?) {
    entities.append(Post.Entity(type: type, offset: self.length, length: length, url: url))
  }
}

extension JSONReader {
  /// Reads a string; anything else is skipped and gives `nil`.
  mutating func stringIfAny() throws -> String? {
    if try peek() == .string { return try string() }
    try skip()
    return nil
  }
}
