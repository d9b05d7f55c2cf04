import PostFormat

/// What a page of the web preview is.
public enum PreviewPage {
  /// A part of the channel's history.
  case history(PreviewHistory)
  /// A history that says "No posts found".
  case noPosts
  /// The page about a channel, a group or a person, which has no posts.
  case contact(ContactPage)
  /// A page whose end was not sent.
  case cut
  /// Anything else, with the title of the page if it has one.
  case other(title: String?)

  /// Reads the page whose bytes are `html`.
  public init(_ html: [UInt8], of channel: ChannelName, options: SourceOptions) {
    guard let root = HTMLDocument(page: html)?.root else {
      self = .other(title: nil)
      return
    }
    let history = root.first(class: "tgme_channel_history")
    guard Self.isWhole(html) else {
      self = history == nil ? .other(title: Self.title(of: root)) : .cut
      return
    }
    if let history {
      let messages = history.all(class: "tgme_widget_message")
      if !messages.isEmpty {
        self = .history(PreviewHistory(root, messages, of: channel, options: options))
      } else if history.first(class: "tme_no_messages_found") != nil {
        self = .noPosts
      } else {
        self = .other(title: Self.title(of: root))
      }
    } else if let page = root.first(class: "tgme_page") {
      self = .contact(ContactPage(page, title: Self.title(of: root)))
    } else {
      self = .other(title: Self.title(of: root))
    }
  }

  /// Whether the end of `html` was sent: only how long the server took comes after it.
  private static func isWhole(_ html: [UInt8]) -> Bool {
    String(decoding: html.suffix(1000), as: UTF8.self).lowercased().contains("</html>")
  }

  private static func title(of root: HTMLElement) -> String? {
    root.first { $0.name == "title" }?.text.trimmed
  }
}

/// A page of the web preview with messages.
public struct PreviewHistory {
  /// The messages, without saying whether they reach back to the beginning of the channel.
  public private(set) var page = PostPage()
  /// Whether the page links to older messages.
  public let hasOlder: Bool
  /// How many messages have no id.
  public private(set) var unnumbered = 0

  init(
    _ root: HTMLElement, _ messages: [HTMLElement], of channel: ChannelName, options: SourceOptions
  ) {
    hasOlder =
      root.first { element in
        element["data-before"] != nil
          || element.name == "link" && element["rel"] == "prev"
      } != nil
    page.title = root.first { $0["property"] == "og:title" }?["content"]
    var ids: Set<Int> = []
    var parts: Set<Int> = []
    for element in messages {
      guard let message = PreviewMessage(element, of: channel) else {
        unnumbered += 1
        continue
      }
      guard ids.insert(message.id).inserted else { continue }
      parts.formUnion(message.parts)
      switch message.content(options) {
      case .post(let post): page.posts.append(post)
      case .service: page.service.append(message.id)
      case .unsupported: page.unsupported.append(message.id)
      }
    }
    page.posts.sort { $0.id < $1.id }
    page.service.sort()
    page.unsupported.sort()
    page.parts = parts.subtracting(ids).sorted()
  }

  /// The messages whose ids are below `limit`.
  func below(_ limit: Int) -> PreviewHistory {
    var history = self
    history.page.posts.removeAll { $0.id >= limit }
    history.page.service.removeAll { $0 >= limit }
    history.page.unsupported.removeAll { $0 >= limit }
    history.page.parts.removeAll { $0 >= limit }
    return history
  }
}

/// The page `t.me/<name>`, which shows what a name belongs to.
public struct ContactPage: Equatable, Sendable {
  /// Who a name may belong to.
  public enum Owner: Equatable, Sendable { case channel, group, bot, person, nobody, unknown }

  public let owner: Owner
  /// The size of its audience in the words of the page, such as `11 110 268 subscribers`.
  public private(set) var audience: String?

  /// Reads a `div.tgme_page`.
  init(_ page: HTMLElement, title: String?) {
    let facts = page.all(class: "tgme_page_extra").map(\.text.trimmed)
    let owners: [(word: String, owner: Owner)] = [
      ("subscriber", .channel), ("member", .group), ("monthly user", .bot),
    ]
    for (word, owner) in owners {
      guard let audience = facts.first(where: { $0.contains(word) }) else { continue }
      (self.owner, self.audience) = (owner, audience)
      return
    }
    if facts.contains(where: { $0.hasPrefix("@") }) {
      owner = .person
    } else {
      owner = title?.hasPrefix("Telegram: Contact") == true ? .nobody : .unknown
    }
  }
}
