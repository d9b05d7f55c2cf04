import FileSupport
import PostFormat
import TelegramSources
import Testing

@Suite("A message of an HTML export")
struct HTMLMessageTests {
  private func date(_ title: String, zone: String? = nil) throws -> (Int?, zoneless: Int) {
    var options = SourceOptions()
    options.zone = zone.flatMap { try? LocalZone($0) }
    let dump = try Dump(pages: [htmlPage(htmlMessage(1, htmlText("a"), date: title))], options)
    return (dump.posts.first?.date, dump.summary.zoneless)
  }

  @Test("has its date in the zone that it names, else in that of the options, else in UTC")
  func dates() throws {
    let utc = DateText.seconds("2016-03-01T13:49:34Z")
    #expect(try date("01.03.2016 16:49:34 UTC+03:00") == (utc, 0))
    #expect(try date("01.03.2016 08:19:34 UTC-05:30", zone: "+03:00") == (utc, 0))
    #expect(try date("01.03.2016 13:49:34 UTC") == (utc, 0))
    #expect(try date("01.03.2016 16:49:34", zone: "+03:00") == (utc, 0))
    #expect(try date("01.03.2016 13:49:34") == (utc, 1))
  }

  @Test(
    "is left out if it has no date",
    arguments: [
      "", "1.3.2016", "31.02.2016 00:00:00", "2016-03-01 13:49:34", "x 16:49:34 UTC+03:00",
    ])
  func noDate(_ title: String) throws {
    let dump = try Dump(pages: [htmlPage(htmlMessage(1, htmlText("a"), date: title))])
    #expect(dump.posts.isEmpty)
    #expect(dump.summary.incomplete == 1)
  }

  // MARK: - Forwards and replies

  private func forward(_ name: String?, _ content: String) -> String {
    let date =
      #"<span class="date details" title="02.02.2002 02:02:02 UTC+01:00"> 02.02.2002 02:02:02</span>"#
    let header = name.map { htmlPart("from_name", $0 + date, depth: 8) } ?? ""
    return htmlPart("pull_left forwarded userpic_wrap", htmlPart("userpic", ""))
      + htmlPart(
        "forwarded body", header + content)
  }

  @Test("has the name of the source of a forward, and the text that stands within")
  func forwards() throws {
    let post = try #require(try htmlPost(forward("Лентач &laquo;1&raquo; ", htmlText("a<br>b"))))
    #expect(post.forwardedFrom == "Лентач «1»")
    #expect(post.text == "a\nb")
    #expect(post.date == DateText.seconds("2016-03-01T13:49:34Z"))
    #expect(try htmlPost(forward("Deleted Account", htmlText("a")))?.forwardedFrom == "")
    #expect(try htmlPost(htmlText("a"))?.forwardedFrom == nil)
  }

  @Test("has the source of the forward before it where that is not repeated")
  func forwardsInARow() throws {
    let messages =
      htmlMessage(1, forward("Иван ", htmlText("a")))
      + htmlMessage(2, forward(nil, htmlText("b")), isJoined: true)
      + htmlMessage(3, htmlText("c"))
      + htmlMessage(4, forward("Пётр ", htmlText("d")))
      + htmlMessage(5, forward(nil, htmlText("e")), isJoined: true)
    let names = try Dump(pages: [htmlPage(messages)]).posts.map(\.forwardedFrom)
    #expect(names == ["Иван", "Иван", nil, "Пётр", "Пётр"])
  }

  @Test("has the id of what it answers, on its page or an earlier one")
  func replies() throws {
    func reply(_ content: String) throws -> Int? {
      try htmlPost(htmlPart("reply_to details", content) + htmlText("a"))?.replyTo
    }
    #expect(
      try reply(
        ##"In reply to <a href="#go_to_message58" onclick="return GoToMessage(58)">this message</a>"##
      )
        == 58)
    #expect(
      try reply(##"In reply to <a href="messages3.html#go_to_message2410">this</a>"##) == 2410)
    #expect(try reply("In reply to a message in another chat") == nil)
    #expect(try reply(#"In reply to <a href="https://t.me/x/5">this</a>"#) == nil)
  }

  // MARK: - Media

  private static func media(_ classes: String, title: String? = nil) -> String {
    let body = htmlPart(
      "body", (title.map { htmlPart("title bold", $0) } ?? "") + htmlPart("status details", "1 KB"))
    return htmlPart("media_wrap clearfix", htmlPart("media clearfix pull_left \(classes)", body))
  }

  private static func wrap(_ classes: String) -> String {
    htmlPart(
      "media_wrap clearfix",
      htmlBlock(
        "a", "class=\"\(classes) clearfix pull_left\" href=\"x\"", "<img src=\"y\"/>", depth: 8))
  }

