import FileSupport
import JSONSupport

/// The kinds of blocks and spans of rich messages, by the names that a source gives them.
///
/// Kinds of the same meaning give the same text, whichever source they come from.
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
    /// Whether it stands within a line, and has no text.
    var isInline = false
  }

  struct Span {
    /// The type of the entity that the span is.
    var mark: String?
    /// Where the text stands; `nil` for what has none.
    var textKey: String? = "text"
    /// Where the address of a link stands, and what is put before it.
    var addressKey: String?
    var scheme = ""
  }

  private let nameKey: String
  private let blockPrefix: String?
  let blocks: [String: Block]
  let spans: [String: Span]

  /// The keys whose strings are text in something that is not known.
  static let textKeys: Set<String> = [
    "text", "title", "header", "caption", "formula", "expression",
  ]

  func name(of value: JSONValue) -> String { value[nameKey]?.string ?? "" }

  /// Whether `name`, which is not known, is one of a block.
  func looksLikeBlock(_ name: String) -> Bool {
    guard let blockPrefix else { return false }
    return name.hasPrefix(blockPrefix) && name != blockPrefix + "Caption"
  }

  /// The marker of a list item, unless it follows from its place in the list.
  func marker(of item: JSONValue) -> String? {
    switch item["task_state"]?.string {
    case "checked": return checkboxMarker(isChecked: true)
    case "unchecked": return checkboxMarker(isChecked: false)
    default: break
    }
    if item["has_checkbox"]?.boolean == true {
      return checkboxMarker(isChecked: item["is_checked"]?.boolean ?? false)
    }
    // TDLib's label of an item of an unordered list.
    return item["label"]?.string.flatMap { $0.isEmpty || $0 == "•" ? nil : $0 }
  }

  // MARK: - Telegram Desktop

  /// The names of Telegram Desktop 7, in `rich_message` of its JSON.
  static let desktop = RichTextKinds(
    nameKey: "type", blockPrefix: nil,
    blocks: [
      "heading": Block(parts: [.line("text")]),
      "paragraph": Block(parts: [.line("text")]),
      "footer": Block(parts: [.line("text")]),
      "thinking": Block(parts: [.line("text")]),
      "author_date": Block(parts: [.line("author")]),
      "code": Block(parts: [.line("text")], mark: "pre"),
      "divider": Block(parts: []),
      "anchor": Block(parts: [], isInline: true),
      "list": Block(parts: [.list]),
      "quote": Block(
        parts: [.line("text"), .blocks("blocks"), .line("caption")], mark: "blockquote"),
      "photo": Block(parts: [.caption("caption")]),
      "video": Block(parts: [.caption("caption")]),
      "audio": Block(parts: [.caption("caption")]),
      "file": Block(parts: [.caption("caption")]),
      "cover": Block(parts: [.block("block")]),
      "embed": Block(parts: [.caption("caption")]),
      "embed_post": Block(parts: [.blocks("blocks"), .caption("caption")]),
      "collage": Block(parts: [.blocks("items"), .caption("caption")]),
      "slideshow": Block(parts: [.blocks("items"), .caption("caption")]),
      "channel": Block(parts: []),
      "math": Block(parts: [.line("formula")]),
      "table": Block(parts: [.line("title"), .rows("rows")]),
      "details": Block(parts: [.line("title"), .blocks("blocks")]),
      "related_articles": Block(parts: [.line("title")]),
      "map": Block(parts: [.caption("caption")]),
      "input_map": Block(parts: [.caption("caption")]),
      "button_row": Block(parts: []),
    ],
    spans: [
      "empty": Span(), "plain": Span(), "concat": Span(), "anchor": Span(), "diff": Span(),
      "text_link": Span(mark: "text_link", addressKey: "href"),
      "email": Span(mark: "email", addressKey: "email", scheme: "mailto:"),
      "phone": Span(mark: "phone", addressKey: "phone", scheme: "tel:"),
      "math": Span(mark: "math", textKey: "source"),
      "inline_image": Span(textKey: nil), "button": Span(textKey: nil),
    ].merging(
      [
        "bold", "italic", "underline", "strikethrough", "code", "subscript", "superscript",
        "marked", "custom_emoji", "spoiler", "mention", "hashtag", "bot_command", "cashtag",
        "link", "bank_card", "mention_name", "formatted_date",
      ].map { ($0, Span(mark: $0)) }, uniquingKeysWith: { first, _ in first }))

  // MARK: - TDLib

  /// The names of TDLib, those of former versions among them.
  static let tdlib = RichTextKinds(
    nameKey: "@type", blockPrefix: "pageBlock",
    blocks: [
      "pageBlockTitle": Block(parts: [.line("title")]),
      "pageBlockSubtitle": Block(parts: [.line("subtitle")]),
      "pageBlockAuthorDate": Block(parts: [.line("author")]),
      "pageBlockHeader": Block(parts: [.line("header")]),
      "pageBlockSubheader": Block(parts: [.line("subheader")]),
      "pageBlockSectionHeading": Block(parts: [.line("text")]),
      "pageBlockKicker": Block(parts: [.line("kicker")]),
      "pageBlockParagraph": Block(parts: [.line("text")]),
      "pageBlockPreformatted": Block(parts: [.line("text")], mark: "pre"),
      "pageBlockFooter": Block(parts: [.line("footer"), .line("text")]),
      "pageBlockThinking": Block(parts: [.line("text")]),
      "pageBlockDivider": Block(parts: []),
      "pageBlockMathematicalExpression": Block(parts: [.line("expression")]),
      "pageBlockAnchor": Block(parts: [], isInline: true),
      "pageBlockList": Block(parts: [.list]),
      "pageBlockBlockQuote": Block(parts: quote, mark: "blockquote"),
      "pageBlockExpandableBlockQuote": Block(parts: quote, mark: "blockquote"),
      "pageBlockPullQuote": Block(parts: quote, mark: "blockquote"),
      "pageBlockAnimation": Block(parts: [.caption("caption")]),
      "pageBlockAudio": Block(parts: [.caption("caption")]),
      "pageBlockDocument": Block(parts: [.caption("caption")]),
      "pageBlockPhoto": Block(parts: [.caption("caption")]),
      "pageBlockVideo": Block(parts: [.caption("caption")]),
      "pageBlockVoiceNote": Block(parts: [.caption("caption")]),
      "pageBlockCover": Block(parts: [.block("cover")]),
      "pageBlockEmbedded": Block(parts: [.caption("caption")]),
      "pageBlockEmbeddedPost": Block(parts: inner + [.caption("caption")]),
      "pageBlockCollage": Block(parts: inner + [.caption("caption")]),
      "pageBlockSlideshow": Block(parts: inner + [.caption("caption")]),
      "pageBlockChatLink": Block(parts: []),
      "pageBlockTable": Block(parts: [.line("caption"), .rows("cells")]),
      "pageBlockDetails": Block(parts: [.line("header")] + inner),
      "pageBlockRelatedArticles": Block(parts: [.line("header")]),
      "pageBlockMap": Block(parts: [.caption("caption")]),
      "pageBlockButtonRow": Block(parts: []),
    ],
    spans: [
      "richTextPlain": Span(), "richTexts": Span(textKey: "texts"), "richTextReference": Span(),
      "richTextReferenceLink": Span(), "richTextAnchorLink": Span(), "richTextDiff": Span(),
      "richTextAnchor": Span(textKey: nil), "richTextIcon": Span(textKey: nil),
      "richTextButton": Span(textKey: nil),
      "richTextBold": Span(mark: "bold"), "richTextItalic": Span(mark: "italic"),
      "richTextUnderline": Span(mark: "underline"),
      "richTextStrikethrough": Span(mark: "strikethrough"),
      "richTextSpoiler": Span(mark: "spoiler"), "richTextFixed": Span(mark: "code"),
      "richTextSubscript": Span(mark: "subscript"),
      "richTextSuperscript": Span(mark: "superscript"), "richTextMarked": Span(mark: "marked"),
      "richTextUrl": Span(mark: "text_link", addressKey: "url"),
      "richTextEmailAddress": Span(
        mark: "email", addressKey: "email_address", scheme: "mailto:"),
      "richTextPhoneNumber": Span(mark: "phone", addressKey: "phone_number", scheme: "tel:"),
      "richTextMention": Span(mark: "mention"), "richTextMentionName": Span(mark: "mention_name"),
      "richTextHashtag": Span(mark: "hashtag"), "richTextCashtag": Span(mark: "cashtag"),
      "richTextBotCommand": Span(mark: "bot_command"),
      "richTextBankCardNumber": Span(mark: "bank_card"),
      "richTextDateTime": Span(mark: "formatted_date"),
      "richTextTonAddress": Span(mark: "ton_address"),
      "richTextCustomEmoji": Span(mark: "custom_emoji", textKey: "alternative_text"),
      "richTextMathematicalExpression": Span(mark: "math", textKey: "expression"),
    ])

  private static let inner: [Part] = [.blocks("blocks"), .blocks("page_blocks")]
  private static let quote: [Part] = [.line("text")] + inner + [.line("credit")]
}
