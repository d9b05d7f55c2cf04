import PostFormat

/// The text of a message, put together from what stands between the tags of an HTML export.
///
/// One value serves for all messages, so that its memory is taken once.
struct HTMLMarkup {
  /// A tag that says something of the text in it.
  enum Tag: String, CaseIterable {
    case a, span, strong, b, em, i, u, ins, s, del, strike, code, pre, blockquote
  }

  /// What the attributes of a tag tell, in UTF-8.
  struct Attributes {
    var href: [UInt8] = []
    var onclick: [UInt8] = []
    /// Whether one of the classes is `spoiler`.
    var isSpoiler = false
    /// Whether the `=` behind `href` stands between spaces: so the writer begins a custom emoji.
    var isSpaced = false
  }

  /// The UTF-8 of the text.
  private(set) var bytes: [UInt8] = []
  /// The marked parts, in the order in which they begin; those that hold nothing among them.
  private var marks: [Post.Entity] = []
  /// The tags that are open, outer ones first.
  private var open: [OpenTag] = []
  /// The length of the text in UTF-16 units, but for what follows `runStart`.
  private var length = 0
  /// Where the text since the last tag begins.
  private var runStart = 0

  private struct OpenTag {
    let tag: Tag
    /// The mark that it begins; `nil` if it has no meaning of its own.
    let mark: Int?
    let attributes: Attributes
    let start: Int
  }

  /// Tags that are nested deeper say nothing.
  private static let deepest = 64

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    marks.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    length = 0
    runStart = 0
  }

  /// The parts that are not plain, in the order of their offsets, outer ones first.
  var entities: [Post.Entity] { marks.filter { $0.length > 0 } }

  /// Appends text, which is UTF-8.
  mutating func append(_ text: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: text)
  }

  mutating func append(ascii text: StaticString) {
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  mutating func append(_ scalar: Unicode.Scalar) {
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// Whether the last line of the text holds something.
  var isWithinLine: Bool { bytes.last.map { $0 != 0x0A } ?? false }

  /// Begins a new line, unless the text is at the beginning of one.
  mutating func breakLine() {
    if isWithinLine { bytes.append(0x0A) }
  }

  /// Opens a tag.
  mutating func begin(_ tag: Tag, _ attributes: Attributes) {
    guard open.count < Self.deepest else { return }
    endRun()
    var mark: Int?
    if let type = type(of: tag, attributes) {
      mark = marks.count
      marks.append(Post.Entity(type: type, offset: length, length: 0))
    }
    open.append(OpenTag(tag: tag, mark: mark, attributes: attributes, start: bytes.count))
  }

  /// Closes the innermost open `tag` and those in it.
  mutating func end(_ tag: Tag) {
    guard let index = open.lastIndex(where: { $0.tag == tag }) else { return }
    close(downTo: index)
  }

  /// Closes what is open.
  mutating func finish() {
    close(downTo: 0)
    endRun()
  }

  private mutating func close(downTo index: Int) {
    endRun()
    while open.count > index, let last = open.popLast() {
      guard let mark = last.mark else { continue }
      marks[mark].length = length - marks[mark].offset
      guard last.tag == .a else { continue }
      (marks[mark].type, marks[mark].url) = Self.link(last.attributes, text: bytes[last.start...])
    }
  }

  private mutating func endRun() {
    bytes.unifyLineEnds(from: runStart)
    length += bytes.utf16Length(from: runStart)
    runStart = bytes.count
  }

  /// The type of the entity that the tag is; that of a link follows from its text.
  private func type(of tag: Tag, _ attributes: Attributes) -> String? {
    switch tag {
    case .a: "link"
    case .strong, .b: "bold"
    case .em, .i: "italic"
    case .u, .ins: "underline"
    case .s, .del, .strike: "strikethrough"
    // Within <pre> it is part of the form of rich messages.
    case .code: open.last?.tag == .pre ? nil : "code"
    case .pre: "pre"
    case .blockquote: "blockquote"
    case .span: attributes.isSpoiler ? "spoiler" : nil
    }
  }

  // MARK: - Links

  /// The functions of the page that links call, as words between `return ` and `(`.
  private enum Callback: String, CaseIterable {
    case hashtag = "ShowHashtag"
    case cashtag = "ShowCashtag"
    case botCommand = "ShowBotCommand"
    case mentionName = "ShowMentionName"
    case emojiNotLoaded = "ShowNotLoadedEmoji"
    case emojiNotAvailable = "ShowNotAvailableEmoji"

    var type: String {
      switch self {
      case .hashtag: "hashtag"
      case .cashtag: "cashtag"
      case .botCommand: "bot_command"
      case .mentionName: "mention_name"
      case .emojiNotLoaded, .emojiNotAvailable: "custom_emoji"
      }
    }
  }

  private static let callbacks = ByteWords<Callback>()

  private static func callback(_ onclick: [UInt8]) -> Callback? {
    onclick.withUnsafeBytes { call in
      guard let end = call.firstIndex(of: UInt8(ascii: "(")) else { return nil }
      let start = call[..<end].lastIndex(of: UInt8(ascii: " ")).map { $0 + 1 } ?? 0
      return callbacks.word(UnsafeRawBufferPointer(rebasing: call[start..<end]))
    }
  }

  /// What a link with this `text` is, and where it leads if the text does not say so.
  private static func link(
    _ attributes: Attributes, text: ArraySlice<UInt8>
  ) -> (type: String, url: String?) {
    if attributes.isSpaced { return ("custom_emoji", nil) }
    if !attributes.onclick.isEmpty, let callback = callback(attributes.onclick) {
      return (callback.type, nil)
    }
    // The line ends of the text were unified, too.
    var address = attributes.href
    address.unifyLineEnds(from: 0)
    if address.elementsEqual(text) { return ("link", nil) }
    if isEqual(address, "mailto:", text) { return ("email", nil) }
    if isEqual(address, "tel:", text) { return ("phone", nil) }
    if text.first == UInt8(ascii: "@"), isEqual(address, "https://t.me/", text.dropFirst()) {
      return ("mention", nil)
    }
    return ("text_link", String(decoding: attributes.href, as: UTF8.self))
  }

  /// Whether `address` is `text` behind `prefix`.
  private static func isEqual(
    _ address: [UInt8], _ prefix: StaticString, _ text: ArraySlice<UInt8>
  ) -> Bool {
    let length = prefix.utf8CodeUnitCount
    return address.count == length + text.count && address[length...].elementsEqual(text)
      && address.withUnsafeBytes { prefix ~= UnsafeRawBufferPointer(rebasing: $0[..<length]) }
  }
}
