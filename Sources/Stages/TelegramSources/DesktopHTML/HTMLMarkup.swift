import PostFormat

/// The text of a message, put together from what stands between the tags of an HTML export.
///
/// One value serves for all messages, so that its memory is taken once.
struct HTMLMarkup {
  /// A tag that says something of the text in it.
  enum Tag: String, CaseIterable {
    case a, span, strong, b, em, i, u, ins, s, del, strike, code, pre, blockquote

    /// The type of the entity that the tag is; `nil` if that depends on its attributes.
    var type: String? {
      switch self {
      case .a, .span: nil
      case .strong, .b: "bold"
      case .em, .i: "italic"
      case .u, .ins: "underline"
      case .s, .del, .strike: "strikethrough"
      case .code: "code"
      case .pre: "pre"
      case .blockquote: "blockquote"
      }
    }
  }

  /// What the attributes of a tag tell, in UTF-8.
  struct Attributes {
    var href: [UInt8] = []
    var onclick: [UInt8] = []
    /// Whether one of the classes is `spoiler`.
    var isSpoiler = false
    /// Whether the `=` behind `href` stands between spaces: so the writer begins a custom emoji.
    var isSpaced = false
    /// Whether the element is not shown, or not to those who have the page read to them.
    var isHidden = false
    var isAriaHidden = false
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

  mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  mutating func append(_ scalar: Unicode.Scalar) {
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  /// Whether a spoiler is open.
  var isInSpoiler: Bool { open.contains { $0.attributes.isSpoiler } }

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
    case .span: attributes.isSpoiler ? "spoiler" : nil
    default: tag.type
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
  static func link(
    _ attributes: Attributes, text: ArraySlice<UInt8>
  ) -> (type: String, url: String?) {
    if attributes.isSpaced || isPicture(attributes.href) { return ("custom_emoji", nil) }
    if !attributes.onclick.isEmpty, let callback = callback(attributes.onclick) {
      return (callback.type, nil)
    }
    return link(to: attributes.href, text: text)
  }

  /// What a link to `target` with this `text` is, and where it leads if the text does not say so.
  static func link(
    to target: [UInt8], text: ArraySlice<UInt8>
  ) -> (type: String, url: String?) {
    // The line ends of the text were unified, too.
    var address = target
    address.unifyLineEnds(from: 0)
    if address.elementsEqual(text) { return ("link", nil) }
    if isEqual(address, "mailto:", text) { return ("email", nil) }
    if isEqual(address, "tel:", text) { return ("phone", nil) }
    if text.first == UInt8(ascii: "@"), isEqual(address, "https://t.me/", text.dropFirst()) {
      return ("mention", nil)
    }
    return ("text_link", String(decoding: target, as: UTF8.self))
  }

  /// Whether `address` is the picture of a custom emoji, a file of the export; links of posts have a
  /// scheme.
  private static func isPicture(_ address: [UInt8]) -> Bool {
    guard !address.contains(UInt8(ascii: ":")), let dot = address.lastIndex(of: UInt8(ascii: "."))
    else { return false }
    return [".webp", ".webm", ".tgs"].contains { address[dot...].elementsEqual($0.utf8) }
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
