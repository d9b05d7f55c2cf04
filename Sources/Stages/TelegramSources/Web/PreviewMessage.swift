import PostFormat

/// The parts of a message of the web preview that a post needs.
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
  private var text = PostTextBuilder()
  private var date: Int?
  private var views: Int?
  private var reactions: [Post.Reaction] = []
  private var forwardedFrom: String?
  private var replyTo: Int?
  private var media: String?
  private var poll: String?
  private var isShown = false
  private var isSaidToBeHidden = false
  /// The channel as the page spells it, and as it was requested.
  private let channels: Set<ChannelName>

  /// Reads a `div.tgme_widget_message`; `nil` if it has no id.
  init?(_ element: HTMLElement, of channel: ChannelName) {
    let place = element["data-post"] ?? ""
    guard let id = Self.id(atEndOf: place) else { return nil }
    self.id = id
    let spelling = ChannelName(bare: place.prefix { $0 != "/" })
    channels = [channel, spelling ?? channel]
    isService = element.has(class: "service_message")
    if !isService { read(element) }
    parts = Set(parts).subtracting([id]).sorted()
  }

  func content(_ options: SourceOptions) -> Content {
    if isService { return .service }
    if isSaidToBeHidden, !isShown, text.bytes.isEmpty, media == nil { return .unsupported }
    guard let date else { return .unsupported }
    var text = text
    if options.includesPolls, let poll { text.appendLine(poll) }
    var post = Post(id: id, date: date, text: text.text)
    post.entities = text.entities
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

  /// Records what the class `word` of `element` says it is; returns whether that is all it says.
  private mutating func take(_ element: HTMLElement, class word: Substring) -> Bool {
    switch word {
    // A text may contain another element of the same classes, which is the same text.
    case "js-message_text":
      if text.bytes.isEmpty { text = HTMLTextReader(element, as: .preview).builder }
    case "tgme_widget_message_reply":
      replyTo = replyTo ?? reply(to: element.previewAddress)
    case "tgme_widget_message_forwarded_from":
      let name = element.first(class: "tgme_widget_message_forwarded_from_name")
      forwardedFrom = name?.text.trimmed ?? ""
    case "tgme_widget_message_views": views = Self.count(element.text)
    case "tgme_widget_message_date":
      let time = element.first { $0.name == "time" && $0["datetime"] != nil }
      let seconds = time?["datetime"].flatMap { DateText.seconds($0) }
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
        let part = Self.id(atEndOf: element.previewAddress)
      {
        parts.append(part)
      }
    }
    return true
  }

  /// The id at the end of a link to a message, before the query if there is one.
  private static func id(atEndOf link: String) -> Int? {
    let path = link.prefix { $0 != "?" && $0 != "#" }
    guard let slash = path.lastIndex(of: "/") else { return nil }
    let digits = path[path.index(after: slash)...]
    guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let id = Int(digits), id > 0 else {
      return nil
    }
    return id
  }

  /// The id of the message at `link`, if it is one of this channel.
  private func reply(to link: String) -> Int? {
    guard case .named(let name)? = ChannelLink(link), channels.contains(name) else { return nil }
    return Self.id(atEndOf: link)
  }

  /// The number that `text` stands for: exact below a thousand, else three digits and a letter, such as
  /// `4.85K` or `3.42M`; `nil` if it is not a number.
  private static func count(_ text: String) -> Int? {
    var digits = text.trimmed[...]
    let power: Int
    switch digits.last {
    case "K", "k": power = 3
    case "M", "m": power = 6
    case "B", "b": power = 9
    default: power = 0
    }
    if power > 0 { digits.removeLast() }
    let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count > 1 ? parts[1] : ""
    guard fraction.count <= power, let whole = parts.first, !whole.isEmpty else { return nil }
    let all = whole + fraction + String(repeating: "0", count: power - fraction.count)
    guard all.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
    return Int(all)
  }
  private mutating func add(reaction element: HTMLElement) {
    guard let count = Self.count(element.ownText),
      let name = Self.name(ofReaction: element)
    else { return }
    reactions.add(count, of: name)
  }

  /// The key of a reaction: the emoji itself, or a word if it has none.
  private static func name(ofReaction element: HTMLElement) -> String? {
    if element.has(class: "tgme_reaction_paid") { return "paid" }
    if let custom = element.first(where: { $0.name == "tg-emoji" }) {
      return Post.Reaction.name(ofCustomEmoji: custom["emoji-id"])
    }
    return element.first(class: "emoji").map(\.text.trimmed).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The word for the media that an `element` of the class `word` shows.
  private static func media(_ element: HTMLElement, class word: Substring) -> String? {
    switch word {
    case "tgme_widget_message_photo_wrap": "photo"
    // Only animations, which have no sound, show no length.
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
    func texts(_ word: Substring) -> [String] {
      element.all(class: word).map { HTMLTextReader($0, as: .preview).text }
    }
    return pollText(
      question: texts("tgme_widget_message_poll_question").first ?? "",
      options: texts("tgme_widget_message_poll_option_text"))
  }
}
