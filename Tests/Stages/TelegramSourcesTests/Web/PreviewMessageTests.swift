import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("A message of the web preview")
struct PreviewMessageTests {
  @Test("has its number, its date in UTC and how often it was seen")
  func facts() throws {
    var message = PreviewMessage(17, date: 1_782_957_612, PreviewHTML.text("КОТ"))
    message.views = "4.85K"
    message.meta = #"edited &nbsp;<span class="tgme_widget_message_from_author">Я</span>,&nbsp;"#
    var post = Post(id: 17, date: 1_782_957_612, text: "КОТ")
    post.views = 4850
    #expect(try history(PreviewChannel([message])).page.posts == [post])
  }

  @Test(
    "reads counts in round numbers",
    arguments: [
      ("0", 0), ("879", 879), ("1K", 1000), ("4.85K", 4850), ("59.1K", 59_100),
      ("3.42M", 3_420_000), ("1.234M", 1_234_000), ("2B", 2_000_000_000), (" 12 ", 12),
      ("", nil), ("K", nil), ("1.5", nil), ("-3", nil), ("4,85K", nil), ("1.2.3K", nil),
      ("1.2345K", nil), ("12x", nil), ("99999999999999999999", nil), ("9999999999999B", nil),
    ] as [(String, Int?)])
  func counts(_ text: String, _ count: Int?) throws {
    var message = PreviewMessage(17, "")
    message.views = text
    #expect(try history(PreviewChannel([message])).page.posts.first?.views == count)
  }

  @Test("has its own text, not that of the message it answers")
  func replies() throws {
    for isQuote in [false, true] {
      let reply = PreviewHTML.reply(to: "BugurtTest/5", isQuote: isQuote)
      let post = try #require(try webPost(reply + PreviewHTML.text("СВОЙ")))
      #expect(post.text == "СВОЙ")
      #expect(post.entities.isEmpty)
      #expect(post.replyTo == 5)
    }
  }

  @Test(
    "answers messages of its own channel only",
    arguments: [
      ("BugurtTest/5", 5), ("bugurttest/5", 5), ("BugurtTest/5?single", 5), ("other/5", nil),
      ("BugurtTest", nil), ("BugurtTest/x", nil), ("c/1032123/5", nil), ("BugurtTest/0", nil),
    ] as [(String, Int?)])
  func replyTargets(_ target: String, _ id: Int?) throws {
    #expect(try webPost(PreviewHTML.reply(to: target))?.replyTo == id)
  }

