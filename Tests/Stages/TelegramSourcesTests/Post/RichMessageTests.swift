import PostFormat
import TelegramSources
import TestSupport
import Testing

/// A rich message as each of the three sources gives it.
private struct RichMessage {
  let json: Post
  let html: Post
  let live: Post

  init(_ blocks: [RichBlock]) throws {
    json = try #require(
      try post(
        #""rich_message":{"rtl":false,"part":false,"blocks":\#(jsonList(blocks.map(\.json)))}"#))
    html = try #require(
      try htmlPost(
        #"<div class="text rich_message" data-rich-message="1" data-rich-part="false" dir="auto">"#
          + blocks.map(\.html).joined() + "</div>"))
    live = try #require(
      try liveMessage(
        #""content":{"@type":"messageRichMessage","message":{"is_full":true,"#
          + #""blocks":\#(jsonList(blocks.map(\.tdlib)))}}"#
      ).post)
  }

  var text: String { json.text }

  /// Whether all sources tell the same.
  var isTheSame: Bool {
    html.text == json.text && live.text == json.text && html.entities == json.entities
      && live.entities == json.entities
  }

  /// The entities with their text.
  var entities: [String] {
    let units = Array(json.text.utf16)
    return json.entities.map { entity in
      let part = String(
        decoding: units[entity.offset..<entity.offset + entity.length], as: UTF16.self)
      return "\(entity.type)=\(part)" + (entity.url.map { " → \($0)" } ?? "")
    }
  }
}

@Suite("A rich message")
struct RichMessageTests {
  private func line(_ text: String) -> RichBlock { .line(.paragraph, .plain(text)) }

