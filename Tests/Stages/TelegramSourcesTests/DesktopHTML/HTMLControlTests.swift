import PostFormat
import TelegramSources
import Testing

@Suite("Controls of a page")
struct HTMLControlTests {
  private let controls =
    "<button>нажми</button><script>if (a < b) {}</script><style>p {}</style><nav>дальше</nav>"
    + #"<select><option>один</option></select><input type="hidden" value="x"><b hidden="">нет</b>"#
    + #"<span aria-hidden="true">▶</span><span style="display: none">скрыто</span>"#
  private let spoiler =
    #"<span class="spoiler hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">тайна</span>"#
    + "</span>"

  @Test("controls are left out, spoilers are kept")
  func text() throws {
    let plain = try htmlPost(htmlText("до " + controls + spoiler + " после"))
    #expect(plain?.text == "до тайна после")
    #expect(plain?.entities == [Post.Entity(type: "spoiler", offset: 3, length: 5)])
    let rich = try htmlPost(
      #"<div class="text rich_message"><p>"# + "до " + controls + spoiler + " после</p></div>")
    #expect(rich?.text == "до тайна после")
    #expect(rich?.entities == plain?.entities)
  }

  @Test("hold no text if they have no end")
  func unclosed() throws {
    #expect(try htmlPost(htmlText("до <button>после <select>и"))?.text == "до после и")
    let many = String(repeating: "<button>", count: 20_000)
    #expect(try htmlPost(htmlText(many + "a"))?.text == "a")
    let closed = String(repeating: "<button>x</button>", count: 20_000)
    #expect(try htmlPost(htmlText(closed + "a<button>"))?.text == "a")
  }

  @Test("are no text of a poll")
  func poll() throws {
    var options = SourceOptions()
    options.includesPolls = true
    let html = htmlPart(
      "media_wrap clearfix",
      htmlPart(
        "media_poll",
        htmlPart("question bold", "кто" + controls + spoiler) + htmlPart("answer", "- кот")))
    #expect(try htmlPost(html, options)?.text == "ктотайна\n– кот")
  }
}