  @Test(
    "has the kind of its media",
    arguments: [
      (wrap("photo_wrap"), "photo"), (wrap("sticker_wrap"), "sticker"),
      (wrap("animated_wrap"), "animation"), (wrap("video_file_wrap"), "video_file"),
      (media("media_photo", title: "Photo"), "photo"),
      (media("media_photo", title: "Self-destructing photo"), "photo"),
      (media("block_link media_photo", title: "Sticker"), "sticker"),
      (media("media_video", title: "Video file"), "video_file"),
      (media("media_video", title: "Video message"), "video_message"),
      (media("media_video", title: "Animation"), "animation"),
      (media("media_voice_message", title: "Voice message"), "voice_message"),
      (media("media_audio_file", title: "Animation"), "audio_file"),
      (media("media_file", title: "Sticker"), "file"),
      (media("media_contact", title: "Иван"), "contact"),
      (media("media_location", title: "Location"), "location"),
      (media("media_live_location", title: "Live location"), "live_location"),
      (media("media_venue", title: "Кафе"), "venue"),
      (media("media_game", title: "Змейка"), "game"),
      (media("media_invoice", title: "Счёт"), "invoice"), (media("media_invoice"), "paid_media"),
      (media("media_novelty", title: "?"), "novelty"), (media(""), "file"),
      (htmlPart("media_wrap clearfix", htmlPart("media_poll", "")), "poll"),
      (giveaway("Giveaway Prizes"), "giveaway"),
      (giveaway("Winners Selected!"), "giveaway_results"),
    ])
  func kinds(_ html: String, _ word: String) throws {
    #expect(try htmlPost(html + htmlText("a"))?.media == word)
  }

  private static func giveaway(_ title: String) -> String {
    let sections = htmlPart("section_title bold", title) + htmlPart("section_body", "5")
    return htmlPart(
      "media_wrap clearfix",
      htmlPart(
        "media_giveaway",
        sections + htmlPart("section_title bold", "Winners") + htmlPart("section_body", "x")))
  }

