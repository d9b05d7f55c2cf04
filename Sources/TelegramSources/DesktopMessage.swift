import FileSupport
import PostFormat

/// A message of a Telegram Desktop export, with what a post needs of it.
///
/// One value serves for all messages, so that its memory is taken once.
struct DesktopMessage {
  enum Kind { case message, service, unsupported, unknown }

  private enum Key: String, CaseIterable {
    case id, type, date, edited, text, reactions
    case unixDate = "date_unixtime"
    case unixEdited = "edited_unixtime"
    case entities = "text_entities"
    case forwardedFrom = "forwarded_from"
    case replyTo = "reply_to_message_id"
    case replyToPeer = "reply_to_peer_id"
    case mediaType = "media_type"
    // The keys that tell the kind of media which has no `media_type`.
    case photo, file, poll
    case location = "location_information"
    case livePeriod = "live_location_period_seconds"
    case place = "place_name"
    case contact = "contact_information"
    case game = "game_title"
    case invoice = "invoice_information"
    case todoList = "todo_list"
    case giveaway = "giveaway_information"
    case giveawayResults = "giveaway_results"
    case paidMedia = "paid_stars_amount"

    /// The word for the media that the key tells of, and which of several counts: the highest.
    var media: (rank: Int, word: String)? {
      switch self {
      case .paidMedia: (1, "paid_media")
      case .photo: (2, "photo")
      case .file: (2, "file")
      case .poll: (2, "poll")
      case .location: (2, "location")
      case .contact: (2, "contact")
      case .game: (2, "game")
      case .invoice: (2, "invoice")
      case .todoList: (2, "todo_list")
      case .giveaway: (2, "giveaway")
      case .giveawayResults: (2, "giveaway_results")
      case .livePeriod: (3, "live_location")
      case .place: (3, "venue")
      default: nil
      }
    }
  }

  private enum ReactionKey: String, CaseIterable {
    case type, count, emoji
    case document = "document_id"
  }

  private static let keys = JSONKeys<Key>()
  private static let reactionKeys = JSONKeys<ReactionKey>()

  private let options: SourceOptions

  private(set) var kind = Kind.message
  private(set) var id: Int?
  /// Where the message begins in its file.
  private(set) var byteOffset = 0
  /// Whether the date is one without a zone that nobody told.
  private(set) var isZoneless = false

  private var text = MarkedText()
  private var entityText = MarkedText()
  private var post = Post(id: 0, date: 0, text: "")
  private var dates = Dates()
  private var word: [UInt8] = []
  private var mediaRank = 0
  private var repliesElsewhere = false

  private struct Dates {
    var unix: Int?
    var local: (seconds: Int, hasZone: Bool)?
    var unixEdited: Int?
    var localEdited: (seconds: Int, hasZone: Bool)?
  }

  init(options: SourceOptions) {
    self.options = options
  }

  /// Reads the next message of `reader`.
  mutating func read(_ reader: inout JSONReader) throws {
    kind = .message
    id = nil
    text.removeAll()
    entityText.removeAll()
    post = Post(id: 0, date: 0, text: "")
    dates = Dates()
    mediaRank = 0
    repliesElsewhere = false
    _ = try reader.peek()
    byteOffset = reader.byteOffset
    try reader.object(Self.keys) { reader, key in
      guard let key else { return try reader.skip() }
      try read(key, &reader)
    }
  }

  private mutating func read(_ key: Key, _ reader: inout JSONReader) throws {
    switch key {
    case .id: id = try reader.integerOrNil()
    case .type: kind = try readKind(&reader)
    case .date: dates.local = try readDate(&reader)
    case .unixDate: dates.unix = try reader.integerOrNil()
    case .edited: dates.localEdited = try readDate(&reader)
    case .unixEdited: dates.unixEdited = try reader.integerOrNil()
    case .text: try text.read(&reader)
    case .entities: try entityText.read(&reader)
    case .reactions: try readReactions(&reader)
    case .forwardedFrom: post.forwardedFrom = try reader.stringOrNil() ?? ""
    case .replyTo: post.replyTo = try reader.integerOrNil()
    case .replyToPeer:
      repliesElsewhere = true
      try reader.skip()
    case .mediaType:
      if let type = try reader.stringOrNil() {
        post.media = type
        mediaRank = .max
      }
    default:
      if let media = key.media, media.rank > mediaRank {
        post.media = media.word
        mediaRank = media.rank
      }
      try reader.skip()
    }
  }

  /// The post that the message is; `nil` if it lacks an id or a date.
  ///
  /// - Throws: `InputError` if the text is not UTF-8.
  mutating func makePost(path: String) throws -> Post? {
    guard let id, let date = dates.unix ?? dates.local?.seconds else { return nil }
    isZoneless = dates.unix == nil && dates.local?.hasZone == false && options.zone == nil
    post.id = id
    post.date = date
    // An edit before the post is what old versions write for none: the beginning of 1970.
    post.edited = (dates.unixEdited ?? dates.localEdited?.seconds).flatMap { $0 < date ? nil : $0 }
    if repliesElsewhere { post.replyTo = nil }
    let isInEntities = !entityText.bytes.isEmpty
    guard
      let string = String(
        validating: isInEntities ? entityText.bytes : text.bytes, as: UTF8.self)
    else {
      throw InputError(path, .byte(byteOffset), "the text of message \(id) is not UTF-8")
    }
    post.text = string
    post.entities = isInEntities ? entityText.entities : text.entities
    return post
  }

  private mutating func readKind(_ reader: inout JSONReader) throws -> Kind {
    switch try reader.stringOrNil() {
    case "message", nil: .message
    case "service": .service
    case "unsupported": .unsupported
    default: .unknown
    }
  }

  private mutating func readDate(
    _ reader: inout JSONReader
  ) throws -> (seconds: Int, hasZone: Bool)? {
    guard try reader.peek() == .string else {
      return try reader.integerOrNil().map { ($0, true) }
    }
    word.removeAll(keepingCapacity: true)
    try reader.string(appendingTo: &word)
    let offset = options.zone?.seconds ?? 0
    return word.withUnsafeBytes { DateText.seconds($0, offset: offset) }
  }

  private mutating func readReactions(_ reader: inout JSONReader) throws {
    post.reactions = []
    guard try reader.peek() == .array else { return try reader.skip() }
    try reader.array { reader in
      var type: String?
      var emoji: String?
      var document: String?
      var count = 0
      try reader.object(Self.reactionKeys) { reader, key in
        switch key {
        case .type: type = try reader.stringOrNil()
        case .emoji: emoji = try reader.stringOrNil()
        case .document:
          document = try reader.peek() == .number ? reader.numberText() : reader.stringOrNil()
        case .count: count = try reader.integerOrNil() ?? 0
        case nil: try reader.skip()
        }
      }
      if let name = Self.reactionName(type: type, emoji: emoji, document: document) {
        add(count, of: name)
      }
    }
  }

  private mutating func add(_ count: Int, of name: String) {
    if let index = post.reactions.firstIndex(where: { $0.emoji == name }) {
      post.reactions[index].count += count
    } else {
      post.reactions.append(Post.Reaction(emoji: name, count: count))
    }
  }

  /// The key of a reaction: the emoji itself, or words where there is none.
  private static func reactionName(type: String?, emoji: String?, document: String?) -> String? {
    switch type {
    case "empty": return nil
    case "paid": return "paid"
    case "custom_emoji":
      // A note in brackets stands where the exporter did not know the document.
      guard let document, !document.isEmpty, !document.hasPrefix("(") else { return type }
      return "custom_emoji:" + document
    default: return emoji ?? type
    }
  }
}
