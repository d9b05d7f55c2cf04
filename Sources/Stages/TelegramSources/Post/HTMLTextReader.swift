/// Reads the text of a message with its entities from the tree of its HTML.
struct HTMLTextReader {
  /// Where the HTML comes from, which says what its line breaks and links mean.
  enum Form {
    /// The text of a message of an export.
    case export
    /// A text of an export that is a single line, such as the question of a poll.
    case exportLine
    /// A message of an export that is made of blocks: paragraphs, lists, tables.
    case exportBlocks
    /// A text of the web preview.
    case preview
  }

  /// What the elements around a text say about it.
  struct Surroundings {
    var isSpoiler = false
    var isPreformatted = false
    var isCustomEmoji = false
    var isAuthorDate = false
  }

  let form: Form
  var builder = PostTextBuilder()
  /// The unknown kinds of blocks and spans.
  var unknownKinds: Set<String> = []
  /// For each open block, how its items are numbered if it is an ordered list.
  var numberings: [RichListNumbering?] = []
  private let hasEscapes: Bool

  /// Reads what is in `element`; `skip` says which elements directly in it are not text.
  init(_ element: HTMLElement, as form: Form, skip: (HTMLElement) -> Bool = { _ in false }) {
    self.form = form
    hasEscapes = element.document.hasEscapes
    let nodes = element.children.filter { node in
      if case .element(let element) = node { !skip(element) } else { true }
    }
    append(nodes, in: Surroundings())
    builder.finish()
  }

  var text: String { builder.text }

  // MARK: - Nodes

  private mutating func append(_ nodes: some Sequence<HTMLNode>, in surroundings: Surroundings) {
    for node in nodes {
      switch node {
      case .text(let text): append(text, in: surroundings)
      case .element(let element): append(element, in: surroundings)
      }
    }
  }

  private mutating func append(_ element: HTMLElement, in outer: Surroundings) {
    let (name, classes) = (element.name, element.classes)
    if form == .exportBlocks { noteKind(of: element) }
    if isHidden(element, name, classes, in: outer) { return }
    if name == "br" { return builder.append("\n") }
    // The emoji itself is in a <b> that is not bold.
    if name == "i", classes.contains("emoji") { return append(element.text, in: outer) }

    let block = form == .exportBlocks ? beginBlock(element, name, classes) : nil
    let type = entityType(element, name, classes, in: outer)
    var inner = outer
    inner.isSpoiler = outer.isSpoiler || type == "spoiler"
    inner.isPreformatted = outer.isPreformatted || name == "pre"
    inner.isCustomEmoji = type == "custom_emoji"
    inner.isAuthorDate = classes.contains("rich_author_date")
    if type != nil { builder.beginEntity() }
    append(element.children, in: inner)
    if let type {
      let form = form
      builder.endEntity { text in
        type != Self.link
          ? EntityMeaning(type: type)
          : form == .preview
            ? EntityMeaning(previewLink: element, text: text)
            : EntityMeaning(exportLink: element, text: text)
      }
    }
    if let block { end(block) }
  }

  // MARK: - Text

  private mutating func append(_ text: String, in surroundings: Surroundings) {
    var text = text
    // It is followed by the date, which is not part of the text.
    if surroundings.isAuthorDate, text.hasSuffix(" • ") { text.removeLast(3) }
    let keepsLines = form == .export || form == .preview && surroundings.isPreformatted
    guard !keepsLines, text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
      return appendUnescaped(text)
    }
    // Lines are separated by <br>. A line break of the page is not part of the text, nor is the
    // indent of a tag; in an export, white space before text is.
    var lines = text.utf8.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }[...]
    appendUnescaped(String(lines.removeFirst()) ?? "")
    for line in lines {
      let content = line.drop { $0 == 0x20 || $0 == 0x09 }
      if !content.isEmpty { appendUnescaped(String(form == .preview ? content : line) ?? "") }
    }
  }

  private mutating func appendUnescaped(_ text: String) {
    builder.append(hasEscapes ? HTMLSource.unescaped(text) : text)
  }

  // MARK: - Meanings

  /// Elements that are not text: what is pressed, chosen or run, and what is not shown.
  static let controls: Set<String> = [
    "button", "script", "style", "select", "option", "input", "textarea", "datalist", "nav",
    "noscript", "template", "svg", "canvas", "iframe", "object", "audio", "video", "progress",
    "meter",
  ]

  private func isHidden(
    _ element: HTMLElement, _ name: String, _ classes: [Substring], in outer: Surroundings
  ) -> Bool {
    if form == .exportBlocks, isBesideText(name, classes, in: outer) { return true }
    return element.isHidden(isInSpoiler: outer.isSpoiler)
  }

  /// The type of entities that are links, until it is known what kind of link they are.
  private static let link = "link"

  /// The type of the entity that `element` is; `nil` if it is not one.
  private func entityType(
    _ element: HTMLElement, _ name: String, _ classes: [Substring], in outer: Surroundings
  ) -> String? {
    for word in classes { if let type = Self.classTypes[word] { return type } }
    switch name {
    // Within <pre> it is not an entity of its own.
    case "code" where outer.isPreformatted: return nil
    // The link of a custom emoji leads to its picture.
    case "a" where outer.isCustomEmoji: return nil
    case "a" where form == .preview && (element["href"] ?? "").isEmpty: return nil
    case "a": return Self.link
    default: return Self.tagTypes[name]
    }
  }

  private static let tagTypes = [
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline",
    "ins": "underline", "s": "strikethrough", "del": "strikethrough", "strike": "strikethrough",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "sub": "subscript",
    "sup": "superscript", "mark": "marked", "tg-spoiler": "spoiler", "tg-emoji": "custom_emoji",
  ]

  private static let classTypes: [Substring: String] = [
    "spoiler": "spoiler", "tg-spoiler": "spoiler", "rich_pullquote": "blockquote",
    "rich_custom_emoji": "custom_emoji", "rich_math_inline": "math",
    "rich_bank_card": "bank_card", "rich_formatted_date": "formatted_date",
  ]
}

extension HTMLElement {
  /// Whether the element is not text, or not shown.
  ///
  /// The text of a spoiler is hidden from screen readers only.
  func isHidden(isInSpoiler: Bool = false) -> Bool {
    if HTMLTextReader.controls.contains(name) || self["hidden"] != nil { return true }
    if !isInSpoiler, self["aria-hidden"] == "true" { return true }
    guard let style = self["style"] else { return false }
    return style.contains("display:none") || style.contains("display: none")
  }
}
