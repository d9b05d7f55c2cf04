/// A part of a line of a rich message, in the three shapes in which sources tell it.
indirect enum RichSpan {
  case empty
  case plain(String)
  case concat([RichSpan])
  /// A span of a type that needs nothing but its text.
  case mark(String, RichSpan)
  case link(String, RichSpan)
  case email(String, RichSpan)
  case emoji(String)
  case math(String)
  case anchor(RichSpan)
  case diff(RichSpan, old: RichSpan)
  case image
  case button(String)

  /// How Telegram Desktop writes it in JSON.
  var json: String {
    switch self {
    case .empty: #"{"type":"empty"}"#
    case .plain(let text): #"{"type":"plain","text":\#(quoted(text))}"#
    case .concat(let spans): #"{"type":"concat","text":\#(jsonList(spans.map(\.json)))}"#
    case .mark(let type, let span): #"{"type":"\#(type)","text":\#(span.json)}"#
    case .link(let url, let span):
      #"{"type":"text_link","href":\#(quoted(url)),"text":\#(span.json)}"#
    case .email(let address, let span):
      #"{"type":"email","email":\#(quoted(address)),"text":\#(span.json)}"#
    case .emoji(let text): #"{"type":"custom_emoji","text":"\#(text)","document_id":"5"}"#
    case .math(let source): #"{"type":"math","source":\#(quoted(source))}"#
    case .anchor(let span): #"{"type":"anchor","name":"x","text":\#(span.json)}"#
    case .diff(let span, let old):
      #"{"type":"diff","unsupported":true,"text":\#(span.json),"old_text":\#(old.json)}"#
    case .image: #"{"type":"inline_image","document_id":"5","width":1,"height":1}"#
    case .button(let label):
      #"{"type":"button","text":\#(RichSpan.plain(label).json),"button":{"type":"game"}}"#
    }
  }

  /// How Telegram Desktop writes it in HTML.
  var html: String {
    switch self {
    case .empty: ""
    case .plain(let text): escaped(text)
    case .concat(let spans): spans.map(\.html).joined()
    case .mark(let type, let span): Self.html(type, span)
    case .link(let url, let span): #"<a href="\#(escaped(url))">\#(span.html)</a>"#
    case .email(let address, let span): #"<a href="mailto:\#(address)">\#(span.html)</a>"#
    case .emoji(let text):
      #"<span class="rich_custom_emoji" data-document-id="5"><a href="stickers/a.webp">\#(text)</a>"#
        + "</span>"
    case .math(let source):
      #"<span class="rich_math_inline" data-rich-kind="inline-math" dir="ltr">\#(escaped(source))"#
        + "</span>"
    case .anchor(let span): #"<span class="rich_reference" id="x">\#(span.html)</span>"#
    case .diff(let span, let old):
      #"<span class="rich_diff" data-rich-kind="diff">\#(span.html)"#
        + #"<del class="rich_diff_previous">Previous: \#(old.html)</del></span>"#
    case .image:
      #"<span class="rich_inline_fallback" data-rich-kind="inline-image">Inline image</span>"#
    case .button(let label):
      #"<button class="rich_button rich_button_inline" type="button">\#(escaped(label))</button>"#
    }
  }

  private static func html(_ type: String, _ span: RichSpan) -> String {
    let tags = [
      "bold": "strong", "italic": "em", "underline": "u", "strikethrough": "s", "code": "code",
      "subscript": "sub", "superscript": "sup", "marked": "mark",
    ]
    if let tag = tags[type] { return "<\(tag)>\(span.html)</\(tag)>" }
    return switch type {
    case "spoiler":
      #"<span class="spoiler hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">"#
        + "\(span.html)</span></span>"
    case "hashtag": callback("ShowHashtag(this.dataset.tag)", span)
    case "cashtag": callback("ShowCashtag(this.dataset.tag)", span)
    case "bot_command": callback("ShowBotCommand(this.dataset.command)", span)
    case "mention_name": callback("ShowMentionName()", span)
    case "mention": #"<a href="https://t.me/\#(span.html.dropFirst())">\#(span.html)</a>"#
    case "link": #"<a href="\#(span.html)">\#(span.html)</a>"#
    case "bank_card": #"<span class="rich_bank_card">\#(span.html)</span>"#
    default: #"<time class="rich_formatted_date" data-date="5">\#(span.html)</time>"#
    }
  }

  private static func callback(_ call: String, _ span: RichSpan) -> String {
    #"<a href="" onclick="return \#(call)">\#(span.html)</a>"#
  }

  /// How TDLib tells it.
  var tdlib: String {
    switch self {
    case .empty: RichSpan.plain("").tdlib
    case .plain(let text): #"{"@type":"richTextPlain","text":\#(quoted(text))}"#
    case .concat(let spans): #"{"@type":"richTexts","texts":\#(jsonList(spans.map(\.tdlib)))}"#
    case .mark("link", let span):
      #"{"@type":"richTextUrl","url":\#(quoted(span.html)),"text":\#(span.tdlib)}"#
    case .mark(let type, let span):
      #"{"@type":"richText\#(Self.tdlibNames[type] ?? "")","text":\#(span.tdlib)}"#
    case .link(let url, let span):
      url.hasPrefix("#")
        ? #"{"@type":"richTextAnchorLink","anchor_name":"x","text":\#(span.tdlib)}"#
        : #"{"@type":"richTextUrl","url":\#(quoted(url)),"text":\#(span.tdlib)}"#
    case .email(let address, let span):
      #"{"@type":"richTextEmailAddress","email_address":"\#(address)","text":\#(span.tdlib)}"#
    case .emoji(let text):
      #"{"@type":"richTextCustomEmoji","custom_emoji_id":"5","alternative_text":"\#(text)"}"#
    case .math(let source):
      #"{"@type":"richTextMathematicalExpression","expression":\#(quoted(source))}"#
    case .anchor(let span): #"{"@type":"richTextReference","name":"x","text":\#(span.tdlib)}"#
    case .diff(let span, let old):
      #"{"@type":"richTextDiff","text":\#(span.tdlib),"old_text":\#(old.tdlib)}"#
    case .image: #"{"@type":"richTextIcon","document":{},"width":1,"height":1}"#
    case .button(let label):
      #"{"@type":"richTextButton","button":{"text":\#(RichSpan.plain(label).tdlib)}}"#
    }
  }

  private static let tdlibNames = [
    "bold": "Bold", "italic": "Italic", "underline": "Underline",
    "strikethrough": "Strikethrough", "code": "Fixed", "subscript": "Subscript",
    "superscript": "Superscript", "marked": "Marked", "spoiler": "Spoiler", "hashtag": "Hashtag",
    "cashtag": "Cashtag", "bot_command": "BotCommand", "mention_name": "MentionName",
    "mention": "Mention", "bank_card": "BankCardNumber", "formatted_date": "DateTime",
  ]
}

