import FileSupport
import PostFormat
import TelegramSources

extension FuzzedParser {
  /// `HTMLExport`: a page of an export in HTML, `messages.html`.
  static let desktopHTML = FuzzedParser(
    name: "desktop-html",
    seeds: [
      head + message(1, text: "КОТ<br>@<br>ПЁС") + end,
      head + #"""
        <div class="message service" id="message-1"><div class="body details">1 March 2016</div></div>
        <div class="message service" id="message1"><div class="body details">Channel created</div></div>
        """# + message(2, text: markup, more: reactions) + message(3, more: forward) + end,
      head + message(4, more: poll) + message(5, more: rich) + message(6, more: buttons)
        + #" <a class="pagination block_link" href="messages2.html">Next messages</a>"# + end,
      head + message(7, text: "  a &#x0B;&#x0D;<br>b  ", more: media) + message(8, text: "cut"),
    ],
    words: [
      "<div class=\"message default clearfix\" id=\"message9\">",
      "<div class=\"message service\" id=\"",
      "<div class=\"body\">", "<div class=\"text\">\n", "\n </div>\n", "<div class=\"from_name\">",
      "<div class=\"forwarded body\">", "<div class=\"reply_to details\">", "href=\"",
      "#go_to_message5",
      "<div class=\"media_wrap clearfix\">", "<div class=\"media clearfix pull_left media_",
      "<span class=\"reaction paid\">", "<span class=\"emoji\">", "<span class=\"count\">",
      "<span class=\"userpics\">", "<div class=\"media_poll\">", "<div class=\"question bold\">",
      "<div class=\"answer\">", "<div class=\"text rich_message\">", "<ol start=\"", "<li value=\"",
      "<button>", "</button>", "<select>", " aria-hidden=\"true\"", " hidden",
      " style=\"display:none\"",
      " data-rich-kind=\"", "<span class=\"rich_task_marker\">",
      "<address class=\"rich_author_date\">",
      "<table class=\"bot_buttons_table\">",
      " title=\"01.03.2016 16:49:34 UTC+03:00\">", "<br>", "<strong>", "</strong>", "<em>", "</em>",
      "<pre>", "<code>", "<blockquote>", "<span class=\"spoiler hidden\">", "</span>",
      "<a href = \"",
      "onclick=\"return ShowHashtag(", "</a>", "&quot;", "&amp;", "&#x0B;", "&#xD800;",
      "&#x10FFFF;",
      "&laquo;", "<!--", "-->", "<p>", "<li>", "<td>", "<script>", "</html>", "<div>", "</div>",
      "<div><div><div><div>", "9223372036854775807", "class=\"history\"", "class=\"page_wrap\"",
    ]
  ) { bytes, scratch in
    let path = try scratch.file("messages.html", holding: bytes)
    // Whether the options are set follows from the input, so that each input always does the same.
    var options = SourceOptions()
    options.includesPolls = bytes.count % 2 == 0
    options.salvages = bytes.count % 3 > 0
    _ = HTMLExport.isHTMLExport(path)
    var posts: [Post] = []
    // Also what came before an error is checked.
    let reading = Result {
      let stream = try HTMLExport(path: path, options: options).open { _ in }
      while let post = try stream.next() {
        expectEntities(of: post)
        expect(!post.text.unicodeScalars.contains("\r"), "lines end in LF")
        posts.append(post)
      }
      return stream.summary
    }
    try expectCopy(of: posts, scratch)
    let summary = try reading.get()
    expect(summary.posts == posts.count, "all posts are counted")
  }

  // MARK: - Seeds

  private static let head = """
    <!DOCTYPE html>
    <html><body onload="CheckLocation();"><div class="page_wrap"><div class="page_header">
     <div class="content"><div class="text bold">
    Кот&amp;
     </div></div></div><div class="page_body chat_page"><div class="history">

    """

  private static let end = "</div></div></div></body></html>\n"

  private static func message(_ id: Int, text: String = "", more: String = "") -> String {
    """
     <div class="message default clearfix" id="message\(id)"><div class="body">
      <div class="pull_right date details" title="01.03.2016 16:49:34 UTC+03:00">
    16:49
      </div>
      <div class="from_name">
    Кот
      </div>
      \(more)\(text.isEmpty ? "" : "<div class=\"text\">\n\(text)\n </div>")
     </div></div>

    """
  }

  private static let markup = #"""
    <strong>a<em>b</em></strong>&quot;<a href="https://t.me/кот">@кот</a> <pre>x<br>y</pre><a href = "s/\#
    a.webp">😀</a><a href="" onclick="return ShowHashtag(&quot;a&quot;)">#a</a><span class="spoiler \#
    hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">c</span></span>
    """#

  private static let reactions = #"""
    <span class="reactions"><span class="reaction"><span class="emoji">❤</span><span class="count">12\#
    </span></span><span class="reaction active paid"><span class="emoji">⭐</span><span class="userpics">\#
    <div class="userpic"></div></span></span><div class="reaction"><div class="emoji"><a href = "s/a">\#
    👋</a></div></div></span>
    """#

  private static let forward = #"""
    <div class="forwarded body"><div class="from_name">Пёс <span class="date details" title="x"> 1</span>\#
    </div><div class="reply_to details">In reply to <a href="messages3.html#go_to_message1">this</a></div>\#
    </div>
    """#

  private static let media = #"""
    <div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left" href="p"><img src="q"/></a>\#
    </div><div class="media_wrap clearfix"><div class="media clearfix pull_left media_video"><div class=\#
    "body"><div class="title bold">Animation</div></div></div></div>
    """#

  private static let poll = #"""
    <div class="media_wrap clearfix"><div class="media_poll"><div class="question bold">Кто?</div><div \#
    class="details">Anonymous poll</div><div class="answer">- кот <span class="details">1 vote</span></div>\#
    </div></div>
    """#

  private static let rich = #"""
    <div class="text rich_message"><h1>a</h1><p>b<strong>c</strong></p><ul><li><span class="rich_task_marker">\#
    ☑</span><div>d</div></li></ul><table><tr><td>1</td><td>2</td></tr></table><pre><code>x</code></pre>\#
    <ol start="3" type="i" reversed=""><li data-num="a" value="5"><span class="rich_order_marker">a</span>\#
    <p data-rich-kind="new">e</p></li></ol><aside class="rich_pullquote">f</aside><address class=\#
    "rich_author_date">g • <time>1</time></address><span class="rich_custom_emoji"><a href="s/a.webp">😀</a>\#
    </span><button>h</button><span aria-hidden="true">i</span></div>
    """#

  private static let buttons = #"""
    <table class="bot_buttons_table"><tbody><tr><td class="bot_button_row"><div class="bot_button"><a ="" \#
    onclick="return ShowTextCopied('a');"><div>
    <div class="text">b
    </div></a></div></td></tr></tbody></table>
    """#
}
