import PostFormat
import TelegramSources
import Testing

@Suite("The text of a message of an HTML export")
struct HTMLTextTests {
  @Test(
    "is what stands between its tags, its breaks and references put in",
    arguments: [
      ("КОГДА ПРИШЁЛ<br>@<br>А ОН ЗАКРЫТ", "КОГДА ПРИШЁЛ\n@\nА ОН ЗАКРЫТ"),
      ("  a  <br>  b  ", "  a  \n  b  "),
      ("<br>a<br><br>", "\na\n\n"),
      (" <br> ", " \n "),
      ("&quot;a&quot; &amp;&apos;b&apos; &lt;c&gt; &laquo;d&raquo;", "\"a\" &'b' <c> «d»"),
      ("a&#x09;b&#x0B;c&#x1F;d&#33;&#x1F525;", "a\tb\u{B}c\u{1F}d!🔥"),
      ("a&#x0D;<br>b&#x0D;c<br>", "a\nb\nc\n"),
      ("&amp;lt;br&amp;gt;", "&lt;br&gt;"),
      ("\u{7F}\u{FFFE}\u{FFFF}\u{85}", "\u{7F}\u{FFFE}\u{FFFF}\u{85}"),
      ("a &nosuch; b & c &; &#; &#x; &#xD800; d", "a &nosuch; b & c &; &#; &#x; \u{FFFD} d"),
      ("1 < 2 <> <3 <\"a", "1 < 2 <> <3 <\"a"),
      ("a <b", "a <b"),
      ("a<!-- <b> -->b<!----><strong>c</strong> <!-- d", "abc <!-- d"),
      ("a <3>b</3> <!x> <?y?>", "a <3>b</3> <!x> <?y?>"),
      ("\u{10FFFF}A\u{10FFFF}", "\u{10FFFF}A\u{10FFFF}"),
      ("a <i title=\"b", "a <i title=\"b"),
      ("a<br/>b<br />c<BR>d", "a\nb\nc\nd"),
      ("<font color=red>a</font><img src='x'>b<script>c</script>", "ab"),
      ("ё👨‍👩‍👧🇷🇺", "ё👨‍👩‍👧🇷🇺"),
    ])
  func texts(_ html: String, _ text: String) throws {
    let found = try #require(try htmlPost(htmlText(html)))
    #expect(Array(found.text.utf8) == Array(text.utf8))
  }

  @Test("may begin and end in blanks, and in lines")
  func edges() throws {
    for text in ["", " ", "\t", " a", "a ", "   a   ", "а "] {
      #expect(try htmlPost(htmlText(text))?.text == text)
    }
    // Lines of the page itself, not written by Telegram Desktop.
    #expect(try htmlPost(htmlText("a\nb\r\nc"))?.text == "a\nb\nc")
    let inline = #"<div class="body"></div><div class="text">a b</div>"#
    #expect(try htmlPost(inline)?.text == "a b")
  }

  @Test("is not looked for in the header of the page, nor elsewhere")
  func otherTexts() throws {
    let post = try htmlPost(htmlPart("text bold", "a") + htmlPart("signature details", "b"))
    #expect(post?.text == "")
  }

  private func entity(_ type: String, _ offset: Int, _ length: Int, _ url: String? = nil)
    -> Post.Entity
  {
    Post.Entity(type: type, offset: offset, length: length, url: url)
  }

  private func entities(_ html: String) throws -> [Post.Entity] {
    try #require(try htmlPost(htmlText(html))).entities
  }

  @Test(
    "has entities for its tags",
    arguments: [
      ("<strong>a</strong>", "bold"), ("<b>a</b>", "bold"), ("<em>a</em>", "italic"),
      ("<i>a</i>", "italic"), ("<u>a</u>", "underline"), ("<s>a</s>", "strikethrough"),
      ("<code>a</code>", "code"), ("<pre>a</pre>", "pre"),
      ("<blockquote>a</blockquote>", "blockquote"),
      (
        #"<span class="spoiler hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">a</span></span>"#,
        "spoiler"
      ),
      (#"<a href="a">a</a>"#, "link"),
      (#"<a href="mailto:a">a</a>"#, "email"),
      (#"<a href="tel:a">a</a>"#, "phone"),
      (#"<a href="" onclick="return ShowHashtag(&quot;a&quot;)">a</a>"#, "hashtag"),
      (#"<a href="" onclick="return ShowCashtag(&quot;a&quot;)">a</a>"#, "cashtag"),
      (#"<a href="" onclick="return ShowBotCommand(&quot;a&quot;)">a</a>"#, "bot_command"),
      (#"<a href="" onclick="return ShowMentionName()">a</a>"#, "mention_name"),
      (#"<a href = "stickers/sticker (1).webp">a</a>"#, "custom_emoji"),
      (#"<a href="" onclick="return ShowNotLoadedEmoji();">a</a>"#, "custom_emoji"),
      (#"<a href="" onclick="return ShowNotAvailableEmoji();">a</a>"#, "custom_emoji"),
    ])
  func types(_ html: String, _ type: String) throws {
    #expect(try entities("ё🔥<br>" + html + "b") == [entity(type, 4, 1)])
  }

  @Test("recognises links by their addresses")
  func links() throws {
    #expect(
      try entities(#"<a href="https://t.me/bugurt">@bugurt</a>"#) == [entity("mention", 0, 7)])
    #expect(
      try entities(#"<a href="https://t.me/other">@bugurt</a>"#)
        == [entity("text_link", 0, 7, "https://t.me/other")])
    #expect(
      try entities(
        #"<a href="https://ya.ru/?a=1&amp;b=&quot;2&quot;">https://ya.ru/?a=1&amp;b=&quot;2&quot;</a>"#
      )
        == [entity("link", 0, 24)])
    #expect(
      try entities(#"Жми <a href="https://ya.ru/?a=1&amp;amp;b=2">сю<br>да</a>"#)
        == [entity("text_link", 4, 5, "https://ya.ru/?a=1&amp;b=2")])
    #expect(try entities(#"<a href="">a</a>"#) == [entity("text_link", 0, 1, "")])
    #expect(try entities(#"<a ="" onclick="x">a</a>"#) == [entity("text_link", 0, 1, "")])
  }

  @Test("has nested entities in the order of their offsets, outer ones first")
  func nesting() throws {
    #expect(
      try entities(#"a<strong>b<em>c</em><a href="x">d</a></strong><u><s>e</s></u>"#) == [
        entity("bold", 1, 3), entity("italic", 2, 1), entity("text_link", 3, 1, "x"),
        entity("underline", 4, 1), entity("strikethrough", 4, 1),
      ])
  }

  @Test("leaves out entities of nothing, and takes tags that do not match as they come")
  func unbalanced() throws {
    #expect(try entities("<strong></strong>a<em><u></u></em>") == [])
    #expect(
      try entities("</em>a<strong>b<em>c</strong>d</em>") == [
        entity("bold", 1, 2), entity("italic", 2, 1),
      ])
    #expect(try entities("a<strong>b") == [entity("bold", 1, 1)])
    let deep = String(repeating: "<b>", count: 900)
    #expect(try entities(deep + "a") == Array(repeating: entity("bold", 0, 1), count: 900))
  }

  @Test("counts lines as the text has them")
  func lineEnds() throws {
    #expect(
      try entities("a&#x0D;<br><strong>b&#x0D;</strong><br>c<em>d</em>") == [
        entity("bold", 2, 2), entity("italic", 6, 1),
      ])
  }
}
