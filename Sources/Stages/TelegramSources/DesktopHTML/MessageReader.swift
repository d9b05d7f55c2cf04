import PostFormat

/// What the HTML of an exported message says.
///
/// Elements are read in page order and judged by their classes and by what encloses them.
struct MessageReader {
  typealias Kind = MessageKind

  private(set) var kind: Kind
  let id: Int?
  /// The `title` that holds the date: `22.01.2026 18:09:05 UTC+01:00`.
  private(set) var date: String?
  private(set) var isForwarded = false
  /// The name of the source of a forward; `nil` where it is not repeated for consecutive messages.
  private(set) var forwardedFrom: String?
  private(set) var replyTo: Int?
  private(set) var media: String?
  private(set) var reactions: [Post.Reaction] = []
  private(set) var question = ""
  private(set) var answers: [String] = []
  /// The text of an ordinary message, and that of one made of blocks.
  private(set) var plainText: PostTextBuilder?
  private(set) var blocks: HTMLTextReader?
  /// Whether the page holds only the first part of the message.
  private(set) var isPartial = false

  /// Reads `message`, a `div.message`; `nil` stands for a message whose tag is damaged.
  init(_ message: HTMLElement?) {
    let classes = message?.classes ?? []
    kind =
      classes.contains("service") ? .service : classes.contains("default") ? .message : .unknown
    let prefix = "message"
    let name = message?["id"].flatMap { $0.hasPrefix(prefix) ? $0.dropFirst(prefix.count) : nil }
    id = name.flatMap { Int($0) }
    if let message { read(message, isInMedia: false) }
  }

  private mutating func read(_ element: HTMLElement, isInMedia: Bool) {
    for element in element.elements where !element.isHidden() {
      let classes = element.classes
      if take(element, classes, isInMedia: isInMedia) { continue }
      let isMedia = take(mediaOf: element, classes)
      read(element, isInMedia: isInMedia || isMedia)
    }
  }

  /// Records what the `classes` of `element` say it is; returns whether that is all it says.
  private mutating func take(
    _ element: HTMLElement, _ classes: [Substring], isInMedia: Bool
  ) -> Bool {
    if classes.isEmpty { return false }
    // The labels of buttons are not escaped by all versions.
    if classes.contains("bot_buttons_table") { return true }
    if classes.contains("date"), classes.contains("details") {
      date = date ?? element["title"]
    } else if classes.contains("forwarded"), classes.contains("body") {
      isForwarded = true
      let name = element.elements.first { $0.has(class: "from_name") }
      forwardedFrom = forwardedFrom ?? name.map { Self.line($0, without: ["date", "details"]) }
      return false
    } else if classes.contains("from_name") {
    } else if classes.contains("reply_to") {
      replyTo = Self.reply(element)
    } else if classes.contains("rich_message") {
      blocks = blocks ?? HTMLTextReader(element, as: .exportBlocks)
      isPartial = element["data-rich-part"] == "true"
    } else if classes == ["text"], element["class"] == "text" {
      plainText = plainText ?? HTMLTextReader(element, as: .export).builder
    } else if classes.contains("reaction") {
      add(reaction: element, isPaid: classes.contains("paid"))
    } else if kind == .service, classes.contains("body") {
      let note = "This message is not supported by this version"
      if Self.line(element).hasPrefix(note) { kind = .unsupported }
      return false
    } else if isInMedia, classes.contains("title") {
      refineMedia(title: Self.line(element))
    } else {
      return false
    }
    return true
  }

  /// The text of a one-line element, without what is in elements of one of the classes `words`.
  private static func line(_ element: HTMLElement, without words: [Substring] = []) -> String {
    let reader = HTMLTextReader(element, as: .exportLine) { element in
      words.contains { element.has(class: $0) }
    }
    func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.value <= 0x20 }
    let scalars = reader.text.unicodeScalars.drop(while: isBlank)
    return String(String.UnicodeScalarView(scalars.reversed().drop(while: isBlank).reversed()))
  }

  /// The id of the message to which a link in `element` leads.
  private static func reply(_ element: HTMLElement) -> Int? {
    // If the message is in an earlier file, the link is messages2.html#go_to_message1234.
    let prefix = "go_to_message"
    let link = element.first { $0["href"] != nil }?["href"]
    guard let target = link?.split(separator: "#").last, target.hasPrefix(prefix) else {
      return nil
    }
    return Int(target.dropFirst(prefix.count))
  }

  // MARK: - Media

  /// The classes of media, and the words for them.
  private static let mediaWords: [Substring: String] = [
    "photo_wrap": "photo", "sticker_wrap": "sticker", "animated_wrap": "animation",
    "video_file_wrap": "video_file", "media_poll": "poll", "media_giveaway": "giveaway",
  ]

  /// Records the media that `element` is; returns false if it is not media.
  private mutating func take(mediaOf element: HTMLElement, _ classes: [Substring]) -> Bool {
    var word = classes.lazy.compactMap { Self.mediaWords[$0] }.first
    if word == nil, classes.contains("media"), !classes.contains("media_wrap") {
      let prefix = "media_"
      let name = classes.first { $0.hasPrefix(prefix) }
      word = name.map { String($0.dropFirst(prefix.count)) } ?? "file"
    }
    guard let word else { return false }
    if word == "call" { kind = .service }
    if media == nil {
      // Only the title distinguishes kinds of video; paid media are an invoice without a title.
      media = word == "video" ? "video_file" : word == "invoice" ? "paid_media" : word
    }
    if word == "poll" { read(poll: element) }
    if word == "giveaway" {
      // The titles after the first are those of its parts.
      let title = element.elements.first { $0.has(class: "section_title") }
      if title.map({ Self.line($0) })?.hasPrefix("Winner") == true { media = "giveaway_results" }
    }
    return true
  }

  private mutating func read(poll: HTMLElement) {
    for element in poll.elements where !element.isHidden() {
      let classes = element.classes
      if classes.contains("question") {
        question = Self.line(element)
      } else if classes.contains("answer") {
        let answer = Self.line(element, without: ["date", "details"])
        answers.append(answer.hasPrefix("- ") ? String(answer.dropFirst(2)) : answer)
      } else if classes.contains("details"), Self.line(element) == "To-do List" {
        media = "todo_list"
      }
    }
  }

  private mutating func refineMedia(title: String) {
    switch (media, title) {
    case ("photo", "Sticker"): media = "sticker"
    case ("video_file", "Animation"): media = "animation"
    case ("video_file", "Video message"): media = "video_message"
    case ("paid_media", _): media = "invoice"
    default: break
    }
  }

  // MARK: - Reactions

  private mutating func add(reaction: HTMLElement, isPaid: Bool) {
    var name = isPaid ? "paid" : nil
    var count: Int?
    var userpics = 0
    for element in reaction.elements where !element.isHidden() {
      let classes = element.classes
      if classes.contains("emoji"), !isPaid {
        // The file of an emoji that is not in Unicode.
        let document = element.first { $0["href"] != nil }?["href"]
        let emoji = Self.line(element)
        name =
          document.map { Post.Reaction.name(ofCustomEmoji: $0) } ?? (emoji.isEmpty ? nil : emoji)
      } else if classes.contains("userpics") {
        userpics = element.elements.count { $0.has(class: "userpic") }
      } else if classes.contains("count") {
        count = Int(Self.line(element))
      }
    }
    // Where everybody who reacted is pictured, the pictures take the place of the count.
    if let name { reactions.add(count ?? max(userpics, 1), of: name) }
  }
}
