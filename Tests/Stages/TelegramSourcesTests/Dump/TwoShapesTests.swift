import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

extension ExportedMessage {
  private static let pieces = [
    "а", "Ё", " ", "  ", "\n", "\n\n", "@", "b", "&", "<", ">", "\"", "'", "&amp;", "<br>",
    "</div>",
    "<div class=\"text\">", "<div class=\"message ", "🔥", "👨‍👩‍👧", "e\u{301}", "\t", "\u{B}", "\u{1}",
    "\r",
    "\r\n", "\u{7F}", "\u{A0}", "\u{FEFF}", "\u{FFFE}", "\u{85}", "«", "https://", "\\", ";", "#",
  ]

  private static let types = [
    "bold", "italic", "underline", "strikethrough", "code", "pre", "blockquote", "spoiler", "link",
    "email", "phone", "mention", "mention_name", "hashtag", "cashtag", "bot_command", "text_link",
    "custom_emoji",
  ]

  private static let media = [
    "photo", "file", "video_file", "audio_file", "animation", "voice_message", "video_message",
    "sticker", "poll", "location", "venue",
  ]

  private static func text(_ length: ClosedRange<Int>, _ random: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: length, using: &random) {
      text += pieces.randomElement(using: &random) ?? ""
    }
    return text
  }

  /// A message that is anything a message may be.
  fileprivate init(id: Int, date: Int, _ random: inout SeededGenerator) {
    self.init(id: id, date: date)
    isService = Int.random(in: 0..<12, using: &random) == 0
    isJoined = Bool.random(using: &random)
    for _ in 0..<Int.random(in: 0..<6, using: &random) {
      var part = Part(text: Self.text(1...8, &random))
      // Two plain parts in a row are one.
      if parts.last?.type == nil && !parts.isEmpty || Bool.random(using: &random) {
        part.type = Self.types.randomElement(using: &random)
      }
      switch part.type {
      case "mention": part.text = "@" + part.text
      case "hashtag": part.text = "#" + part.text
      // Without these an address is the text itself, and a page does not tell what it is.
      case "text_link": part.url = "https://ya.ru/?" + Self.text(0...5, &random)
      case "custom_emoji": part.document = Bool.random(using: &random) ? "stickers/a (1).webp" : nil
      default: break
      }
      parts.append(part)
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      forwardedFrom = .some(Bool.random(using: &random) ? "Иван & Ко" : nil)
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      replyTo = Int.random(in: 1...9999, using: &random)
    }
    if Int.random(in: 0..<3, using: &random) == 0 {
      media = Self.media.randomElement(using: &random)
    }
    if media == "poll" { poll = ("Кто <b>?", ["сосед & кот", "«оба»"]) }
    for emoji in ["❤", "🔥", "👍🏿", "paid"] where Int.random(in: 0..<4, using: &random) == 0 {
      reactions.append((emoji, Int.random(in: 1...5000, using: &random)))
    }
  }
}

@Suite("An export in JSON and in HTML")
struct TwoShapesTests {
  @Test("gives the same posts in both shapes", arguments: 1...40 as ClosedRange<UInt64>)
  func samePosts(seed: UInt64) throws {
    var random = SeededGenerator(state: seed)
    var id = 0
    var date = Int.random(in: 1_400_000_000..<1_800_000_000, using: &random)
    let messages = (0..<Int.random(in: 1...60, using: &random)).map { _ in
      id += Int.random(in: 1...3, using: &random)
      date += Int.random(in: 0...5000, using: &random)
      return ExportedMessage(id: id, date: date, &random)
    }
    let folder = try TemporaryFolder()
    try folder.write(channel(messages.map(\.json).joined(separator: ",\n")), to: "result.json")
    let hours = Int.random(in: -12...14, using: &random)
    let size = Int.random(in: 1...messages.count, using: &random)
    let pages = stride(from: 0, to: messages.count, by: size).map { start in
      htmlPage(
        htmlServiceMessage(-1 - start, "1 March 2016")
          + messages.dropFirst(start).prefix(size).map { $0.html(hours: hours) }.joined(),
        next: start + size < messages.count ? "messages\(start / size + 2).html" : nil)
    }
    try folder.write(pages: pages, to: "html/")
    let json = try Dump(path: folder.path("result.json"))
    let html = try Dump(html: folder.path("html"))
    #expect(json.posts.count == messages.count(where: { !$0.isService }))
    try #require(html.posts.count == json.posts.count)
    for (page, object) in zip(html.posts, json.posts) {
      #expect(page == object)
      // Strings are equal also where only their characters are.
      #expect(Array(page.text.utf8) == Array(object.text.utf8))
    }
    var summary = html.summary
    summary.chat = json.summary.chat
    #expect(summary == json.summary)
  }

  @Test("tells line and paragraph separators apart in JSON only, and bank cards too")
  func differences() throws {
    let message = ExportedMessage(
      id: 1, date: 100, parts: [.init(type: "bank_card", text: "4111\u{2028}1"), .init(text: "a")])
    let json = try Dump(channel(message.json)).posts
    let html = try Dump(pages: [htmlPage(htmlMessage(1, htmlText("4111<br>1a")))]).posts
    #expect(json.first?.text == "4111\u{2028}1a")
    #expect(json.first?.entities.map(\.type) == ["bank_card"])
    #expect(html.first?.text == "4111\n1a")
    #expect(html.first?.entities == [])
  }
}
