import PostFormat

/// The text of a message that is made of blocks, as versions of 2026 write it: paragraphs, lists,
/// tables, quotes.
///
/// It is the text that ``RichText`` makes of the same message in JSON.
struct HTMLRichText {
  private(set) var builder = RichTextBuilder()
  /// The kinds of blocks and spans that are not known.
  private(set) var unknownKinds: Set<String> = []
  /// Whether the page holds only the first part of the message.
  private(set) var isPartial = false

  /// The elements that stand on lines of their own.
  private enum Block: String, CaseIterable {
    case p, h1, h2, h3, h4, h5, h6, div, pre, blockquote, aside, ul, ol, li, table, caption, tr
    case details, summary, address, footer, section, figure, figcaption, cite, hr, article, tbody
  }

  /// The elements that say something of the text in them, beside those of ``HTMLMarkup``.
  private enum Span: String, CaseIterable { case sub, sup, mark }

  private enum Class: String, CaseIterable {
    case spoiler
    case pullquote = "rich_pullquote"
    case taskMarker = "rich_task_marker"
    case taskItem = "rich_task_item"
    case customEmoji = "rich_custom_emoji"
    case inlineMath = "rich_math_inline"
    case bankCard = "rich_bank_card"
    case formattedDate = "rich_formatted_date"
    case authorDate = "rich_author_date"
    // What the page says beside the text of the message.
    case mediaWrap = "media_wrap"
    case buttons = "bot_buttons_table"
    case button = "rich_button"
    case buttonRow = "rich_button_row"
    case orderMarker = "rich_order_marker"
    case sourceMeta = "rich_source_meta"
    case embeddedPostMeta = "rich_embed_post_meta"
    case articleDescription = "rich_article_description"
    case formerText = "rich_diff_previous"
    case fallback = "rich_fallback"
    case inlineFallback = "rich_inline_fallback"

    var isSkipped: Bool {
      switch self {
      case .mediaWrap, .buttons, .button, .buttonRow, .orderMarker, .sourceMeta,
        .embeddedPostMeta, .articleDescription, .formerText, .fallback, .inlineFallback:
        true
      default: false
      }
    }
  }

  private static let blocks = ByteWords<Block>()
  private static let spans = ByteWords<Span>()
  private static let tags = ByteWords<HTMLMarkup.Tag>()
  private static let classes = ByteWords<Class>()

  /// The kinds that blocks and spans name, but for those that the page itself does not know.
  private static let knownKinds: Set<String> = [
    "heading", "paragraph", "footer", "thinking", "author-date", "code", "divider", "anchor",
    "list", "ordered-list", "quote", "quote-blocks", "pullquote", "photo", "video", "audio", "file",
    "cover", "embed", "embed-post", "collage", "slideshow", "channel", "math", "inline-math",
    "table", "details", "related-articles", "map", "input-map", "button-row", "inline-image",
    "diff",
  ]
  /// The kinds by which Telegram Desktop tells what it does not know.
  private static let unsupportedKinds: Set<String> = [
    "unsupported", "unsupported-text", "unknown", "malformed",
  ]

  private struct Element {
    var isBlock = false
    var isItem = false
    var isMarker = false
    var mark: Mark?
    var isSpoiler = false
    var isCustomEmoji = false
    var isAuthorDate = false
    var isPreformatted = false
    /// How the items of an ordered list are numbered.
    var numbering: RichListNumbering?
  }

  private enum Mark {
    case type(String)
    case link(HTMLMarkup.Attributes)
  }

  /// The open elements, outer ones first.
  private var open: [Element] = []
  /// How many elements are open within one that is no text.
  private var skippedDepth = 0

  /// Whether no element is open.
  var isClosed: Bool { open.isEmpty && skippedDepth == 0 }

  mutating func removeAll() {
    builder.removeAll()
    unknownKinds = []
    isPartial = false
    open.removeAll(keepingCapacity: true)
    skippedDepth = 0
  }

  // MARK: - Events

  /// Takes note of the element that is the message.
  mutating func beginMessage(_ tag: HTMLTag) {
    isPartial = tag.value(of: "data-rich-part").map { "true" ~= $0 } ?? false
  }

  mutating func begin(_ tag: HTMLTag) {
    if skippedDepth > 0 {
      skippedDepth += 1
      return
    }
    var classes: Set<Class> = []
    tag.forEachClass { if let word = Self.classes.word($0) { classes.insert(word) } }
    noteKind(of: tag)
    if isNoText(tag, classes) {
      skippedDepth = 1
      return
    }
    if "br" ~= tag.name { builder.append("\n") }
    if "td" ~= tag.name || "th" ~= tag.name { builder.beginCell() }
    var element = Element()
    element.isBlock = Self.blocks.word(tag.name) != nil
    element.isItem = "li" ~= tag.name
    element.isMarker = classes.contains(.taskMarker)
    element.isSpoiler = classes.contains(.spoiler)
    element.isCustomEmoji = classes.contains(.customEmoji)
    element.isAuthorDate = classes.contains(.authorDate)
    element.isPreformatted = "pre" ~= tag.name
    element.mark = mark(of: tag, classes)
    if element.isBlock { builder.breakLine() }
    if element.mark != nil { builder.beginMark() }
    if "ol" ~= tag.name { element.numbering = Self.numbering(tag) }
    if element.isItem { beginItem(tag, isTask: classes.contains(.taskItem)) }
    open.append(element)
  }