  @Test("has the same lines in JSON, in HTML and live")
  func blocks() throws {
    let message = try RichMessage([
      .line(.heading, .plain("ЗАГОЛОВОК")), .line(.paragraph, .empty), line("раз\nдва"), .divider,
      .anchor, .code(.plain("x = 1\n y")), .channel, .buttons("нажми"),
      .quote(.plain("цитата"), [], isPulled: false, caption: .plain("кто")),
      .quote(.plain("выноска"), [], isPulled: true, caption: .empty),
      .quote(.empty, [line("а"), line("б")], isPulled: false, caption: .empty),
      .media(.photo, caption: .plain("подпись"), credit: .plain("автор")),
      .media(.embed, caption: .empty, credit: .empty),
      .group(
        .slideshow, [.media(.photo, caption: .plain("кадр"), credit: .empty)],
        caption: .plain("показ")),
      .group(.collage, [.media(.video, caption: .empty, credit: .empty)], caption: .empty),
      .cover(.media(.photo, caption: .plain("обложка"), credit: .empty)), .math("x^2"),
      .table(.plain("таблица"), [[.plain("1"), nil, .plain("2")], [nil, .plain("3")], [nil]]),
      .details(.plain("подробнее"), [line("внутри")]), .related(.plain("ещё")),
      .embeddedPost([line("чужое")]), .authorDate(.plain("Кот")), .line(.footer, .plain("конец")),
    ])
    #expect(
      message.text == """
        ЗАГОЛОВОК
        раз
        два
        x = 1
         y
        цитата
        кто
        выноска
        а
        б
        подпись
        автор
        кадр
        показ
        обложка
        x^2
        таблица
        1 | 2
        3
        подробнее
        внутри
        ещё
        чужое
        Кот
        конец
        """)
    #expect(
      message.entities == [
        "pre=x = 1\n y", "blockquote=цитата\nкто", "blockquote=выноска", "blockquote=а\nб",
      ])
    #expect(message.isTheSame)
  }

  @Test("has the same lists: items, numbers, checkboxes, nested ones")
  func lists() throws {
    let message = try RichMessage([
      .list(
        isOrdered: false, start: nil, type: nil,
        [.init(text: .plain("раз")), .init(blocks: [line("два"), line("и ещё")]), .init()]),
      .list(
        isOrdered: true, start: 3, type: nil,
        [
          .init(text: .plain("три")), .init(text: .plain("семь"), value: 7),
          .init(
            blocks: [
              line("восемь"),
              .list(
                isOrdered: true, start: nil, type: "i",
                [.init(text: .plain("один")), .init(text: .plain("два"))]),
            ]), .init(text: .plain("звезда"), number: "*"), .init(text: .empty),
        ]),
      .list(
        isOrdered: false, start: nil, type: nil,
        [
          .init(text: .plain("сделано"), isChecked: true),
          .init(
            blocks: [.quote(.plain("нет"), [], isPulled: false, caption: .empty)], isChecked: false),
          .init(text: .empty, isChecked: false),
        ]),
    ])
    #expect(
      message.text == """
        раз
        два
        и ещё
        3. три
        7. семь
        8. восемь
        i. один
        ii. два
        *. звезда
        10.
        ☑ сделано
        ☐ нет
        ☐
        """)
    #expect(message.entities == ["blockquote=нет"])
    #expect(message.isTheSame)
  }

  @Test("has the same entities")
  func spans() throws {
    let marks = [
      "bold", "italic", "underline", "strikethrough", "code", "subscript", "superscript", "marked",
      "spoiler", "mention_name", "bank_card", "formatted_date", "bot_command", "cashtag", "hashtag",
    ]
    let message = try RichMessage([
      .line(
        .paragraph,
        .concat(
          marks.map { .mark($0, .plain($0)) } + [
            .mark("mention", .plain("@kot")), .mark("link", .plain("https://ya.ru")),
            .link("https://example.org/?a=1&b=2", .mark("bold", .plain("сюда"))),
            .link("#x", .plain("вниз")), .email("a@b.org", .plain("a@b.org")),
            .email("a@b.org", .plain("письмо")), .emoji("📎"), .math("x<y"),
            .anchor(.plain("якорь")), .diff(.plain("ново"), old: .plain("старо")), .image,
            .button("нажми"),
          ])),
      .line(.paragraph, .mark("bold", .concat([.mark("italic", .plain("оба")), .plain("")]))),
    ])
    #expect(
      message.entities
        == marks.map { "\($0)=\($0)" } + [
          "mention=@kot", "link=https://ya.ru", "text_link=сюда → https://example.org/?a=1&b=2",
          "bold=сюда", "email=a@b.org", "text_link=письмо → mailto:a@b.org", "custom_emoji=📎",
          "math=x<y", "bold=оба", "italic=оба",
        ])
    #expect(message.text.hasSuffix("письмо📎x<yякорьново\nоба"))
    #expect(message.isTheSame)
  }

  @Test("keeps the blanks of its lines")
  func blanks() throws {
    let message = try RichMessage([
      line("  отступ "), line("   "), .code(.plain("if x:\n  y")),
      .list(isOrdered: false, start: nil, type: nil, [.init(text: .plain("конец\n"))]), line("я"),
    ])
    #expect(message.text == "  отступ \nif x:\n  y\nконец\n\nя")
    #expect(message.isTheSame)
  }

  @Test("is the same in all sources, however it is nested", arguments: 1...200)
  func random(_ seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    let blocks = (0..<Int.random(in: 1...5, using: &random)).map { _ in
      RichBlock.random(depth: 3, &random)
    }
    let message = try RichMessage(blocks)
    #expect(message.html.text == message.text)
    #expect(message.live.text == message.text)
    #expect(message.isTheSame)
  }

  // MARK: - What stands beside it

  @Test("goes before a text that stands beside it")
  func besideText() throws {
    let rich = #""rich_message":{"blocks":[{"type":"paragraph","text":"целое"}]}"#
    #expect(try post(#"\#(rich),"text":"нача…""#)?.text == "целое")
    #expect(try post(#""text":"x","text_entities":[],\#(rich)"#)?.text == "целое")
    #expect(try post(#""text":"есть","rich_message":{"blocks":[]}"#)?.text == "есть")
    #expect(try post(#""text":"есть","rich_message":null"#)?.text == "есть")
    #expect(try post(#""rich_message":{"part":false}"#)?.text == "")
  }

  @Test("is forwarded, and answers, as any post")
  func details() throws {
    let post = try post(
      #""rich_message":{"blocks":[{"type":"paragraph","text":"a"}]},"forwarded_from":"К","#
        + #""reply_to_message_id":7,"edited_unixtime":"200""#)
    #expect(post?.forwardedFrom == "К")
    #expect(post?.replyTo == 7)
    #expect(post?.edited == 200)
    let forwarded = try htmlPost(
      htmlPart(
        "forwarded body",
        htmlPart("from_name", "К") + #"<div class="text rich_message">"#
          + RichBlock.line(.paragraph, .plain("a")).html + "</div>"))
    #expect(forwarded?.text == "a")
    #expect(forwarded?.forwardedFrom == "К")
  }

  @Test("counts parts of unknown kinds, and takes their text")
  func unknownKinds() throws {
    let blocks = #"""
      {"type":"hologram","text":{"type":"plain","text":"a"},"items":[{"type":"paragraph","text":"b"}],
       "mood":"радость"},
      {"type":"paragraph","text":{"type":"shiny","text":{"type":"bold","text":"c"}}},
      {"type":"unsupported","source_type":"page_block_unsupported","unsupported":true}
      """#
    let dump = try Dump(
      channel(
        #"{"id":1,"type":"message","date_unixtime":"100","rich_message":{"blocks":[\#(blocks)]}},"#
          + #"{"id":2,"type":"message","date_unixtime":"101","text":"d"}"#))
    #expect(dump.posts.map(\.text) == ["a\nb\nc", "d"])
    #expect(dump.summary.richMessages.unknownCount == 1)
    #expect(dump.summary.richMessages.unknownKinds == ["hologram", "shiny", "unsupported"])

    let page = try Dump(pages: [
      htmlPage(
        htmlMessage(
          1,
          #"<div class="text rich_message">"#
            + #"<div class="rich_block" data-rich-kind="hologram">a</div>"#
            + #"<div class="rich_block rich_fallback" data-rich-kind="unknown">Unknown rich content"#
            + "</div></div>"))
    ])
    #expect(page.posts.map(\.text) == ["a"])
    #expect(page.summary.richMessages.unknownKinds == ["hologram", "unsupported"])

    let live = try liveMessage(
      #""content":{"@type":"messageRichMessage","message":{"blocks":["#
        + #"{"@type":"pageBlockNew","blocks":[{"@type":"pageBlockParagraph","text":"#
        + #"{"@type":"richTextNew","text":{"@type":"richTextPlain","text":"a"}}}]}]}}"#)
    #expect(live.post?.text == "a")
    #expect(live.unknownKinds == ["pageBlockNew", "richTextNew"])
  }

  @Test(
    "is counted if its shape is not known, and its text is taken",
    arguments: [
      ("{}", "", "message without blocks"), (#""a""#, "a", "message without blocks"),
      (#"["a",{"type":"paragraph","text":"b"}]"#, "a\nb", "message without blocks"),
      (#"{"blocks":{"type":"paragraph","text":"a"}}"#, "a", "message without blocks"),
      (
        #"{"blocks":["a",{"text":"b"},[{"type":"paragraph","text":{"text":"c"}}],7]}"#, "a\nb\nc",
        "part without a type"
      ),
    ])
  func oddShapes(_ rich: String, _ text: String, _ kind: String) throws {
    let dump = try Dump(channel(#"{"id":1,"date_unixtime":"100","rich_message":\#(rich)}"#))
    #expect(dump.posts.map(\.text) == [text])
    #expect(dump.summary.richMessages.unknownCount == 1)
    #expect(dump.summary.richMessages.unknownKinds == [kind])
  }

  @Test("is counted if only a part of it is there")
  func partial() throws {
    let message = #"{"id":1,"date_unixtime":"100","rich_message":{"part":true,"blocks":[]}}"#
    #expect(try Dump(channel(message)).summary.richMessages.partialCount == 1)
    let page = htmlMessage(1, #"<div class="text rich_message" data-rich-part="true"></div>"#)
    #expect(try Dump(pages: [htmlPage(page)]).summary.richMessages.partialCount == 1)
  }
}

extension RichSpan {
  fileprivate static func random(depth: Int, _ random: inout SeededGenerator) -> RichSpan {
    let text = ["а", "б в", "🔥", "x<y & z", "1\n2", "Ё ", "@"].randomElement(using: &random) ?? ""
    if depth == 0 { return .plain(text) }
    let marks = ["bold", "italic", "underline", "code", "spoiler", "marked"]
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return .empty
    case 1, 2:
      return .concat([
        .plain(text), Self.random(depth: depth - 1, &random),
        Self.random(depth: depth - 1, &random),
      ])
    case 3, 4:
      let mark = marks.randomElement(using: &random) ?? "bold"
      return .mark(mark, Self.random(depth: depth - 1, &random))
    case 5: return .link("https://example.org/", .plain(text))
    case 6: return .emoji("📎")
    case 7: return .anchor(Self.random(depth: depth - 1, &random))
    default: return .plain(text)
    }
  }
}

extension RichBlock {
  fileprivate static func random(depth: Int, _ random: inout SeededGenerator) -> RichBlock {
    let span = RichSpan.random(depth: 2, &random)
    func blocks(_ random: inout SeededGenerator) -> [RichBlock] {
      depth == 0
        ? []
        : (0..<Int.random(in: 0...3, using: &random)).map { _ in
          Self.random(depth: depth - 1, &random)
        }
    }
    switch Int.random(in: 0..<14, using: &random) {
    case 0: return .code(.plain("x\n y"))
    case 1:
      return [.divider, .anchor, .channel, .buttons("z")].randomElement(using: &random) ?? .anchor
    case 2, 3:
      let isOrdered = Bool.random(using: &random)
      let items = (0..<3).map { _ in
        let isText = Bool.random(using: &random)
        return Item(
          text: isText ? RichSpan.random(depth: 1, &random) : nil,
          blocks: isText ? [] : blocks(&random),
          isChecked: [true, false, nil, nil].randomElement(using: &random) ?? nil,
          number: isOrdered ? ["a", nil, nil].randomElement(using: &random) ?? nil : nil)
      }
      return .list(isOrdered: isOrdered, start: nil, type: nil, items)
    case 4:
      return .quote(span, [], isPulled: Bool.random(using: &random), caption: .plain("кто"))
    case 5: return .quote(.empty, blocks(&random), isPulled: false, caption: .empty)
    case 6:
      return .media(
        Media.allCases.randomElement(using: &random) ?? .photo, caption: span, credit: .empty)
    case 7:
      return .group(
        Bool.random(using: &random) ? .collage : .slideshow, blocks(&random), caption: span)
    case 8: return .table(span, [[span, nil, .plain("x")], [nil, span], [nil]])
    case 9: return .details(span, blocks(&random))
    case 10: return .embeddedPost(blocks(&random))
    default: return .line(Line.allCases.randomElement(using: &random) ?? .heading, span)
    }
  }
}
