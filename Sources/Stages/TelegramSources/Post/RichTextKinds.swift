import JSONSupport

/// The kinds of blocks and spans of rich messages, by the names that a source gives them.
///
/// Kinds that mean the same give the same text, whichever source they come from.
struct RichTextKinds: Sendable {
  /// A part of a block that holds text, in the order of the text.
  enum Part {
    /// A span on a line of its own.
    case line(String)
    /// An object with a `text` and a `credit`, each on a line of its own.
    case caption(String)
    case block(String)
    case blocks(String)
    /// The items of the list that the block is.
    case list
    case rows(String)
  }

  struct Block {
    var parts: [Part]
    /// The type of the entity that the block is.
    var mark: String?
    /// Whether it is within a line, and has no text.
    var isInline = false
  }

  struct Span {
    /// The type of the entity that the span is.
    var mark: String?
    /// The key of the text; `nil` if there is none.
    var textKey: String? = "text"
    /// The key of the address of a link, and what is put before the address.
    var addressKey: String?
    var scheme = ""
  }

  private let nameKey: String
  private let blockPrefix: String?
  let blocks: [String: Block]
  let spans: [String: Span]

  /// The keys whose strings are text in an unknown block or span.
  static let textKeys: Set<String> = [
    "text", "title", "header", "caption", "formula", "expression",
  ]

  func name(of value: JSONValue) -> String { value[nameKey]?.string ?? "" }

  /// Whether the unknown kind `name` is a kind of block.
  func looksLikeBlock(_ name: String) -> Bool {
    guard let blockPrefix else { return false }
    return name.hasPrefix(blockPrefix) && name != blockPrefix + "Caption"
  }

  /// The marker of a list item, unless it follows from the item's place in the list.
  func marker(of item: JSONValue) -> String? {
    switch item["task_state"]?.string {
    case "checked": return checkboxMarker(isChecked: true)
    case "unchecked": return checkboxMarker(isChecked: false)
    default: break
    }
    if item["has_checkbox"]?.boolean == true {
      return checkboxMarker(isChecked: item["is_checked"]?.boolean ?? false)
    }
    // TDLib gives each item a label, a bullet in unordered lists.
    return item["label"]?.string.flatMap { $0.isEmpty || $0 == "•" ? nil : $0 }
  }

  // MARK: - Telegram Desktop

  /// The names of Telegram Desktop 7, in `rich_message` of its JSON.
  static let desktop = RichTextKinds(
    nameKey: "type", blockPrefix: nil,
    blocks: table([
      "heading paragraph footer thinking": Block(parts: [.line("text")]),
      "author_date": Block(parts: [.line("author")]),
      "code": Block(parts: [.line("text")], mark: "pre"),
      "anchor": Block(parts: [], isInline: true),
      "list": Block(parts: [.list]),
      "quote": Block(
        parts: [.line("text"), .blocks("blocks"), .line("caption")], mark: "blockquote"),
      "photo video audio file embed map input_map": Block(parts: [.caption("caption")]),
      "cover": Block(parts: [.block("block")]),
      "embed_post": Block(parts: [.blocks("blocks"), .caption("caption")]),
      "collage slideshow": Block(parts: [.blocks("items"), .caption("caption")]),
      "math": Block(parts: [.line("formula")]),
      "table": Block(parts: [.line("title"), .rows("rows")]),
      "details": Block(parts: [.line("title"), .blocks("blocks")]),
      "related_articles": Block(parts: [.line("title")]),
      "divider channel button_row": Block(parts: []),
    ]),
    spans: table([
      "empty plain concat anchor diff": Span(),
      "text_link": Span(mark: "text_link", addressKey: "href"),
      "email": Span(mark: "email", addressKey: "email", scheme: "mailto:"),
      "phone": Span(mark: "phone", addressKey: "phone", scheme: "tel:"),
      "math": Span(mark: "math", textKey: "source"),
      "inline_image button": Span(textKey: nil),
    ]).merging(
      [
        "bold", "italic", "underline", "strikethrough", "code", "subscript", "superscript",
        "marked", "custom_emoji", "spoiler", "mention", "hashtag", "bot_command", "cashtag",
        "link", "bank_card", "mention_name", "formatted_date",
      ].map { ($0, Span(mark: $0)) }, uniquingKeysWith: { first, _ in first }))

