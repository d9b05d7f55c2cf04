import FileSupport
import JSONSupport
import PostFormat
import TextSupport

/// The parts of a message of a Telegram Desktop export that a post needs.
///
/// One value is reused for all messages, so that memory is allocated once. What may turn out not to
/// be needed, such as a text that is also in `text_entities`, is kept as it is and parsed at the
/// end.
struct DesktopMessage: ExportMessage, ~Copyable {
  private enum Key: String, CaseIterable {
    case id, type, date, edited, text, reactions, poll
    case unixDate = "date_unixtime"
    case unixEdited = "edited_unixtime"
    case entities = "text_entities"
    case forwardedFrom = "forwarded_from"
    case replyTo = "reply_to_message_id"
    case replyToPeer = "reply_to_peer_id"
    case mediaType = "media_type"
    case todoList = "todo_list"
    case richMessage = "rich_message"
    // Keys that show the kind of media without a `media_type`.
    case photo, file
    case location = "location_information"
    case livePeriod = "live_location_period_seconds"
    case place = "place_name"
    case contact = "contact_information"
    case game = "game_title"
    case invoice = "invoice_information"
    case giveaway = "giveaway_information"
    case giveawayResults = "giveaway_results"
    case paidMedia = "paid_stars_amount"

    /// The word for the media that the key stands for, and its rank: if there are several, the
    /// highest counts.
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

  private static let keys = JSONKeys<Key>()
  private static let kinds = JSONKeys<MessageKind>()

  private let path: String
  private let options: SourceOptions

  private(set) var kind = MessageKind.message
  private(set) var id: Int?
  /// Where the message begins in its file.
  private(set) var byteOffset = 0
  private(set) var isZoneless = false
  private(set) var isRepaired = false
  var unknownKinds: Set<String> { richText?.unknownKinds ?? [] }
  private(set) var isPartial = false

  /// The value of `text`, as it is in the file.
  private var textSource: [UInt8] = []
  private var textSourceReader: JSONReader
  private var text = DesktopText()
  private var entityText = DesktopText()
  private var richText: RichText?
  private var poll = DesktopPoll()
  private var reactions = DesktopReactions()
  private var post = Post(id: 0, date: 0, text: "")
  private var date = DesktopDate()
  private var edited = DesktopDate()
  private var mediaRank = 0
  private var repliesElsewhere = false

  /// Reads messages of the file `path`.
  init(path: String, options: SourceOptions) {
    self.path = path
    self.options = options
    textSourceReader = JSONReader(
      bytes: UnsafeRawBufferPointer(start: nil, count: 0), path: path,
      leniency: DesktopExport.leniency)
  }

  /// Reads the next message of `reader`.
  mutating func read(_ reader: inout JSONReader) throws {
    kind = .message
    id = nil
    textSource.removeAll(keepingCapacity: true)
    entityText.removeAll()
    richText = nil
    isPartial = false
    poll.removeAll()
    reactions.removeAll()
    post = Post(id: 0, date: 0, text: "")
    date.remove()
    edited.remove()
    mediaRank = 0
    repliesElsewhere = false
    _ = try reader.peek()
    byteOffset = reader.byteOffset
    let replacedBefore = reader.replacedSurrogates
    defer { isRepaired = reader.replacedSurrogates > replacedBefore }
    try reader.object(Self.keys) { reader, key in
      guard let key else { return try reader.skip() }
      try read(key, &reader)
    }
  }

