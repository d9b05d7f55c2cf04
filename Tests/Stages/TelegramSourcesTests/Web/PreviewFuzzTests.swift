import Foundation
import PostFormat
import TelegramSources
import TestSupport
import Testing

/// Pages with random damage, the same for the same seed.
private struct Damage {
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(state: seed) }

  mutating func number(below limit: Int) -> Int { Int(generator.next() % UInt64(max(limit, 1))) }

  private static let pieces = [
    "<", ">", "\"", "'", "&", ";", "&amp;", "&#0;", "&#x10FFFF;", "&#55296;", "</div>", "<div>",
    "<b>",
    "</a>", "<a href='", "<br/>", "<!--", "-->", "]]>", "<![CDATA[", "<?x", "</html>", "</section>",
    "<pre>", "<script>", "<textarea>", "<table>", "<svg>", "data-post=\"x/99999999999999999999\"",
    "data-post=\"BugurtTest/1\"", "class=\"tgme_widget_message_text js-message_text\"",
    "<div class=\"tgme_widget_message service_message\" data-post=\"a/3\">",
    "class=\"tgme_reaction\"",
    "datetime=\"9999-12-31T23:59:59+99:99\"", "\0", "\u{FEFF}", "\u{202E}", "👨‍👩‍👧", "9999999999999M",
    "<tg-emoji emoji-id='", "?single", "rel=\"prev\"",
  ].map { Array($0.utf8) }

  /// Changes `page` in one to eight places.
  mutating func change(_ page: inout [UInt8]) {
    for _ in 0...number(below: 8) {
      let place = number(below: page.count)
      let end = min(page.count, place + 1 + number(below: 1 << number(below: 11)))
      switch number(below: 7) {
      case 0 where place < page.count: page[place] = UInt8(truncatingIfNeeded: generator.next())
      case 1 where place < page.count: page[place] ^= 1 << number(below: 8)
      case 2: page.removeSubrange(place..<end)
      case 3: page.insert(contentsOf: Array(page[place..<end]), at: number(below: page.count))
      case 4: page.removeSubrange(number(below: 8) == 0 ? place... : end...)
      default:
        let piece = Self.pieces[number(below: Self.pieces.count)]
        let count = number(below: 20) == 0 ? 400 : 1
        page.insert(contentsOf: repeatElement(piece, count: count).joined(), at: place)
      }
    }
  }
}

@Suite("Damaged pages of the web preview")
struct PreviewFuzzTests {
  /// A small channel with everything in it.
  private var seeds: [[UInt8]] {
    var rich = PreviewChannel([
      PreviewMessage(
        3,
        PreviewHTML.reply(to: "BugurtTest/1") + PreviewHTML.supported(PreviewHTML.photo)
          + PreviewHTML.text(
            "<b>ЖИР <i>x</i></b><br/><a href=\"?q=%23a\">#a</a> <pre>a\nb</pre>"
              + PreviewHTML.customEmoji("5", PreviewHTML.emoji("🔥"))
              + "<a href=\"https://a.b/?x=1&amp;amp;y=2\" onclick=\"return confirm('?')\">жми</a>")
          + PreviewHTML.linkPreview + PreviewHTML.reactions([("❤", "1.2K")])),
      PreviewMessage(5, PreviewHTML.poll("Кто?", ["сосед", "кот"]) + PreviewHTML.unsupported()),
      PreviewMessage(
        6,
        PreviewHTML.forwarded("Лентач", address: "https://t.me/l/1", author: "Я")
          + PreviewHTML.album(["BugurtTest/6", "BugurtTest/7"]) + PreviewHTML.video(duration: "1:0")
      ),
    ])
    rich.messages[0].meta = "edited &nbsp;"
    return [
      rich.page(), PreviewChannel.sample(count: 4).page(), rich.emptyPage,
      PreviewChannel.contactPage(title: "Telegram: View @x", extra: ["1 subscriber"]),
    ].map { Array($0.utf8) }
  }

  /// How many pages are tried; FUZZ_INPUTS in the environment wins.
  private static let count =
    ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap { Int($0) } ?? 2000

  @Test("give posts that keep to the contract, or none")
  func damage() throws {
    let seeds = seeds
    let name = try #require(ChannelName("@bugurttest"))
    var options = SourceOptions()
    options.includesPolls = true
    var histories = 0
    for seed in 0..<Self.count {
      var damage = Damage(seed: UInt64(seed))
      var page = seeds[damage.number(below: 10) < 7 ? 0 : damage.number(below: seeds.count)]
      damage.change(&page)
      guard case .history(let history) = PreviewPage(page, of: name, options: options) else {
        continue
      }
      histories += 1
      let found = history.page
      let ids = found.posts.map(\.id) + found.service + found.unsupported + found.parts
      #expect(Set(ids).count == ids.count && ids.allSatisfy { $0 > 0 }, "seed \(seed)")
      #expect(
        zip(found.posts, found.posts.dropFirst()).allSatisfy { $0.id < $1.id }, "seed \(seed)")
      for post in found.posts {
        let length = post.text.utf16.count
        #expect(
          post.entities.allSatisfy { $0.length > 0 && $0.offset + $0.length <= length },
          "seed \(seed)")
        #expect(!post.text.unicodeScalars.contains("\r"), "seed \(seed)")
      }
    }
    // Most damage is mended, and what is not mended is told.
    #expect(histories > Self.count / 3 && histories < Self.count)
    if Self.count > 2000 { print("\(Self.count) pages, of which \(histories) have messages") }
  }
}
