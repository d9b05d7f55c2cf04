import FileSupport
import PostFormat

/// The messages of an HTML export, one after another, and the posts that they become.
struct HTMLMessage: ExportMessage {
  private let options: SourceOptions
  private var reader = MessageReader(nil)
  /// The name of the source of the last forward, which is not repeated for consecutive messages.
  private var lastForwardedFrom = ""

  /// Whether the date has no zone, and the options do not give one.
  private(set) var isZoneless = false
  /// The unknown kinds among the parts of a message made of blocks.
  var unknownKinds: Set<String> { reader.blocks?.unknownKinds ?? [] }
  /// Whether the page holds only the first part of the message.
  var isPartial: Bool { reader.isPartial }
  var kind: MessageReader.Kind { reader.kind }
  var id: Int? { reader.id }

  /// Whether the message is a row with a date, or the note that there are no messages: these have
  /// ids from -1 down, while those of the group that a channel used to be are near -1,000,000,000.
  var isNoMessage: Bool {
    guard kind == .service, let id else { return false }
    return id < 0 && id > -500_000_000
  }

  init(options: SourceOptions) {
    self.options = options
  }

  /// Reads the message whose HTML is `bytes`, at `offset` of the page `path`.
  ///
  /// - Throws: `InputError` if it is not UTF-8, or nested too deep.
  mutating func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, of path: String) throws {
    try HTMLPage.checkUTF8(bytes, at: offset, of: path)
    guard let document = HTMLDocument(HTMLSource(bytes)) else {
      throw InputError(
        path, .byte(offset),
        "the message that begins here has elements nested more than \(HTMLDocument.deepest) deep: the "
          + "page is damaged; export the chat again")
    }
    reader = MessageReader(document.root)
  }

  /// Forgets what consecutive messages inherit from earlier ones, because some of those are
  /// missing.
  mutating func forgetContext() {
    lastForwardedFrom = ""
  }

  /// The post that the message becomes; `nil` if it has no id or no date.
  mutating func makePost() -> Post? {
    guard let id, let date = date() else { return nil }
    isZoneless = !date.hasZone && options.zone == nil
    var text = PostTextBuilder()
    if let blocks = reader.blocks, reader.plainText == nil || !blocks.builder.bytes.isEmpty {
      text = blocks.builder
    } else if let plainText = reader.plainText {
      text = plainText
    }
    if options.includesPolls, reader.media == "poll" || reader.media == "todo_list" {
      text.appendLine(pollText(question: reader.question, options: reader.answers))
    }
    var post = Post(id: id, date: date.seconds, text: text.text)
    post.entities = text.entities
    post.reactions = reader.reactions
    if reader.isForwarded { post.forwardedFrom = forwardedFrom() }
    post.replyTo = reader.replyTo
    post.media = reader.media
    return post
  }

  private mutating func forwardedFrom() -> String {
    // What Telegram Desktop writes for accounts that no longer have a name.
    if let name = reader.forwardedFrom { lastForwardedFrom = name == "Deleted Account" ? "" : name }
    return lastForwardedFrom
  }

  /// The date of `22.01.2026 18:09:05 UTC+01:00`, where the zone may be missing.
  private func date() -> (seconds: Int, hasZone: Bool)? {
    let text = Array((reader.date ?? "").utf8)
    let length = 19
    guard text.count >= length, text[2] == UInt8(ascii: "."), text[5] == UInt8(ascii: ".") else {
      return nil
    }
    let hyphen = [UInt8(ascii: "-")]
    var ordered = Array(text[6..<10]) + hyphen + text[3..<5] + hyphen + text[0..<2]
    ordered += text[10..<length]
    let zone = text[length...]
    let prefix = " UTC"
    if zone.starts(with: prefix.utf8) {
      ordered +=
        zone.count == prefix.utf8.count ? [UInt8(ascii: "Z")] : zone.dropFirst(prefix.utf8.count)
    } else {
      ordered += zone
    }
    let found = ordered.withUnsafeBytes { DateText.seconds($0, in: options.zone) }
    return found.flatMap { DateText.range.contains($0.seconds) ? $0 : nil }
  }
}