  private static func poll(_ kind: String = "Anonymous poll", total: Bool = true) -> String {
    let answers =
      htmlPart("answer", #"- сосед &amp; Co <span class="details">40 votes, chosen vote</span>"#)
      + htmlPart("answer", "- - кот") + htmlPart("answer", "- <strong>оба</strong>")
    let content =
      htmlPart("question bold", "Кто<br>виноват?") + htmlPart("details", kind) + answers
      + (total ? htmlPart("total details&#x09;", "42 votes") : "")
    return htmlPart("media_wrap clearfix", htmlPart("media_poll", content))
  }

  @Test("has the text of a poll on request")
  func polls() throws {
    var options = SourceOptions()
    #expect(try htmlPost(Self.poll(), options)?.text == "")
    options.includesPolls = true
    let text = "Кто\nвиноват?\n– сосед & Co\n– - кот\n– оба"
    #expect(try htmlPost(Self.poll(), options)?.text == text)
    #expect(try htmlPost(Self.poll() + htmlText("И вот<br>"), options)?.text == "И вот\n\n" + text)
    let list = try htmlPost(Self.poll("To-do List", total: false), options)
    #expect(list?.media == "todo_list")
    #expect(list?.text == text)
  }

  // MARK: - Reactions and buttons

  private func counts(_ html: String) throws -> [String] {
    try #require(try htmlPost(htmlText("a") + html)).reactions.map { "\($0.emoji) \($0.count)" }
  }

  @Test(
    "has its reactions, in both forms in which versions write them", arguments: ["span", "div"])
  func reactions(_ tag: String) throws {
    func element(_ classes: String, _ content: String) -> String {
      htmlBlock(tag, "class=\"\(classes)\"", content, depth: 9)
    }
    func reaction(_ emoji: String, _ rest: String, _ classes: String = "reaction") -> String {
      element(classes, element("emoji", emoji) + rest)
    }
    let pictures = element(
      "userpics", String(repeating: htmlPart("userpic", htmlPart("initials", "А")), count: 3))
    let html = element(
      "reactions",
      reaction("❤", element("count", "12")) + reaction("👍🏿", pictures)
        + reaction("🔥", pictures + element("count", "40"), "reaction active")
        + reaction("⭐", element("count", "7"), "reaction active paid")
        + reaction(#"<a href = "../../stickers/sticker (1).webp">👋</a>"#, element("count", "2"))
        + reaction(
          #"<a href="" onclick="return ShowNotLoadedEmoji();">👋</a>"#, element("count", "3"))
        + reaction("❤", element("count", "1")) + reaction("", element("count", "9")))
    #expect(
      try counts(html) == [
        "❤ 13", "👍🏿 3", "🔥 40", "paid 7", "custom_emoji 5",
      ])
  }

  @Test("counts reactions up to what 64 bits hold")
  func manyReactions() throws {
    let reaction =
      #"<span class="reaction"><span class="emoji">❤</span><span class="count">"#
      + "9223372036854775807</span></span>"
    let post = try htmlPost("<span class=\"reactions\">\(reaction)\(reaction)</span>")
    #expect(post?.reactions == [Post.Reaction(emoji: "❤", count: .max)])
  }

  private func buttonTable(_ label: String, isClosed: Bool = true) -> String {
    let link = htmlBlock(
      "a", #"="" onclick="return ShowTextCopied('Data: 1');""#,
      htmlBlock("div", "", label, depth: 12), depth: 11)
    let table = htmlBlock(
      "table", #"class="bot_buttons_table""#,
      htmlBlock(
        "tr", "",
        htmlBlock("td", #"class="bot_button_row""#, htmlPart("bot_button", link), depth: 9),
        depth: 8),
      depth: 7)
    return isClosed ? table : table.replacing("</table>", with: "")
  }

  @Test("passes over its buttons, also where their closing tag is missing")
  func buttons() throws {
    let messages =
      htmlMessage(1, htmlText("a") + buttonTable("b", isClosed: false))
      + htmlMessage(2, htmlText("c"))
      + htmlMessage(3, buttonTable("d") + htmlPart("signature details", "e"))
    #expect(try Dump(pages: [htmlPage(messages)]).posts.map(\.text) == ["a", "c", ""])
  }

  @Test(
    "takes no markup from the labels of buttons, which some versions do not escape",
    arguments: [
      #"<div class="text">b</div>"#, #"<div class="message default clearfix" id="message9">"#,
      #"b <div class="message service" id="message-3">"#, "</div></div></div><b>", "<!--", "<br>",
    ])
  func labels(_ label: String) throws {
    let messages =
      htmlMessage(1, htmlPart("x", "") + buttonTable(label)) + htmlMessage(2, htmlText("c"))
    let dump = try Dump(pages: [htmlPage(messages)])
    #expect(dump.posts.map(\.id) == [1, 2])
    #expect(dump.posts.map(\.text) == ["", "c"])
  }

  // MARK: - Rich messages

  @Test("has the text of a message made of blocks, a line for each")
  func richText() throws {
    let html =
      #"<div class="text rich_message" data-rich-message="1" dir="auto">"#
      + htmlBlock("h1", #"class="rich_heading""#, "Заголовок", depth: 8)
      + htmlBlock(
        "p", "", #"Раз <strong>два <em>три</em></strong><br>и <a href="https://ya.ru/">тут</a>"#,
        depth: 8)
      + htmlBlock(
        "div", #"class="media_wrap clearfix""#,
        htmlBlock("a", #"class="photo_wrap" href="x""#, "y", depth: 9), depth: 8)
      + htmlBlock(
        "ul", "",
        htmlBlock("li", "", #"<span class="rich_list_content">а</span>"#, depth: 9)
          + htmlBlock(
            "li", "",
            #"<span class="rich_task_marker">☑</span><div class="rich_list_content">б</div>"#,
            depth: 9), depth: 8)
      + htmlBlock(
        "table", "",
        htmlBlock(
          "tr", "", htmlBlock("td", "", "1", depth: 10) + htmlBlock("td", "", "2", depth: 10),
          depth: 9), depth: 8)
      + #"<pre class="rich_code"><code class="rich_code_content">x = 1<br>y</code></pre>"#
      + htmlBlock(
        "blockquote", "", htmlBlock("div", #"class="rich_quote_body""#, "цитата", depth: 9),
        depth: 8)
      + "</div>"
    let post = try #require(try htmlPost(html + htmlPart("signature details", "я")))
    #expect(
      post.text == """
        Заголовок
        Раз два три
        и тут
        а
        ☑ б
        1 | 2
        x = 1
        y
        цитата
        """)
    #expect(
      post.entities == [
        Post.Entity(type: "bold", offset: 14, length: 7),
        Post.Entity(type: "italic", offset: 18, length: 3),
        Post.Entity(type: "text_link", offset: 24, length: 3, url: "https://ya.ru/"),
        Post.Entity(type: "pre", offset: 40, length: 7),
        Post.Entity(type: "blockquote", offset: 48, length: 6),
      ])
    #expect(post.media == nil)
  }
}
