import FileSupport

/// Reads posts from JSON lines, packed with gzip or not: contract 1 of `docs/formats.md`.
///
///     try PostReader.forEach(path: "posts.jsonl") { line, post in … }
///
/// The memory is that for the longest line, however long the file.
public enum PostReader {
  /// Calls `body` with each post of the file `path`, `-` for standard input, and its line.
  ///
  /// `progress` is given now and then how many bytes of the file, as it lies on the disk, were read.
  /// Unknown keys and empty lines are passed over.
  ///
  /// - Throws: ``InputError`` with the line of what is not a post, and where ids do not ascend;
  ///   ``FileError``; what `progress` and `body` throw.
  public static func forEach(
    path: String, progress: (_ bytesConsumed: Int) throws -> Void = { _ in },
    _ body: (_ line: Int, _ post: Post) throws -> Void
  ) throws {
    var lines = try LineReader(path: path)
    let input = lines.input
    var parser = PostParser(path: path)
    var last: (id: Int, line: Int)?
    try lines.forEachLine { line, bytes in
      if line & 0xFF == 0 { try progress(input.bytesConsumed) }
      guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return }
      let post = try parser.parse(bytes, line: line)
      if let last, post.id <= last.id {
        throw InputError(
          path, .line(line),
          post.id == last.id
            ? "post \(post.id) stands already in line \(last.line); ids must be unique"
            : "post \(post.id) follows post \(last.id) of line \(last.line); ids must ascend")
      }
      last = (post.id, line)
      try body(line, post)
    }
    try progress(input.bytesConsumed)
  }
}

/// Makes posts of lines.
private struct PostParser: ~Copyable {
  enum Key: String, CaseIterable {
    case id, date, text, edited, entities, views, reactions, media
    case forwardedFrom = "forwarded_from"
    case replyTo = "reply_to"
  }

  enum EntityKey: String, CaseIterable { case type, offset, length, url }

  let path: String
  var reader: JSONReader
  let keys = JSONKeys<Key>()
  let entityKeys = JSONKeys<EntityKey>()

  init(path: String) {
    self.path = path
    reader = JSONReader(bytes: UnsafeRawBufferPointer(start: nil, count: 0), path: path)
  }

  mutating func parse(_ bytes: UnsafeRawBufferPointer, line: Int) throws -> Post {
    reader.restart(bytes: bytes, place: .line(line))
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
      // Other tools may write what a post does not have as null.
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
    post.id = try required(id, .id, line)
    post.date = try required(date, .date, line)
    post.text = try required(text, .text, line)
    return post
  }

  private func required<Value>(_ value: Value?, _ key: Key, _ line: Int) throws -> Value {
    guard let value else { throw InputError(path, .line(line), "'\(key.rawValue)' is missing") }
    return value
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
        "'\(key.rawValue)': expected a date such as 2016-03-01T09:00:00Z, found '\(text)'")
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
