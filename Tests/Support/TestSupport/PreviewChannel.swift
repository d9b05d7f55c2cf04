import Foundation

/// A message of a ``PreviewChannel``.
public struct PreviewMessage: Sendable {
  public var id: Int
  /// Seconds since 1970.
  public var date: Int
  /// The HTML between the author and the footer, such as a text made by ``PreviewHTML``.
  public var content: String
  /// The ids of the other messages of its album, which have no block of their own.
  public var album: [Int] = []
  public var isService = false
  public var views: String? = "1.2K"
  /// The HTML before the date, such as `edited &nbsp;`.
  public var meta = ""

  public init(_ id: Int, date: Int? = nil, _ content: String) {
    self.id = id
    self.date = date ?? 1_456_822_800 + id * 3600
    self.content = content
  }
}

/// A channel that makes pages like those of `t.me/s/<name>`.
public struct PreviewChannel: Sendable {
  public var name = "BugurtTest"
  public var title = "БУГУРТ & ТЕСТ"
  /// The messages, their ids ascending.
  public var messages: [PreviewMessage] = []
  /// How many messages a page holds, those of albums included.
  public var pageSize = 20

  public init(_ messages: [PreviewMessage] = []) {
    self.messages = messages
  }

  /// A channel of `count` messages with everything in it: the first is "Channel created", some are
  /// missing, are albums, pictures without text, or answers.
  public static func sample(count: Int) -> PreviewChannel {
    var channel = PreviewChannel()
    var created = PreviewMessage(1, PreviewHTML.text("Channel created"))
    created.isService = true
    created.views = nil
    channel.messages.append(created)
    var id = 1
    while channel.messages.count < count {
      // Every ninth was deleted.
      id += id % 9 == 8 ? 2 : 1
      let text = PreviewHTML.text(sampleText(id).split(separator: "\n").joined(separator: "<br/>"))
      var message = PreviewMessage(id, text)
      switch id % 13 {
      case 3: message.content = PreviewHTML.photo
      case 5: message.content = PreviewHTML.reply(to: "\(channel.name)/\(id - 1)") + text
      case 7:
        message.album = [id + 1, id + 2]
        message.content =
          PreviewHTML.album([id, id + 1, id + 2].map { "\(channel.name)/\($0)" }) + text
        id += 2
      case 9: message.content += PreviewHTML.reactions([("❤", "190"), ("🔥", "1.5K")])
      case 11: message.content = PreviewHTML.supported(PreviewHTML.photo + text)
      default: break
      }
      channel.messages.append(message)
    }
    return channel
  }

  /// The text that message `id` of a ``sample(count:)`` has, if it has one.
  public static func sampleText(_ id: Int) -> String {
    "КОГДА ПРИШЁЛ В \(id)-Й РАЗ\n@\nА ТАМ «ЗАКРЫТО»"
  }

  /// The ids of the messages with and without a block of their own, and of those without.
  public var ids: [Int] { messages.flatMap { [$0.id] + $0.album } }

  // MARK: - Pages