  @Test(
    "names the source of a forward, empty where it has no name",
    arguments: [
      (
        PreviewHTML.forwarded(#"<span dir="auto">Лентач</span>"#, address: "https://t.me/l/1"),
        "Лентач"
      ),
      (PreviewHTML.forwarded("Лентач", address: "https://t.me/l/1", author: "Автор"), "Лентач"),
      (PreviewHTML.forwarded("Тайный " + PreviewHTML.emoji("👍"), address: nil), "Тайный 👍"),
      (#"<div class="tgme_widget_message_forwarded_from">Forwarded message</div>"#, ""),
      (PreviewHTML.text("Forwarded from"), nil),
    ] as [(String, String?)])
  func forwards(_ html: String, _ name: String?) throws {
    #expect(try webPost(html)?.forwardedFrom == name)
  }

  @Test("adds its reactions up by their names")
  func reactions() throws {
    let post = try webPost(
      PreviewHTML.reactions([
        PreviewHTML.reaction(PreviewHTML.emoji("❤"), "190"),
        PreviewHTML.reaction(PreviewHTML.customEmoji("5265077361648368841", ""), "59.1K"),
        PreviewHTML.reaction("<tg-emoji></tg-emoji>", "7"),
        PreviewHTML.reaction(
          #"<i class="icon icon-telegram-stars"></i>"#, "5.03K", isPaid: true),
        PreviewHTML.reaction(PreviewHTML.emoji("❤"), "1"),
        PreviewHTML.reaction(PreviewHTML.emoji("🔥"), "many"), PreviewHTML.reaction("<i></i>", "3"),
      ]))
    #expect(
      post?.reactions == [
        Post.Reaction(emoji: "❤", count: 191),
        Post.Reaction(emoji: "custom_emoji:5265077361648368841", count: 59_100),
        Post.Reaction(emoji: "custom_emoji", count: 7), Post.Reaction(emoji: "paid", count: 5030),
      ])
  }

  @Test("counts reactions up to what 64 bits hold")
  func manyReactions() throws {
    let reaction = PreviewHTML.reaction(PreviewHTML.emoji("❤"), "9223372036854775807")
    let post = try webPost(PreviewHTML.reactions([reaction, reaction]))
    #expect(post?.reactions == [Post.Reaction(emoji: "❤", count: .max)])
  }

  private static func wrap(_ word: String) -> String {
    #"<a class="tgme_widget_message_\#(word)" href="https://t.me/x/1"></a>"#
  }

  @Test(
    "has the kind of its media",
    arguments: [
      (PreviewHTML.photo, "photo"), (PreviewHTML.supported(PreviewHTML.photo), "photo"),
      (PreviewHTML.video(duration: "0:50"), "video_file"),
      (PreviewHTML.video(duration: nil), "animation"),
      (wrap("roundvideo_player"), "video_message"), (wrap("voice_player"), "voice_message"),
      (#"<audio class="tgme_widget_message_voice js-message_voice"></audio>"#, "voice_message"),
      (wrap("document_wrap"), "file"),
      (
        #"<a class="tgme_widget_message_document_wrap"><div class="tgme_widget_message_document_icon audio"></div></a>"#,
        "audio_file"
      ),
      (wrap("sticker_wrap media_supported_cont"), "sticker"), (wrap("tgsticker"), "sticker"),
      (wrap("videosticker"), "sticker"), (wrap("location_wrap"), "location"),
      (wrap("venue_wrap"), "venue"), (wrap("contact_wrap"), "contact"),
      (PreviewHTML.poll("Кто?", ["кот"]), "poll"), (wrap("game"), "game"),
      (wrap("invoice"), "invoice"),
      (PreviewHTML.text("x") + PreviewHTML.linkPreview, nil),
      (PreviewHTML.reply(to: "x/1"), nil), (PreviewHTML.text("x"), nil),
      (PreviewHTML.album(["x/17", "x/18"]), "photo"),
      (PreviewHTML.video(duration: "1:00") + PreviewHTML.photo, "video_file"),
    ] as [(String, String?)])
  func media(_ html: String, _ kind: String?) throws {
    let post = try #require(try webPost(html))
    #expect(post.media == kind)
  }

  @Test("has the text of an album once, however it is nested")
  func nestedTexts() throws {
    let text = PreviewHTML.text("ПОДПИСЬ<br/><b>2</b>")
    let nested = """
      <div class="media_supported_cont"><div class="tgme_widget_message_one_media"><div \
      class="media_supported_cont">\(PreviewHTML.photo)\(text)</div></div></div>
      """
    for html in [PreviewHTML.text(text), nested, text + text, PreviewHTML.text("") + text] {
      let post = try webPost(PreviewHTML.album(["BugurtTest/17", "BugurtTest/18"]) + html)
      #expect(post?.text == "ПОДПИСЬ\n2")
      #expect(post?.entities == [Post.Entity(type: "bold", offset: 8, length: 1)])
    }
  }

  @Test("names the members of its album, which have no block of their own")
  func albums() throws {
    let album = PreviewHTML.album(["BugurtTest/17", "BugurtTest/18", "BugurtTest/19"])
    var channel = PreviewChannel([PreviewMessage(17, album), PreviewMessage(20, "")])
    #expect(try history(channel).page.parts == [18, 19])
    // A member that has one is a post.
    channel.messages.insert(PreviewMessage(18, PreviewHTML.photo), at: 1)
    #expect(try history(channel).page.parts == [19])
    #expect(try history(channel).page.posts.map(\.id) == [17, 18, 20])
  }

  @Test("has the text of a poll if that is wanted")
  func polls() throws {
    let poll = PreviewHTML.poll("Кто " + PreviewHTML.emoji("🔥") + "?", ["сосед", "кот<br/>Вася"])
    #expect(try webPost(poll)?.text == "")
    #expect(try webPost(poll)?.media == "poll")
    let text = "Кто 🔥?\n– сосед\n– кот\nВася"
    #expect(try webPost(poll, includesPolls: true)?.text == text)
    #expect(
      try webPost(PreviewHTML.text("ОПРОС") + poll, includesPolls: true)?.text == "ОПРОС\n" + text)
  }

  @Test("is counted as a service message where it is one, whatever it shows")
  func service() throws {
    var pinned = PreviewMessage(18, PreviewHTML.text("X pinned a photo") + PreviewHTML.photo)
    pinned.isService = true
    let page = try history(PreviewChannel([PreviewMessage(17, ""), pinned])).page
    #expect(page.posts.map(\.id) == [17])
    #expect(page.service == [18])
  }

  @Test("is unsupported where the page says so and shows nothing else")
  func unsupported() throws {
    let messages = [
      PreviewMessage(1, PreviewHTML.unsupported()),
      PreviewMessage(2, PreviewHTML.unsupported() + PreviewHTML.text("ТЕКСТ")),
      PreviewMessage(3, PreviewHTML.supported("")),
      PreviewMessage(4, PreviewHTML.video(duration: nil)),
      PreviewMessage(5, PreviewHTML.unsupported() + PreviewHTML.text("")),
      PreviewMessage(6, ""),
    ]
    let page = try history(PreviewChannel(messages)).page
    #expect(page.unsupported == [1, 5])
    #expect(page.posts.map(\.id) == [2, 3, 4, 6])
    #expect(page.posts.map(\.text) == ["ТЕКСТ", "", "", ""])
  }
}

@Suite("A page of the web preview")
struct PreviewPageTests {
  private let channel = PreviewChannel.sample(count: 100)

  private func page(_ html: String) throws -> PreviewPage {
    PreviewPage(
      Array(html.utf8), of: try #require(ChannelName("@bugurttest")), options: SourceOptions())
  }

  private func history(_ html: String) throws -> PreviewHistory {
    guard case .history(let history) = try page(html) else {
      throw SourceFault(.protocolViolation, "", "no history")
    }
    return history
  }

  @Test("has its messages in ascending order, and the title of the channel")
  func messages() throws {
    let page = try history(channel.page()).page
    #expect(page.posts.count > 10)
    #expect(page.posts.map(\.id) == page.posts.map(\.id).sorted())
    #expect(page.highest == channel.ids.last)
    #expect(page.title == "БУГУРТ & ТЕСТ")
  }

  @Test("tells whether there are older messages, in its head or its body")
  func older() throws {
    let html = channel.page()
    #expect(try history(html).hasOlder)
    #expect(try history(html.replacing(#"rel="prev""#, with: "")).hasOlder)
    #expect(try history(html.replacing("data-before=", with: "x=")).hasOlder)
    #expect(
      try !history(
        html.replacing("data-before=", with: "x=").replacing(#"rel="prev""#, with: "")
      ).hasOlder)
    #expect(try !history(channel.page(before: 10)).hasOlder)
  }

  @Test("keeps one of two messages with one number, and counts those without")
  func numbers() throws {
    let html = PreviewChannel([
      PreviewMessage(7, PreviewHTML.text("а")), PreviewMessage(7, PreviewHTML.text("б")),
      PreviewMessage(8, PreviewHTML.text("в")),
    ]).page()
    let one = try history(html)
    #expect(one.page.posts.map(\.text) == ["а", "в"])
    #expect(one.unnumbered == 0)
    let two = try history(html.replacing(#"data-post="BugurtTest/8""#, with: ""))
    #expect(two.page.posts.map(\.text) == ["а"])
    #expect(two.unnumbered == 1)
  }

  @Test("leaves a message without a date out, as one that it cannot tell")
  func dateless() throws {
    let html = PreviewChannel([PreviewMessage(7, PreviewHTML.text("а"))]).page()
    let page = try history(html.replacing("datetime=", with: "x=")).page
    #expect(page.posts.isEmpty)
    #expect(page.unsupported == [7])
  }

  @Test("says that it has no posts")
  func empty() throws {
    guard case .noPosts = try page(channel.emptyPage) else {
      Issue.record("not taken for an empty page")
      return
    }
  }

  @Test("is known to be cut off before the end of its HTML")
  func cuts() throws {
    let html = channel.page()
    let whole = try history(html).page
    let history = try #require(html.range(of: "<section")?.lowerBound)
    for end in stride(
      from: html.count - 200, to: html.distance(from: html.startIndex, to: history) + 100, by: -997)
    {
      guard case .cut = try page(String(html.prefix(end))) else {
        Issue.record("not taken for cut off at \(end)")
        return
      }
    }
    // What stands behind the end does not matter.
    #expect(
      try self.history(html.replacing("<!-- page generated in 104.53ms -->", with: "")).page
        == whole)
  }

  @Test(
    "tells whose contact page it is",
    arguments: [
      (
        ["11 110 268 subscribers"], "Telegram: View @x", ContactPage.Owner.channel,
        "11 110 268 subscribers"
      ),
      (["1 subscriber"], "Telegram: View @x", .channel, "1 subscriber"),
      (
        ["15 121 members, 3 314 online"], "Telegram: View @x", .group,
        "15 121 members, 3 314 online"
      ),
      (
        ["@SomeBot", "8 705 monthly users"], "Telegram: Launch @SomeBot", .bot,
        "8 705 monthly users"
      ),
      (["@someone"], "Telegram: Contact @someone", .person, nil),
      ([], "Telegram: Contact @x", .nobody, nil), ([], "Telegram: View @x", .unknown, nil),
    ] as [([String], String, ContactPage.Owner, String?)])
  func contacts(
    _ extra: [String], _ title: String, _ owner: ContactPage.Owner, _ audience: String?
  ) throws {
    guard
      case .contact(let contact) = try page(PreviewChannel.contactPage(title: title, extra: extra))
    else {
      Issue.record("not taken for a contact page")
      return
    }
    #expect(contact.owner == owner)
    #expect(contact.audience == audience)
  }

  @Test(
    "a page of another kind is not taken for a history",
    arguments: [
      ("", nil), ("{\"ok\": true}", nil),
      ("<html><head><title> Oops </title></head><body>Maintenance</body></html>", "Oops"),
      (#"<html><body><section class="tgme_channel_history"></section></body></html>"#, nil),
      (String(repeating: "<div>", count: 1100) + #"<section class="tgme_channel_history">"#, nil),
      (String(repeating: "<div>", count: 100_000), nil),
    ] as [(String, String?)])
  func others(_ html: String, _ title: String?) throws {
    guard case .other(title) = try page(html) else {
      Issue.record("taken for something")
      return
    }
  }

  @Test("is refused as a whole where elements are nested deeper than the parser reads")
  func limits() throws {
    func html(_ text: String) -> String {
      PreviewChannel([
        PreviewMessage(7, PreviewHTML.text(text)), PreviewMessage(8, PreviewHTML.text("б")),
      ]).page()
    }
    func nested(_ count: Int) -> String {
      String(repeating: "<b>", count: count) + "x" + String(repeating: "</b>", count: count)
    }
    #expect(try history(html(nested(900))).page.posts.map(\.text) == ["x", "б"])
    let long = String(repeating: "Ж", count: 9_000_000)
    #expect(try history(html(long)).page.posts.map(\.text.utf8.count) == [18_000_000, 2])
    guard case .other = try page(html(nested(1100))) else {
      Issue.record("read in part")
      return
    }
  }

  @Test("may hold bytes that are not UTF-8, zeros and tags that nobody knows")
  func oddities() throws {
    var bytes = Array(
      PreviewChannel([PreviewMessage(7, PreviewHTML.text("а?б"))]).page().utf8)
    let place = try #require(
      bytes.firstIndex(of: 0x3F).map { _ in
        bytes.indices.first { bytes[$0...].starts(with: "а?б".utf8) }
      } ?? nil)
    bytes.replaceSubrange(
      place + 2..<place + 3, with: [0xFF, 0x00] + Array("<new-tag x='>'>!</new-tag>".utf8))
    let name = try #require(ChannelName("@bugurttest"))
    guard case .history(let history) = PreviewPage(bytes, of: name, options: SourceOptions()) else {
      Issue.record("no history")
      return
    }
    #expect(history.page.posts.map(\.text) == ["а\u{FFFD}\u{FFFD}!б"])
  }
}
