import Foundation

extension RichBlock {
  // MARK: - JSON

  /// How Telegram Desktop writes it in JSON.
  var json: String {
    switch self {
    case .line(let line, let span): #"{"type":"\#(line.rawValue)","level":2,"text":\#(span.json)}"#
    case .code(let span): #"{"type":"code","text":\#(span.json),"language":"py"}"#
    case .divider: #"{"type":"divider"}"#
    case .anchor: #"{"type":"anchor","name":"x"}"#
    case .channel: #"{"type":"channel","channel":{"source_type":"channel","title":"К"}}"#
    case .buttons(let label):
      #"{"type":"button_row","alignment":"left","buttons":[{"text":\#(RichSpan.plain(label).json),"#
        + #""button":{"type":"game"}}]}"#
    case .list(let isOrdered, let start, let type, let items):
      jsonObject([
        ("type", quoted("list")), ("kind", quoted(isOrdered ? "ordered" : "bullet")),
        ("start", start.map { "\($0)" }), ("list_type", type.map(quoted)),
        ("items", jsonList(items.map(\.json))),
      ])
    case .quote(let span, let blocks, let isPulled, let caption):
      jsonObject([
        ("type", quoted("quote")), ("content", quoted(blocks.isEmpty ? "text" : "blocks")),
        ("pullquote", "\(isPulled)"), ("text", blocks.isEmpty ? span.json : nil),
        ("blocks", blocks.isEmpty ? nil : jsonList(blocks.map(\.json))),
        ("caption", caption.json),
      ])
    case .media(let media, let caption, let credit):
      #"{"type":"\#(media.rawValue)","photo_id":"5","file":"a.jpg","file_name":"a","#
        + #""caption":{"text":\#(caption.json),"credit":\#(credit.json)}}"#
    case .cover(let block): #"{"type":"cover","block":\#(block.json)}"#
    case .group(let group, let blocks, let caption):
      #"{"type":"\#(group.rawValue)","items":\#(jsonList(blocks.map(\.json))),"#
        + #""caption":{"text":\#(caption.json),"credit":{"type":"empty"}}}"#
    case .math(let formula): #"{"type":"math","formula":\#(quoted(formula))}"#
    case .table(let title, let rows):
      jsonObject([
        ("type", quoted("table")), ("title", title.json),
        (
          "rows",
          jsonList(
            rows.map { row in
              let cells = row.map { jsonObject([("text", $0?.json), ("header", "false")]) }
              return jsonObject([("cells", jsonList(cells))])
            })
        ),
      ])
    case .details(let title, let blocks):
      #"{"type":"details","title":\#(title.json),"open":false,"#
        + #""blocks":\#(jsonList(blocks.map(\.json)))}"#
    case .related(let title):
      #"{"type":"related_articles","title":\#(title.json),"articles":[{"title":"статья"}]}"#
    case .embeddedPost(let blocks):
      #"{"type":"embed_post","url":"https://x","author":"я","blocks":"#
        + #"\#(jsonList(blocks.map(\.json))),"caption":{"text":{"type":"empty"}}}"#
    case .authorDate(let author): #"{"type":"author_date","author":\#(author.json),"date":"x"}"#
    }
  }

  // MARK: - HTML