  /// The page `/s/<name>`, with `?before=` or `?after=`; without both it is the newest.
  public func page(before: Int? = nil, after: Int? = nil) -> String {
    var shown: [PreviewMessage] = []
    var room = pageSize
    func fits(_ message: PreviewMessage) -> Bool {
      room -= 1 + message.album.count
      return room >= 0
    }
    if let after {
      shown = Array(messages.drop { $0.id <= after }.prefix(while: fits))
    } else {
      let older = messages.filter { $0.id < before ?? .max }
      shown = older.reversed().prefix(while: fits).reversed()
    }
    guard let first = shown.first?.id, let last = shown.last?.id else { return emptyPage }
    let older = messages.contains { $0.id < first } ? "before=\(first)" : nil
    let newer = messages.contains { $0.id > last } ? "after=\(last)" : nil
    return frame(
      head: [
        older.map { #"<link rel="prev" href="/s/\#(name)?\#($0)">"# },
        newer.map { #"<link rel="next" href="/s/\#(name)?\#($0)">"# },
        #"<link rel="canonical" href="/s/\#(name)?before=\#(last + 1)">"#,
      ].compactMap(\.self).joined(separator: "\n"),
      history: [more("before", older)] + shown.map(block) + [more("after", newer)])
  }

  /// The page that says "No posts found".
  public var emptyPage: String {
    frame(
      head: "",
      history: [
        """
        <div class="tgme_widget_message_wrap js-widget_message_wrap"><div \
        class="tgme_widget_message_centered"><div class="tme_no_messages_found">No posts \
        found</div></div></div>
        """
      ])
  }

  /// The page `/<name>` about what the name belongs to, with `extra` such as `110 subscribers`.
  public static func contactPage(title: String, extra: [String]) -> String {
    let facts = extra.map { #"<div class="tgme_page_extra">\#($0)</div>"# }.joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html><head><meta charset="utf-8"><title>\(title)</title></head>
      <body><div class="tgme_page_wrap"><div class="tgme_page">
      <div class="tgme_page_title" dir="auto"><span dir="auto">X</span></div>
      \(facts)
      <div class="tgme_page_action"><a class="tgme_action_button_new" href="tg:">View</a></div>
      </div></div></body></html>
      """
  }

  private func more(_ direction: String, _ query: String?) -> String {
    guard let query else { return "" }
    return """
      <div class="tgme_widget_message_centered js-messages_more_wrap"><a \
      href="/s/\(name)?\(query)" class="tme_messages_more js-messages_more" \
      data-\(direction)="\(query.drop { $0 != "=" }.dropFirst())"></a></div>
      """
  }

  private func frame(head: String, history: [String]) -> String {
    """
    <!DOCTYPE html>
    <html>
      <head>
        <meta charset="utf-8">
        <title>\(PreviewHTML.escaped(title)) – Telegram</title>
        <meta property="og:title" content="\(PreviewHTML.escaped(title))">
        \(head)
        <script>window.matchMedia&&window.matchMedia('(x)')</script>
      </head>
      <body class="widget_frame_base">
        <header class="tgme_header"><div class="tgme_header_info"><a class="tgme_header_link">
        </a></div></header>
    <main class="tgme_main" data-url="/\(name)">
      <div class="tgme_container">
        <section class="tgme_channel_history js-message_history">
          \(history.joined(separator: ""))
        </section>
      </div>
    </main>
        <script>TWeb.init();
    </script>
      </body>
    </html>
    <!-- page generated in 104.53ms -->

    """
  }

  private func block(_ message: PreviewMessage) -> String {
    let classes = message.isService ? " service_message" : ""
    let views = message.views.map {
      #"<span class="tgme_widget_message_views">\#($0)</span><span class="copyonly"> views</span>"#
    }
    let date = Date(timeIntervalSince1970: Double(message.date)).formatted(.iso8601)
      .replacing("Z", with: "+00:00")
    return """
      <div class="tgme_widget_message_wrap js-widget_message_wrap"><div \
      class="tgme_widget_message text_not_supported_wrap\(classes) js-widget_message" \
      data-post="\(name)/\(message.id)" data-view="e30">
        <div class="tgme_widget_message_user"><a href="https://t.me/\(name)"><i \
      class="tgme_widget_message_user_photo bgcolor1" data-content="Б"></i></a></div>
        <div class="tgme_widget_message_bubble">
          <i class="tgme_widget_message_bubble_tail">
            <svg class="bubble_icon" width="9px"><g fill="none"><path d="M8,1 L9,1"></path></g></svg>
          </i>
          <div class="tgme_widget_message_author accent_color"><a \
      class="tgme_widget_message_owner_name" href="https://t.me/\(name)"><span \
      dir="auto">\(PreviewHTML.escaped(title))</span></a></div>

      \(message.content)
      <div class="tgme_widget_message_footer compact js-message_footer">
        <div class="tgme_widget_message_info short js-message_info">
          \(views ?? "")<span class="tgme_widget_message_meta">\(message.meta)<a \
      class="tgme_widget_message_date" href="https://t.me/\(name)/\(message.id)"><time \
      datetime="\(date)" class="time">12:00</time></a></span>
        </div>
      </div>
        </div>
      </div></div>
      """
  }
}
