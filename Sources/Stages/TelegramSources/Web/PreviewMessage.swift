import PostFormat

/// A message of a page of the web preview, as far as a post needs it.
struct PreviewMessage {
  /// What becomes of a message.
  enum Content: Equatable {
    case post(Post)
    case service
    /// The page does not show what is in the message.
    case unsupported
  }

  let id: Int
  /// The ids of the other messages of its album.
  private(set) var parts: [Int] = []

  private let isService: Bool
  private var text: PreviewText?
  private var date: Int?
  private var views: Int?
  private var reactions: [Post.Reaction] = []
  private var forwardedFrom: String?
  private var replyTo: Int?
  private var media: String?
  private var poll: String?
  private var isShown = false
  private var isSaidToBeHidden = false
  /// The channel as the page spells it, and as it was asked for.
  private let channels: Set<ChannelName>

  /// Reads a `div.tgme_widget_message`; `nil` if it has no number.
  init?(_ element: HTMLElement, of channel: ChannelName) {
    let place = element.attributes["data-post"] ?? ""
    guard let id = Self.number(behind: place) else { return nil }
    self.id = id
    let spelling = ChannelName(bare: place.prefix { $0 != "/" })
    channels = [channel, spelling ?? channel]
    isService = element.has(class: "service_message")
    if !isService { read(element) }
    parts = Set(parts).subtracting([id]).sorted()
  }

  func content(_ options: SourceOptions) -> Content {
    if isService { return .service }
    let hasText = text?.bytes.isEmpty == false
    if isSaidToBeHidden, !isShown, !hasText, media == nil { return .unsupported }
    guard let date else { return .unsupported }
    var post = Post(id: id, date: date, text: text?.text ?? "")
    post.entities = text?.entities ?? []
    if options.includesPolls, let poll {
      post.text += post.text.isEmpty ? poll : "\n" + poll
    }
    post.views = views
    post.reactions = reactions
    post.forwardedFrom = forwardedFrom
    post.replyTo = replyTo
    post.media = media
    return .post(post)
  }

  // MARK: - Reading

  private mutating func read(_ element: HTMLElement) {
    for element in element.elements {
      var isTaken = false
      for word in element.classes where !isTaken { isTaken = take(element, class: word) }
      if !isTaken { read(element) }
    }
  }

  /// Takes what the class `word` of `element` says it is; returns whether all of it is told by that.
  private mutating func take(_ element: HTMLElement, class word: Substring) -> Bool {
    switch word {
    // A text may hold another one of the same classes: they are one.
    case "js-message_text":
      if text?.bytes.isEmpty ?? true { text = PreviewText(element) }
    case "tgme_widget_message_reply":
      replyTo = replyTo ?? reply(to: PreviewLink.address(of: element))
    case "tgme_widget_message_forwarded_from":
      let name = element.first(class: "tgme_widget_message_forwarded_from_name")
      forwardedFrom = name?.text.trimmed ?? ""
    case "tgme_widget_message_views": views = PreviewCount.number(element.text)
    case "tgme_widget_message_date":
      let time = element.first { $0.name == "time" && $0.attributes["datetime"] != nil }
      let seconds = time?.attributes["datetime"].flatMap { DateText.seconds($0) }
      date = date ?? seconds.flatMap { DateText.range.contains($0) ? $0 : nil }
    case "tgme_reaction": add(reaction: element)
    case "media_supported_cont":
      isShown = true
      return false
    case "message_media_not_supported_wrap": isSaidToBeHidden = true
    case "tgme_widget_message_user", "tgme_widget_message_author",
      "tgme_widget_message_link_preview", "tgme_widget_message_inline_keyboard":
      break
    default:
      guard let word = Self.media(element, class: word) else { return false }
      media = media ?? word
      if word == "poll" { poll = poll ?? Self.poll(element) }
      if element.has(class: "grouped_media_wrap"),
        let number = Self.number(behind: PreviewLink.address(of: element))
      {
        parts.append(number)
      }
    }
    return true
  }

  /// The number that a link to a message ends in, whatever query is behind it.
  private static func number(behind link: String) -> Int? {
    let path = link.prefix { $0 != "?" && $0 != "#" }
    guard let slash = path.lastIndex(of: "/") else { return nil }
    let digits = path[path.index(after: slash)...]
    guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(digits), number > 0 else {
      return nil
    }
    return number
  }

  /// The number of the message at `link`, if it is one of this channel.
  private func reply(to link: String) -> Int? {
    guard case .named(let name)? = ChannelLink(link), channels.contains(name) else { return nil }
    return Self.number(behind: link)
  }

  private mutating func add(reaction element: HTMLElement) {
    guard let count = PreviewCount.number(element.ownText),
      let name = Self.name(ofReaction: element)
    else { return }
    reactions.add(count, of: name)
  }

  /// The key of a reaction: the emoji itself, or words where there is none.
  private static func name(ofReaction element: HTMLElement) -> String? {
    if element.has(class: "tgme_reaction_paid") { return "paid" }
    if let custom = element.first(where: { $0.name == "tg-emoji" }) {
      return Post.Reaction.name(ofCustomEmoji: custom.attributes["emoji-id"])
    }
    return element.first(class: "emoji").map(\.text.trimmed).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The word of contract 1 for the media that an `element` of the class `word` shows.
  private static func media(_ element: HTMLElement, class word: Substring) -> String? {
    switch word {
    case "tgme_widget_message_photo_wrap": "photo"
    // Only what moves without a sound has no length.
    case "tgme_widget_message_video_player":
      element.first(class: "message_video_duration") == nil ? "animation" : "video_file"
    case "tgme_widget_message_roundvideo_player", "tgme_widget_message_roundvideo": "video_message"
    case "tgme_widget_message_voice_player", "tgme_widget_message_voice": "voice_message"
    case "tgme_widget_message_document_wrap":
      element.first(class: "tgme_widget_message_document_icon")?.has(class: "audio") == true
        ? "audio_file" : "file"
    case "tgme_widget_message_sticker_wrap", "tgme_widget_message_sticker",
      "tgme_widget_message_videosticker", "tgme_widget_message_tgsticker":
      "sticker"
    case "tgme_widget_message_location_wrap": "location"
    case "tgme_widget_message_venue_wrap": "venue"
    case "tgme_widget_message_contact_wrap", "tgme_widget_message_contact": "contact"
    case "tgme_widget_message_poll": "poll"
    case "tgme_widget_message_game": "game"
    case "tgme_widget_message_invoice": "invoice"
    default: nil
    }
  }

  private static func poll(_ element: HTMLElement) -> String {
    func texts(_ word: String) -> [String] {
      element.all(class: word).map { PreviewText($0).text }
    }
    return pollText(
      question: texts("tgme_widget_message_poll_question").first ?? "",
      options: texts("tgme_widget_message_poll_option_text"))
  }
}
