import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("A text of the web preview")
struct PreviewTextTests {
  /// The parts of the text that its entities name, as `type: text`, with the addresses of links.
  private func marks(_ post: Post) -> [String] {
    let units = Array(post.text.utf16)
    return post.entities.map { entity in
      let text = String(
        decoding: units[entity.offset..<entity.offset + entity.length], as: UTF16.self)
      return "\(entity.type): \(text)" + (entity.url.map { " -> \($0)" } ?? "")
    }
  }

  @Test(
    "has lines, characters and emoji as they were posted",
    arguments: [
      ("КОТ<br/>@<br/>УШЁЛ", "КОТ\n@\nУШЁЛ"),
      ("КОТ<br>@<br>УШЁЛ", "КОТ\n@\nУШЁЛ"),
      ("a<br/><br/>b<br/>", "a\n\nb\n"),
      ("&lt;b&gt; &quot;&amp;amp;&quot; &#33;&#036;&#39;", "<b> \"&amp;\" !$'"),
      ("a&nbsp;b", "a\u{A0}b"),
      ("<b>a</b> <i>b</i>", "a b"),
      ("  два  пробела ", "  два  пробела "),
      ("до " + PreviewHTML.emoji("📸") + " после", "до 📸 после"),
      (PreviewHTML.customEmoji("5", PreviewHTML.emoji("📊")) + "!", "📊!"),
      (PreviewHTML.customEmoji("5", ""), ""),
      ("👨‍👩‍👧 ☪️", "👨‍👩‍👧 ☪️"),
      ("<tg-new>и новое</tg-new>", "и новое"),
      ("a<script>b</script><!-- c -->d", "ad"),
    ])
  func texts(_ html: String, _ text: String) throws {
    #expect(try webPost(PreviewHTML.text(html))?.text == text)
  }

  @Test("has none of the line breaks and indents of a page, but in a listing")
  func indents() throws {
    let post = try webPost(
      PreviewHTML.text("\n      КОТ<br>\r\n      УШЁЛ\n   <pre>a\n  b</pre>\n  "))
    #expect(post?.text == "КОТ\nУШЁЛa\n  b")
  }

  @Test("has entities in UTF-16 units, nested ones too, outer ones first")
  func entities() throws {
    let post = try #require(
      try webPost(
        PreviewHTML.text(
          "👨‍👩‍👧 <b>ЖИР <i>и <s>косо</s></i></b><br/><u>низ</u> <tg-spoiler>тайна</tg-spoiler> "
            + "<code>x = 1</code><pre><code class=\"language-c\">int</code></pre>"
            + "<blockquote expandable>ЦИТАТА<br/>2</blockquote><i><b>оба</b></i><b></b>"
            + PreviewHTML.customEmoji("5", PreviewHTML.emoji("🔥")) + PreviewHTML.emoji("⚾️"))))
    #expect(post.text == "👨‍👩‍👧 ЖИР и косо\nниз тайна x = 1intЦИТАТА\n2оба🔥⚾️")
    #expect(
      marks(post) == [
        "bold: ЖИР и косо", "italic: и косо", "strikethrough: косо", "underline: низ",
        "spoiler: тайна", "code: x = 1", "pre: int", "blockquote: ЦИТАТА\n2", "italic: оба",
        "bold: оба", "custom_emoji: 🔥",
      ])
    #expect(post.entities.first == Post.Entity(type: "bold", offset: 9, length: 10))
  }

  private static let asks =
    #"target="_blank" rel="noopener" onclick="return confirm('Open this link?\n\n'+this.href);""#

  @Test(
    "says what a link is",
    arguments: [
      (
        #"<a href="https://vk.com/x" target="_blank" rel="noopener">https://vk.com/x</a>"#,
        "link: https://vk.com/x"
      ),
      (#"<a href="http://vk.com/">vk.com</a>"#, "link: vk.com"),
      (
        #"<a href="https://ru.wikipedia.org/wiki/%D0%9A%D0%BE%D1%82">ru.wikipedia.org/wiki/Кот</a>"#,
        "link: ru.wikipedia.org/wiki/Кот"
      ),
      (#"<a href="https://vk.com/x" \#(asks)>жми</a>"#, "text_link: жми -> https://vk.com/x"),
      (#"<a href="https://t.me/+abc">Жми сюда</a>"#, "text_link: Жми сюда -> https://t.me/+abc"),
      (
        #"<a href="https://x.org/?id=1&amp;amp;view=a" \#(asks)>жми</a>"#,
        "text_link: жми -> https://x.org/?id=1&view=a"
      ),
      (
        #"<a href="https://x.org/?id=1&amp;amp;view=a">https://x.org/?id=1&amp;view=a</a>"#,
        "link: https://x.org/?id=1&view=a"
      ),
      (#"<a href="https://x.org/?a=1&lt=2">жми</a>"#, "text_link: жми -> https://x.org/?a=1&lt=2"),
      (#"<a href="https://t.me/name" target="_blank">@name</a>"#, "mention: @name"),
      (#"<a href="https://t.me/Name" target="_blank">@name</a>"#, "mention: @name"),
      (
        #"<a href="https://evil.com/name" \#(asks)>@name</a>"#,
        "text_link: @name -> https://evil.com/name"
      ),
      (##"<a href="?q=%23tag">#tag</a>"##, "hashtag: #tag"),
      (#"<a href="?q=%24TON">$TON</a>"#, "cashtag: $TON"),
      (#"<a href="mailto:a@b.org">a@b.org</a>"#, "email: a@b.org"),
      (#"<a href="tel:+79991234567">+7 999 123-45-67</a>"#, "phone: +7 999 123-45-67"),
      (#"<a href="tg://user?id=7">Имя</a>"#, "mention_name: Имя"),
    ])
  func links(_ html: String, _ mark: String) throws {
    let post = try #require(try webPost(PreviewHTML.text("до " + html + " после")))
    #expect(marks(post) == [mark])
  }

  @Test("has no link where there is no address")
  func noAddress() throws {
    let post = try webPost(PreviewHTML.text(#"<a>голый</a> <a href="">пустой</a>"#))
    #expect(post?.text == "голый пустой")
    #expect(post?.entities == [])
  }

  @Test("keeps a link inside of bold print, which exports lose")
  func nestedLink() throws {
    let post = try #require(
      try webPost(
        PreviewHTML.text(#"<b>тут <a href="https://a.b/c" onclick="return confirm('')">x</a></b>"#))
    )
    #expect(marks(post) == ["bold: тут x", "text_link: x -> https://a.b/c"])
  }
}