/// A block of a rich message, in the three shapes in which sources tell it.
indirect enum RichBlock {
  struct Item {
    var text: RichSpan?
    var blocks: [RichBlock] = []
    var isChecked: Bool?
    var number: String?
    var value: Int?
  }

  /// A block of one line: its names, its tag and its class.
  case line(Line, RichSpan)
  case code(RichSpan)
  case divider, anchor, channel
  case buttons(String)
  case list(isOrdered: Bool, start: Int?, type: String?, [Item])
  case quote(RichSpan, [RichBlock], isPulled: Bool, caption: RichSpan)
  /// Something with a caption: its names.
  case media(Media, caption: RichSpan, credit: RichSpan)
  case cover(RichBlock)
  case group(Group, [RichBlock], caption: RichSpan)
  case math(String)
  case table(RichSpan, [[RichSpan?]])
  case details(RichSpan, [RichBlock])
  case related(RichSpan)
  case embeddedPost([RichBlock])
  case authorDate(RichSpan)

  enum Line: String, CaseIterable { case heading, paragraph, footer, thinking }
  enum Media: String, CaseIterable { case photo, video, audio, file, map, embed }
  enum Group: String, CaseIterable { case collage, slideshow }
}

func quoted(_ text: String) -> String {
  "\""
    + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    + "\""
}

func jsonList(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\n", with: "<br>")
}