  mutating func end() {
    if skippedDepth > 0 {
      skippedDepth -= 1
      return
    }
    guard let last = open.popLast() else { return }
    switch last.mark {
    case .type(let type): builder.endMark { _ in (type, nil) }
    case .link(let attributes): builder.endMark { Self.link(attributes, text: $0) }
    case nil: break
    }
    if last.isItem { builder.endItem() } else if last.isBlock { builder.breakLine() }
    if last.isMarker { builder.endMarker() }
  }

  mutating func text(_ bytes: UnsafeRawBufferPointer) {
    guard skippedDepth == 0 else { return }
    // Behind it stands the date, which is not part of the text.
    let separator = " • "
    if open.last?.isAuthorDate == true, bytes.reversed().starts(with: separator.utf8.reversed()) {
      builder.append(
        UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - separator.utf8.count)]))
    } else {
      builder.append(bytes)
    }
  }

  mutating func finish() {
    builder.finish()
  }

  // MARK: - Elements

  private mutating func noteKind(of tag: HTMLTag) {
    guard let value = tag.value(of: "data-rich-kind") else { return }
    let kind = String(decoding: value, as: UTF8.self)
    if Self.unsupportedKinds.contains(kind) {
      unknownKinds.insert("unsupported")
    } else if !Self.knownKinds.contains(kind) {
      unknownKinds.insert(kind)
    }
  }

  private func isNoText(_ tag: HTMLTag, _ classes: Set<Class>) -> Bool {
    if classes.contains(where: \.isSkipped) { return true }
    if open.last?.isAuthorDate == true, "time" ~= tag.name, !classes.contains(.formattedDate) {
      return true
    }
    return tag.isControl(isInSpoiler: open.last?.isSpoiler ?? false)
  }

  private func mark(of tag: HTMLTag, _ classes: Set<Class>) -> Mark? {
    if classes.contains(.pullquote) { return .type("blockquote") }
    if classes.contains(.customEmoji) { return .type("custom_emoji") }
    if classes.contains(.inlineMath) { return .type("math") }
    if classes.contains(.bankCard) { return .type("bank_card") }
    if classes.contains(.formattedDate) { return .type("formatted_date") }
    if let span = Self.spans.word(tag.name) {
      switch span {
      case .sub: return .type("subscript")
      case .sup: return .type("superscript")
      case .mark: return .type("marked")
      }
    }
    guard let name = Self.tags.word(tag.name) else { return nil }
    switch name {
    // The link of a custom emoji leads to its picture.
    case .a: return open.last?.isCustomEmoji == true ? nil : .link(HTMLMarkup.Attributes(tag))
    // Within <pre> it is part of its form.
    case .code: return open.last?.isPreformatted == true ? nil : .type("code")
    case .span: return classes.contains(.spoiler) ? .type("spoiler") : nil
    default: return name.type.map { .type($0) }
    }
  }

  private static func link(
    _ attributes: HTMLMarkup.Attributes, text: ArraySlice<UInt8>
  ) -> (type: String, url: String?)? {
    let link = HTMLMarkup.link(attributes, text: text)
    // A link within the message leads nowhere outside of it.
    return link.url?.hasPrefix("#") == true ? nil : link
  }

  // MARK: - Lists

  private static func numbering(_ list: HTMLTag) -> RichListNumbering {
    RichListNumbering(
      start: list.string(of: "start").flatMap { Int($0) },
      isReversed: list.value(of: "reversed") != nil,
      type: list.string(of: "type") ?? list.string(of: "data-list-type"))
  }

  private mutating func beginItem(_ item: HTMLTag, isTask: Bool) {
    guard let list = open.lastIndex(where: { $0.isBlock }),
      let label = open[list].numbering?.label(
        text: item.string(of: "data-num"), value: item.string(of: "value").flatMap { Int($0) },
        type: item.string(of: "data-item-type")), !isTask
    else { return }
    builder.append(label)
    builder.endMarker()
  }
}

extension HTMLTag {
  fileprivate func string(of attribute: StaticString) -> String? {
    value(of: attribute).map { String(decoding: $0, as: UTF8.self) }
  }
}

extension HTMLMarkup.Attributes {
  /// What the attributes of `tag` tell.
  fileprivate init(_ tag: HTMLTag) {
    self.init()
    href = tag.value(of: "href").map(Array.init) ?? []
    onclick = tag.value(of: "onclick").map(Array.init) ?? []
  }
}