  private mutating func read(_ key: Key, _ reader: inout JSONReader) throws {
    switch key {
    case .id: id = try reader.integerIfAny()
    case .type: kind = try readKind(&reader)
    case .date: try date.read(&reader)
    case .unixDate: try date.readUnixTime(&reader)
    case .edited: try edited.read(&reader)
    case .unixEdited: try edited.readUnixTime(&reader)
    case .text: try reader.skip(keeping: &textSource)
    case .entities: try entityText.read(&reader)
    case .richMessage: try readRichMessage(&reader)
    case .reactions: try reactions.read(&reader)
    case .forwardedFrom: post.forwardedFrom = try reader.stringIfAny() ?? ""
    case .replyTo: post.replyTo = try reader.integerIfAny()
    case .replyToPeer:
      repliesElsewhere = true
      try reader.skip()
    case .mediaType:
      if let type = try reader.stringIfAny() {
        post.media = type
        mediaRank = .max
      }
    case .poll, .todoList:
      takeMedia(key)
      if options.includesPolls { try poll.read(&reader) } else { try reader.skip() }
    default:
      takeMedia(key)
      try reader.skip()
    }
  }

  private mutating func readRichMessage(_ reader: inout JSONReader) throws {
    guard try reader.peek() != .null else { return try reader.skip() }
    let message = try JSONValue(&reader)
    richText = RichText(message, kinds: .desktop)
    isPartial = message["part"]?.boolean ?? false
  }

  private mutating func takeMedia(_ key: Key) {
    guard let media = key.media, media.rank > mediaRank else { return }
    post.media = media.word
    mediaRank = media.rank
  }

  private mutating func readKind(_ reader: inout JSONReader) throws -> MessageKind {
    guard try reader.peek() == .string else {
      try reader.skip()
      return .message
    }
    guard case .known(let kind) = try reader.word(of: Self.kinds) else { return .unknown }
    return kind
  }

  // MARK: - The post

  /// - Throws: `InputError` if the text is malformed, or not UTF-8.
  mutating func makePost() throws -> Post? {
    guard let id, let (seconds, hasZone) = date.seconds(in: options.zone) else { return nil }
    isZoneless = !hasZone && options.zone == nil
    post.id = id
    post.date = seconds
    // Old versions write the start of 1970 for a post that was never edited.
    post.edited = edited.seconds(in: options.zone).flatMap {
      $0.seconds < seconds ? nil : $0.seconds
    }
    // Posts of the group that the chat used to be have negative ids and are left out.
    if repliesElsewhere || post.replyTo.map({ $0 < 0 }) == true { post.replyTo = nil }
    post.reactions = reactions.list
    if let richText, !richText.builder.bytes.isEmpty {
      // A plain text beside it is for programs that do not know rich messages.
      try setText(richText.builder)
    } else if entityText.builder.bytes.isEmpty {
      try readTextSource()
      try setText(text.builder)
    } else {
      try setText(entityText.builder)
    }
    return post
  }

  /// Parses the value of `text`.
  private mutating func readTextSource() throws {
    text.removeAll()
    guard !textSource.isEmpty, !textSource.elementsEqual(#""""#.utf8) else { return }
    textSource.withUnsafeBytes {
      textSourceReader.restart(bytes: $0, place: .byte(byteOffset))
    }
    let replacedBefore = textSourceReader.replacedSurrogates
    try text.read(&textSourceReader)
    if textSourceReader.replacedSurrogates > replacedBefore { isRepaired = true }
  }

  /// Sets the text of the post to `text`, followed by the poll on lines of its own.
  private mutating func setText(_ text: PostTextBuilder) throws {
    guard let string = text.bytes.withUnsafeBytes({ String(utf8: $0) }) else {
      throw failure("the text", text.bytes)
    }
    post.text = string
    post.entities = text.entities
    if let poll = try poll.text(orThrow: { failure("a text of its poll", $0) }) {
      post.text += (string.isEmpty ? "" : "\n") + poll
    }
  }

  /// The error that `what` of the message, which is `bytes`, is not UTF-8.
  private func failure(_ what: String, _ bytes: [UInt8]) -> InputError {
    let remedy = TextEncoding.remedy(for: bytes, in: path)
    return InputError(
      path, .byte(byteOffset),
      "\(what) of message \(id ?? 0) is not UTF-8"
        + (remedy.isEmpty ? "; export the chat again" : remedy))
  }
}
