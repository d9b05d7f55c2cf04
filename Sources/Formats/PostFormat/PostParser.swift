import FileSupport
import JSONSupport
import TextSupport

/// Parses the lines of a file of posts.
package struct PostParser: ~Copyable {
  enum Key: String, CaseIterable {
    case id, date, text, edited, entities, views, reactions, media
    case forwardedFrom = "forwarded_from"
    case replyTo = "reply_to"
  }

  enum EntityKey: String, CaseIterable { case type, offset, length, url }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  package let path: String
  var reader: JSONReader
  let keys = JSONKeys<Key>()
  let entityKeys = JSONKeys<EntityKey>()

  package init(path: String) {
    self.path = path
    reader = JSONReader(
      bytes: UnsafeRawBufferPointer(start: nil, count: 0), path: path, leniency: .loneSurrogates)
  }

  /// How many halves of surrogate pairs in the texts of posts have been replaced with U+FFFD so
  /// far.
  package var replacedSurrogates: Int { reader.replacedSurrogates }

  /// Whether `line` is only white space, which is neither a post nor an error.
  package static func isBlank(_ line: UnsafeRawBufferPointer) -> Bool {
    line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
  }

  /// Parses `bytes`, which are line `line` of the file.
  ///
  /// - Throws: ``InputError`` with the line.
  package mutating func parse(_ bytes: UnsafeRawBufferPointer, line: Int) throws -> Post {
    // Of files that were joined, each may begin with one.
    let mark = bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
    let bytes = UnsafeRawBufferPointer(rebasing: bytes[mark...])
    guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else {
      let found = String(decoding: bytes.prefix(80), as: UTF8.self).prefix(20)
      throw InputError(
        path, .line(line),
        "expected a post, such as {\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"…\"}, found "
          + String(reflecting: String(found)))
    }
    reader.restart(bytes: bytes, place: .line(line))
    do {
      return try post()
    } catch let error as InputError where !reader.encodingRemedy.isEmpty {
      throw InputError(path, error.place, error.problem + reader.encodingRemedy)
    }
  }

  /// Parses the line that the reader was given.
  private mutating func post() throws -> Post {
    var id: Int?
    var date: Int?
    var text: String?
    var post = Post(id: 0, date: 0, text: "")
    let (keys, entityKeys) = (keys, entityKeys)
    try reader.object(keys) { reader, key in
      guard let key else { return try reader.skip() }
      switch key {
      case .id: id = try reader.integer(of: key)
      case .date: date = try reader.date(of: key)
      case .text: text = try reader.string(of: key)
      // Other tools may write null for what a post does not have.
      case _ where try reader.peek() == .null: try reader.null()
      case .edited: post.edited = try reader.date(of: key)
      case .entities: post.entities = try reader.entities(entityKeys)
      case .views: post.views = try reader.integer(of: key)
      case .reactions: post.reactions = try reader.reactions()
      case .forwardedFrom: post.forwardedFrom = try reader.string(of: key)
      case .replyTo: post.replyTo = try reader.integer(of: key)
      case .media: post.media = try reader.string(of: key)
      }
    }
    try reader.finish()
    guard let id else { throw reader.failure("'id' is missing") }
    guard let date else { throw reader.failure("'date' is missing") }
    guard let text else { throw reader.failure("'text' is missing") }
    (post.id, post.date, post.text) = (id, date, text)
    return post
  }
}

extension JSONReader {
  fileprivate mutating func expect<Key: RawRepresentable<String>>(
    _ expected: Kind, of key: Key
  ) throws {
    let kind = try peek()
    if kind != expected {
      throw failure("'\(key.rawValue)': expected \(expected.rawValue), found \(kind.rawValue)")
    }
  }

  fileprivate mutating func integer<Key: RawRepresentable<String>>(of key: Key) throws -> Int {
    try expect(.number, of: key)
    return try integer()
  }

  fileprivate mutating func string<Key: RawRepresentable<String>>(of key: Key) throws -> String {
    try expect(.string, of: key)
    return try string()
  }

  fileprivate mutating func date(of key: PostParser.Key) throws -> Int {
    let text = try string(of: key)
    guard let seconds = DateText.seconds(text) else {
      throw failure(
        "'\(key.rawValue)': expected a date such as 2016-03-01T09:00:00Z, found '\(excerpt(text))'")
    }
    return seconds
  }

  fileprivate mutating func entities(
    _ keys: JSONKeys<PostParser.EntityKey>
  ) throws -> [Post.Entity] {
    try expect(.array, of: PostParser.Key.entities)
    var entities: [Post.Entity] = []
    try array { reader in
      var type: String?
      var offset: Int?
      var length: Int?
      var url: String?
      try reader.object(keys) { reader, key in
        guard let key else { return try reader.skip() }
        switch key {
        case .type: type = try reader.string(of: key)
        case .offset: offset = try reader.integer(of: key)
        case .length: length = try reader.integer(of: key)
        case .url:
          if try reader.peek() == .null { try reader.null() } else { url = try reader.string() }
        }
      }
      guard let type, let offset, let length else {
        throw reader.failure("an entity must have 'type', 'offset' and 'length'")
      }
      guard offset >= 0, length >= 0 else {
        throw reader.failure("the offset and the length of an entity must not be negative")
      }
      entities.append(Post.Entity(type: type, offset: offset, length: length, url: url))
    }
    return entities
  }

  fileprivate mutating func reactions() throws -> [Post.Reaction] {
    try expect(.object, of: PostParser.Key.reactions)
    var reactions: [Post.Reaction] = []
    try object { reader, emoji in
      reactions.append(Post.Reaction(emoji: emoji, count: try reader.integer()))
    }
    return reactions
  }
}