  /// How Telegram Desktop writes it in HTML.
  var html: String {
    switch self {
    case .line(.heading, let span): block("h2", "heading", span.html)
    case .line(.footer, let span): block("footer", "footer", span.html)
    case .line(let line, let span): block("p", line.rawValue, span.html)
    case .code(let span):
      #"<pre class="rich_block rich_code" data-rich-kind="code"><code class="rich_code_content">"#
        + "\(span.html)</code></pre>"
    case .divider: "\n <hr class=\"rich_block rich_divider\" data-rich-kind=\"divider\"/>\n"
    case .anchor: #"<span class="rich_block rich_anchor" data-rich-kind="anchor" id="x"></span>"#
    case .channel: block("section", "channel", card)
    case .buttons(let label):
      plainBlock(
        "div", #"class="rich_block rich_button_row" data-rich-kind="button-row""#,
        plainBlock("div", #"class="rich_button_group""#, #"<a class="rich_button">\#(label)</a>"#))
    case .list(let isOrdered, let start, let type, let items):
      plainBlock(
        isOrdered ? "ol" : "ul",
        #"class="rich_block rich_list" data-rich-kind="\#(isOrdered ? "ordered-list" : "list")""#
          + (start.map { #" start="\#($0)""# } ?? "") + (type.map { #" type="\#($0)""# } ?? ""),
        items.map { $0.html(isOrdered) }.joined())
    case .quote(let span, let blocks, let isPulled, let caption):
      plainBlock(
        isPulled ? "aside" : "blockquote",
        isPulled
          ? #"class="rich_block rich_quote rich_pullquote" data-rich-kind="pullquote""#
          : #"class="rich_block rich_quote" data-rich-kind="quote""#,
        plainBlock(
          "div", #"class="rich_quote_body""#,
          blocks.isEmpty ? span.html : blocks.map(\.html).joined())
          + (caption.html.isEmpty
            ? "" : plainBlock("cite", #"class="rich_quote_caption""#, caption.html)))
    case .media(let media, let caption, let credit):
      block("figure", media.rawValue, card + figureCaption(caption, credit))
    case .cover(let block): group("cover", block.html)
    case .group(.slideshow, let blocks, let caption):
      group(
        "slideshow",
        plainBlock(
          "div", #"class="rich_slideshow_track""#,
          blocks.map { plainBlock("div", #"class="rich_slide""#, $0.html) }.joined())
          + #"<button class="rich_slideshow_prev" type="button">&#8592;</button>"#
          + #"<button class="rich_slideshow_next" type="button">&#8594;</button>"#
          + plainBlock("div", "", #"<button class="rich_slideshow_dot" type="button"></button>"#)
          + figureCaption(caption, .empty))
    case .group(let kind, let blocks, let caption):
      group(kind.rawValue, blocks.map(\.html).joined() + figureCaption(caption, .empty))
    case .math(let formula):
      #"<div class="rich_block rich_math_display" data-rich-kind="math">\#(escaped(formula))</div>"#
    case .table(let title, let rows):
      block(
        "div", "table",
        plainBlock(
          "table", #"class="rich_table""#,
          (title.html.isEmpty ? "" : plainBlock("caption", "", title.html))
            + plainBlock(
              "tbody", "",
              rows.map { row in
                plainBlock("tr", "", row.map { plainBlock("td", "", $0?.html ?? "") }.joined())
              }.joined())))
    case .details(let title, let blocks):
      block(
        "details", "details",
        plainBlock("summary", "", title.html)
          + plainBlock("div", #"class="rich_details_body""#, blocks.map(\.html).joined()))
    case .related(let title):
      block(
        "section", "related-articles",
        (title.html.isEmpty ? "" : plainBlock("div", #"class="rich_related_title""#, title.html))
          + plainBlock(
            "div", "",
            plainBlock(
              "article", "",
              card + plainBlock("div", #"class="rich_article_description""#, "описание")
                + sourceMeta("rich_source_meta"))))
    case .embeddedPost(let blocks):
      block(
        "section", "embed-post",
        card + sourceMeta("rich_embed_post_meta")
          + plainBlock("div", "", blocks.map(\.html).joined()))
    case .authorDate(let author):
      block(
        "address", "author-date", author.html + #" • <time data-date="5">01.01.1970</time>"#,
        className: "rich_author_date")
    }
  }

  private var card: String {
    plainBlock(
      "div", #"class="media_wrap clearfix""#, plainBlock("div", #"class="title bold""#, "К"))
  }

  private func sourceMeta(_ name: String) -> String {
    plainBlock("div", #"class="\#(name)""#, #"<a href="https://x">https://x</a>"#)
  }

  private func block(
    _ tag: String, _ kind: String, _ content: String, className: String = "rich_x"
  ) -> String {
    plainBlock(tag, #"class="rich_block \#(className)" data-rich-kind="\#(kind)""#, content)
  }

  private func group(_ kind: String, _ content: String) -> String {
    block("section", kind, plainBlock("div", #"class="rich_media_group_items""#, content))
  }

  private func figureCaption(_ caption: RichSpan, _ credit: RichSpan) -> String {
    let parts = [("div", caption.html), ("cite", credit.html)].filter { !$0.1.isEmpty }
    return parts.isEmpty
      ? "" : plainBlock("figcaption", "", parts.map { plainBlock($0.0, "", $0.1) }.joined())
  }

  // MARK: - TDLib

  /// How TDLib tells it.
  var tdlib: String {
    switch self {
    case .line(.heading, let span): object("SectionHeading", #""size":2,"text":\#(span.tdlib)"#)
    case .line(.footer, let span): object("Footer", #""footer":\#(span.tdlib)"#)
    case .line(let line, let span):
      object(line.rawValue.capitalized, #""text":\#(span.tdlib)"#)
    case .code(let span): object("Preformatted", #""text":\#(span.tdlib),"language":"py""#)
    case .divider: object("Divider", #""x":0"#)
    case .anchor: object("Anchor", #""name":"x""#)
    case .channel: object("ChatLink", #""title":"К","username":"k""#)
    case .buttons(let label):
      object("ButtonRow", #""buttons":[{"text":\#(RichSpan.plain(label).tdlib)}]"#)
    case .list(let isOrdered, let start, let type, let items):
      object("List", #""items":\#(jsonList(Item.tdlib(items, isOrdered, start, type)))"#)
    case .quote(let span, let blocks, let isPulled, let caption):
      object(
        isPulled ? "PullQuote" : "BlockQuote",
        Self.quote(span, blocks, isPulled: isPulled) + #","credit":\#(caption.tdlib)"#)
    case .media(let media, let caption, let credit):
      object(
        media == .embed ? "Embedded" : media == .file ? "Document" : media.rawValue.capitalized,
        #""caption":\#(Self.caption(caption, credit))"#)
    case .cover(let block): object("Cover", #""cover":\#(block.tdlib)"#)
    case .group(let group, let blocks, let caption):
      object(
        group.rawValue.capitalized,
        #""blocks":\#(jsonList(blocks.map(\.tdlib))),"caption":\#(Self.caption(caption, .empty))"#)
    case .math(let formula): object("MathematicalExpression", #""expression":\#(quoted(formula))"#)
    case .table(let title, let rows):
      object("Table", #""caption":\#(title.tdlib),"cells":\#(Self.cells(rows))"#)
    case .details(let title, let blocks):
      object("Details", #""header":\#(title.tdlib),"blocks":\#(jsonList(blocks.map(\.tdlib)))"#)
    case .related(let title):
      object("RelatedArticles", #""header":\#(title.tdlib),"articles":[{"title":"статья"}]"#)
    case .embeddedPost(let blocks):
      object("EmbeddedPost", #""author":"я","blocks":\#(jsonList(blocks.map(\.tdlib)))"#)
    case .authorDate(let author):
      object("AuthorDate", #""author":\#(author.tdlib),"publish_date":5"#)
    }
  }

  private func object(_ name: String, _ members: String) -> String {
    #"{"@type":"pageBlock\#(name)",\#(members)}"#
  }

  private static func quote(_ span: RichSpan, _ blocks: [RichBlock], isPulled: Bool) -> String {
    if isPulled, blocks.isEmpty { return #""text":\#(span.tdlib)"# }
    let inner = blocks.isEmpty ? [RichBlock.line(.paragraph, span)] : blocks
    return #""blocks":\#(jsonList(inner.map(\.tdlib)))"#
  }

  private static func cells(_ rows: [[RichSpan?]]) -> String {
    jsonList(rows.map { row in jsonList(row.map { jsonObject([("text", $0?.tdlib ?? "null")]) }) })
  }

  private static func caption(_ text: RichSpan, _ credit: RichSpan) -> String {
    #"{"@type":"pageBlockCaption","text":\#(text.tdlib),"credit":\#(credit.tdlib)}"#
  }
}

extension RichBlock.Item {
  fileprivate var json: String {
    jsonObject([
      ("task_state", quoted(isChecked.map { $0 ? "checked" : "unchecked" } ?? "none")),
      ("content", quoted(text == nil ? "blocks" : "text")), ("text", text?.json),
      ("blocks", text == nil ? jsonList(blocks.map(\.json)) : nil),
      ("num", number.map(quoted)), ("value", value.map { "\($0)" }),
    ])
  }

  fileprivate func html(_ isOrdered: Bool) -> String {
    var attributes = "class=\"rich_list_item\(isChecked == nil ? "" : " rich_task_item")\""
    if let number { attributes += " data-num=\"\(number)\"" }
    if let value { attributes += " value=\"\(value)\"" }
    var html = ""
    if let isChecked {
      html = "<span class=\"rich_task_marker\">\(isChecked ? "☑" : "☐")</span>"
    } else if isOrdered, let number {
      html = "<span class=\"rich_order_marker\">\(number)</span>"
    }
    if let text {
      html += "<span class=\"rich_list_content\">\(text.html)</span>"
    } else {
      html += "<div class=\"rich_list_content\">\(blocks.map(\.html).joined())</div>"
    }
    return plainBlock("li", attributes, html)
  }

  /// TDLib tells the label of each item, here for numbers written with digits.
  fileprivate static func tdlib(
    _ items: [Self], _ isOrdered: Bool, _ start: Int?, _ type: String?
  ) -> [String] {
    var next = start ?? 1
    return items.map { item in
      let value = item.value ?? next
      next = value + 1
      let digits = type == "i" ? ["i", "ii", "iii", "iv", "v"][value - 1] : "\(value)"
      let label = isOrdered ? (item.number ?? digits) + "." : "•"
      let blocks = item.text.map { [RichBlock.line(.paragraph, $0)] } ?? item.blocks
      return jsonObject([
        ("label", quoted(label)), ("has_checkbox", "\(item.isChecked != nil)"),
        ("is_checked", "\(item.isChecked ?? false)"),
        ("blocks", jsonList(blocks.map(\.tdlib))),
      ])
    }
  }
}

/// An element whose content is on lines of its own.
private func plainBlock(_ tag: String, _ attributes: String, _ content: String) -> String {
  htmlBlock(tag, attributes, content, depth: 8)
}

/// An object without the members that are `nil`.
private func jsonObject(_ members: [(key: String, value: String?)]) -> String {
  let present = members.compactMap { key, value in value.map { quoted(key) + ":" + $0 } }
  return "{" + present.joined(separator: ",") + "}"
}
