/// Messages made of blocks, which Telegram Desktop has written since 2026. Their text is the one
/// that ``RichText`` makes of the same message in JSON.
extension HTMLTextReader {
  /// An element on lines of its own.
  enum Block { case item, marker, other }

  /// Begins the block that `element` is; `nil` if it is not one.
  mutating func beginBlock(
    _ element: HTMLElement, _ name: String, _ classes: [Substring]
  ) -> Block? {
    if name == "td" || name == "th" { builder.beginCell() }
    if classes.contains("rich_task_marker") { return .marker }
    guard Self.blocks.contains(name) else { return nil }
    builder.breakLine()
    if name == "li", let label = label(of: element), !classes.contains("rich_task_item") {
      builder.append(label)
      builder.endMarker()
    }
    numberings.append(name == "ol" ? RichListNumbering(element) : nil)
    return name == "li" ? .item : .other
  }

  mutating func end(_ block: Block) {
    switch block {
    case .marker: return builder.endMarker()
    case .item: builder.endItem()
    case .other: builder.breakLine()
    }
    numberings.removeLast()
  }

  private static let blocks: Set<String> = [
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "div", "pre", "blockquote", "aside", "ul", "ol", "li",
    "table", "caption", "tr", "details", "summary", "address", "footer", "section", "figure",
    "figcaption", "cite", "hr", "article", "tbody",
  ]

  /// The label of a list `item`; `nil` if its list is not numbered.
  private mutating func label(of item: HTMLElement) -> String? {
    guard !numberings.isEmpty else { return nil }
    return numberings[numberings.count - 1]?.label(
      text: item["data-num"], value: item["value"].flatMap { Int($0) }, type: item["data-item-type"]
    )
  }

  // MARK: - What is not text

  /// Whether an element of a message made of blocks holds something other than its text.
  func isBesideText(_ name: String, _ classes: [Substring], in outer: Surroundings) -> Bool {
    classes.contains { Self.besideText.contains($0) }
      || outer.isAuthorDate && name == "time" && !classes.contains("rich_formatted_date")
  }

  private static let besideText: Set<Substring> = [
    "media_wrap", "bot_buttons_table", "rich_button", "rich_button_row", "rich_order_marker",
    "rich_source_meta", "rich_embed_post_meta", "rich_article_description", "rich_diff_previous",
    "rich_fallback", "rich_inline_fallback",
  ]

  // MARK: - Kinds

  /// Notes the kind that `element` names if it is unknown.
  mutating func noteKind(of element: HTMLElement) {
    guard let kind = element["data-rich-kind"], !Self.knownKinds.contains(kind) else { return }
    unknownKinds.insert(Self.unsupportedKinds.contains(kind) ? "unsupported" : kind)
  }

  private static let knownKinds: Set<String> = [
    "heading", "paragraph", "footer", "thinking", "author-date", "code", "divider", "anchor",
    "list", "ordered-list", "quote", "quote-blocks", "pullquote", "photo", "video", "audio", "file",
    "cover", "embed", "embed-post", "collage", "slideshow", "channel", "math", "inline-math",
    "table", "details", "related-articles", "map", "input-map", "button-row", "inline-image",
    "diff",
  ]

  /// What Telegram Desktop writes for kinds that it does not know itself.
  private static let unsupportedKinds: Set<String> = [
    "unsupported", "unsupported-text", "unknown", "malformed",
  ]
}

extension RichListNumbering {
  fileprivate init(_ list: HTMLElement) {
    self.init(
      start: list["start"].flatMap { Int($0) }, isReversed: list["reversed"] != nil,
      type: list["type"] ?? list["data-list-type"])
  }
}
