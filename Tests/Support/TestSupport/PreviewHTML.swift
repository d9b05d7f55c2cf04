/// Pieces of messages as the web preview shows them.
public enum PreviewHTML {
  public static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }

  /// A text whose HTML is `html`.
  public static func text(_ html: String) -> String {
    #"<div class="tgme_widget_message_text js-message_text" dir="auto">\#(html)</div>"#
  }

  /// An emoji, whose picture has a name of its own.
  public static func emoji(_ emoji: String) -> String {
    """
    <i class="emoji" style="background-image:url('//telegram.org/img/emoji/40/F0.png')"><b>\
    \(emoji)</b></i>
    """
  }

  public static func customEmoji(_ id: String, _ inner: String) -> String {
    #"<tg-emoji emoji-id="\#(id)">\#(inner)</tg-emoji>"#
  }

  /// The answer to `target`, such as `name/17`, in a tag as malformed as the original.
  public static func reply(to target: String, isQuote: Bool = false) -> String {
    """
    <a class="tgme_widget_message_reply user-color-default\
    \(isQuote ? " tgme_widget_message_reply_quote" : "")" href="https://t.me/\(target)" ">
      <i class="tgme_widget_message_reply_thumb" style="background-image:url('a.jpg')"></i>
      <div class="tgme_widget_message_author accent_color">
        <span class="tgme_widget_message_author_name" dir="auto">Другой</span>
      </div>
      <div class="tgme_widget_message_text js-message_reply_text" dir="auto">ЧУЖОЙ <b>ТЕКСТ</b></div>
    </a>
    """
  }

  /// The line "Forwarded from" with the name `html`, which is a link if there is an `address`.
  public static func forwarded(_ html: String, address: String?, author: String? = nil) -> String {
    let name = #"class="tgme_widget_message_forwarded_from_name""#
    let source =
      address.map { #"<a \#(name) href="\#($0)">\#(html)</a>"# } ?? "<span \(name)>\(html)</span>"
    let signature = author.map {
      #"&nbsp;(<span class="tgme_widget_message_forwarded_from_author" dir="auto">\#($0)</span>)"#
    }
    return """
      <div class="tgme_widget_message_forwarded_from accent_color">Forwarded \
      from&nbsp;\(source)\(signature ?? "")</div>
      """
  }

  /// Reactions with standard emoji, as they are counted.
  public static func reactions(_ counts: [(emoji: String, count: String)]) -> String {
    reactions(counts.map { reaction(emoji($0.emoji), $0.count) })
  }

  public static func reactions(_ spans: [String]) -> String {
    #"<div class="tgme_widget_message_reactions js-message_reactions">\#(spans.joined())</div>"#
  }

  /// One reaction with any picture.
  public static func reaction(_ picture: String, _ count: String, isPaid: Bool = false) -> String {
    #"<span class="tgme_reaction\#(isPaid ? " tgme_reaction_paid" : "")">\#(picture)\#(count)</span>"#
  }

  /// A picture.
  public static let photo = """
    <a class="tgme_widget_message_photo_wrap 6210542750793404305 1446004666_460001169" \
    href="https://t.me/x/1" style="width:800px;background-image:url('https://cdn/f.jpg')">
      <div class="tgme_widget_message_photo" style="padding-top:83.375%"></div>
    </a>
    """

  /// An album of the messages at `targets`, such as `name/17`.
  public static func album(_ targets: [String]) -> String {
    let members = targets.map {
      """
      <a class="tgme_widget_message_photo_wrap grouped_media_wrap blured js-message_photo" \
      style="left:0px;top:0px" data-ratio="1.5" href="https://t.me/\($0)?single"><div \
      class="grouped_media_helper"></div></a>
      """
    }
    return """
      <div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap" data-margin-w="2"><div \
      class="tgme_widget_message_grouped js-message_grouped"><div \
      class="tgme_widget_message_grouped_layer">\(members.joined())</div></div></div>
      """
  }

  /// A video, or with no `duration` an animation.
  public static func video(duration: String?) -> String {
    let time = duration.map {
      #"<time class="message_video_duration js-message_video_duration">\#($0)</time>"#
    }
    return """
      <a class="tgme_widget_message_video_player blured js-message_video_player" \
      href="https://t.me/x/1"><i class="tgme_widget_message_video_thumb"></i>
      <div class="tgme_widget_message_video_wrap"><video src="https://cdn/v.mp4" \
      class="tgme_widget_message_video js-message_video"></video></div>
      \(time ?? "")\(unsupported("This media is not supported in your browser"))</a>
      """
  }

  /// The label in place of something that a browser cannot show.
  public static func unsupported(_ label: String = "Please open Telegram to view this post")
    -> String
  {
    """
    <div class="message_media_not_supported_wrap">
      <div class="message_media_not_supported">
        <div class="message_media_not_supported_label">\(label)</div>
        <a href="https://t.me/x/1" class="message_media_view_in_telegram">VIEW IN TELEGRAM</a>
      </div>
    </div>
    """
  }

  /// `content` and the hidden label that many posts have.
  public static func supported(_ content: String) -> String {
    """
    <div class="media_supported_cont">\(content)</div><div class="media_not_supported_cont">\
    \(unsupported())</div>
    """
  }

  public static func poll(_ question: String, _ options: [String]) -> String {
    let rows = options.map {
      """
      <div class="tgme_widget_message_poll_option"><div \
      class="tgme_widget_message_poll_option_percent">12%</div><div \
      class="tgme_widget_message_poll_option_value"><div \
      class="tgme_widget_message_poll_option_text">\($0)</div></div></div>
      """
    }
    return """
      <div class="tgme_widget_message_poll js-poll"><div \
      class="tgme_widget_message_poll_question">\(question)</div><div \
      class="tgme_widget_message_poll_type">Anonymous Poll</div><div \
      class="tgme_widget_message_poll_options">\(rows.joined())</div></div>
      """
  }

  /// The preview of a link, whose picture is not a picture of the post.
  public static let linkPreview = """
    <a class="tgme_widget_message_link_preview" href="https://naver.me/x">
      <div class="link_preview_site_name accent_color" dir="auto">Сайт</div>
      <i class="link_preview_image" style="background-image:url('x.jpg')"></i>
      <div class="link_preview_title" dir="auto">НЕ ТЕКСТ</div>
      <div class="tgme_widget_message_photo_wrap"></div>
    </a>
    """
}