  /// Each of the names in the keys of `entries`, which are separated by spaces, after `prefix`.
  private static func table<Kind>(
    prefix: String = "", _ entries: KeyValuePairs<String, Kind>
  ) -> [String: Kind] {
    let named = entries.flatMap { names, kind in
      names.split(separator: " ").map { (prefix + $0, kind) }
    }
    return Dictionary(named) { first, _ in first }
  }

  // MARK: - TDLib

  /// The names of TDLib, including those of earlier versions.
  static let tdlib = RichTextKinds(
    nameKey: "@type", blockPrefix: "pageBlock",
    blocks: table(
      prefix: "pageBlock",
      [
        "Title": Block(parts: [.line("title")]),
        "Subtitle": Block(parts: [.line("subtitle")]),
        "AuthorDate": Block(parts: [.line("author")]),
        "Header RelatedArticles": Block(parts: [.line("header")]),
        "Subheader": Block(parts: [.line("subheader")]),
        "Kicker": Block(parts: [.line("kicker")]),
        "SectionHeading Paragraph Thinking": Block(parts: [.line("text")]),
        "Preformatted": Block(parts: [.line("text")], mark: "pre"),
        "Footer": Block(parts: [.line("footer"), .line("text")]),
        "MathematicalExpression": Block(parts: [.line("expression")]),
        "Anchor": Block(parts: [], isInline: true),
        "List": Block(parts: [.list]),
        "BlockQuote ExpandableBlockQuote PullQuote": Block(
          parts: [.line("text")] + inner + [.line("credit")], mark: "blockquote"),
        "Animation Audio Document Photo Video VoiceNote Embedded Map": Block(
          parts: [.caption("caption")]),
        "Cover": Block(parts: [.block("cover")]),
        "EmbeddedPost Collage Slideshow": Block(parts: inner + [.caption("caption")]),
        "Table": Block(parts: [.line("caption"), .rows("cells")]),
        "Details": Block(parts: [.line("header")] + inner),
        "Divider ChatLink ButtonRow": Block(parts: []),
      ]),
    spans: table(
      prefix: "richText",
      [
        "Plain Reference ReferenceLink AnchorLink Diff": Span(),
        "s": Span(textKey: "texts"),
        "Anchor Icon Button": Span(textKey: nil),
        "Bold": Span(mark: "bold"), "Italic": Span(mark: "italic"),
        "Underline": Span(mark: "underline"), "Strikethrough": Span(mark: "strikethrough"),
        "Spoiler": Span(mark: "spoiler"), "Fixed": Span(mark: "code"),
        "Subscript": Span(mark: "subscript"), "Superscript": Span(mark: "superscript"),
        "Marked": Span(mark: "marked"), "Url": Span(mark: "text_link", addressKey: "url"),
        "EmailAddress": Span(mark: "email", addressKey: "email_address", scheme: "mailto:"),
        "PhoneNumber": Span(mark: "phone", addressKey: "phone_number", scheme: "tel:"),
        "Mention": Span(mark: "mention"), "MentionName": Span(mark: "mention_name"),
        "Hashtag": Span(mark: "hashtag"), "Cashtag": Span(mark: "cashtag"),
        "BotCommand": Span(mark: "bot_command"), "BankCardNumber": Span(mark: "bank_card"),
        "DateTime": Span(mark: "formatted_date"), "TonAddress": Span(mark: "ton_address"),
        "CustomEmoji": Span(mark: "custom_emoji", textKey: "alternative_text"),
        "MathematicalExpression": Span(mark: "math", textKey: "expression"),
      ]))

  private static let inner: [Part] = [.blocks("blocks"), .blocks("page_blocks")]
}
