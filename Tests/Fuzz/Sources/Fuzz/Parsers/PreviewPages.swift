import FileSupport
import PostFormat
import TelegramSources

extension FuzzedParser {
  /// `PreviewPage`: a page of the web preview, `t.me/s/NAME`.
  static let previewPage = FuzzedParser(
    name: "preview-page",
    seeds: [
      page(message(7, text("КОТ<br/>@<br/><b>ПЁС</b>") + views) + message(9, poll)),
      page(
        #"<a class="tme_messages_more" data-before="7"></a>"# + message(10, photo + reply)
          + message(11, text(#"<tg-emoji emoji-id="1"><i class="emoji"><b>😀</b></i></tg-emoji>"#))),
      page(#"<div class="tme_no_messages_found">No posts found</div>"#),
      #"""
      <html><title>T</title><div class="tgme_page"><div class="tgme_page_extra">11 110 subscribers</div>
      </div></html>
      """#,
    ],
    words: [
      "data-post=\"cats/", "<div class=\"tgme_widget_message ", "tgme_widget_message_text",
      "js-message_reply_text", "tgme_widget_message_service_date_wrap", "service_message",
      "tgme_widget_message_grouped_wrap", "tgme_widget_message_photo_wrap",
      "tgme_widget_message_poll",
      "tgme_widget_message_forwarded_from", "message_media_not_supported", "tgme_reaction",
      "datetime=\"2016-03-01T13:49:34+00:00\"", "<tg-spoiler>", "<tg-emoji>", "<br/>", "<pre>",
      "<code>",
      "<blockquote expandable>", "&quot;", "&#33;", "1.2K", "99M", "</html>", "</div>", "?single",
    ]
  ) { bytes, _ in
    guard let name = ChannelName("@cats") else { fatalError("@cats is no name") }
    for includesPolls in [false, true] {
      var options = SourceOptions()
      options.includesPolls = includesPolls
      guard case .history(let history) = PreviewPage(Array(bytes), of: name, options: options)
      else {
        continue
      }
      let ids = history.page.posts.map(\.id)
      expect(ids == ids.sorted() && Set(ids).count == ids.count, "posts are in order, each once")
      for post in history.page.posts { expectEntities(of: post) }
    }
  }

  private static func page(_ messages: String) -> String {
    #"<html><section class="tgme_channel_history js-message_history">\#(messages)</section></html>"#
  }

  private static func message(_ id: Int, _ body: String) -> String {
    #"""
    <div class="tgme_widget_message_wrap"><div class="tgme_widget_message" data-post="cats/\#(id)">\#(body)
    <a class="tgme_widget_message_date"><time datetime="2016-03-01T13:49:34+00:00">1</time></a></div></div>
    """#
  }

  private static func text(_ html: String) -> String {
    #"<div class="tgme_widget_message_text js-message_text" dir="auto">\#(html)</div>"#
  }

  private static let views = #"<span class="tgme_widget_message_views">1.2K</span>"#
  private static let photo =
    #"<a class="tgme_widget_message_photo_wrap" style="background-image:url('x')"></a>"#
  private static let reply =
    #"<a class="tgme_widget_message_reply" href="https://t.me/cats/7"><div>a</div></a>"#
  private static let poll = #"""
    <div class="tgme_widget_message_poll"><div class="tgme_widget_message_poll_question">Кто?</div>
    <div class="tgme_widget_message_poll_option_text">кот</div></div>
    """#
}
