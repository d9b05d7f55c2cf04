import Glibc
import PostFormat

/// What the HTML of a message says beside its text: takes note of it while the HTML is parsed.
///
/// It goes by the classes of elements and by what they stand in, not by how tags are balanced. One
/// object serves for all messages, so that its memory is taken once.
final class HTMLFrame: HTMLFragmentHandler {
  typealias Kind = MessageKind

  private(set) var kind = Kind.unknown
  private(set) var id: Int?
  /// The text of the `title` that tells the date: `22.01.2026 18:09:05 UTC+01:00`.
  private(set) var date: [UInt8] = []
  private(set) var isForwarded = false
  /// The name of the source of a forward; `nil` where it is not repeated for messages in a row.
  private(set) var forwardedFrom: String?
  private(set) var replyTo: Int?
  private(set) var media: String?
  private(set) var reactions: [Post.Reaction] = []
  private(set) var question = ""
  private(set) var answers: [String] = []
  /// The text of a message of the rich kind, which is not in one piece.
  private(set) var richText = HTMLRichText()

  private enum Word: String, CaseIterable {
    case service, body, date, details, forwarded, media, title, question, answer
    case reaction, paid, emoji, userpics, userpic, count, spoiler
    case ordinary = "default"
    case fromName = "from_name"
    case replyTo = "reply_to"
    case richMessage = "rich_message"
    case photoWrap = "photo_wrap"
    case stickerWrap = "sticker_wrap"
    case animatedWrap = "animated_wrap"
    case videoFileWrap = "video_file_wrap"
    case mediaWrap = "media_wrap"
    case poll = "media_poll"
    case giveaway = "media_giveaway"
    case sectionTitle = "section_title"
    case buttons = "bot_buttons_table"
  }

  /// What an element is for.
  private enum Role {
    /// It only holds others.
    case other
    /// What is in it says nothing.
    case skipped
    case serviceText, forwarded, forwardedName, reply, richText, spoiler
    case media, mediaTitle, poll, question, answer, pollKind, giveaway, giveawayTitle
    case reaction, emoji, userpics, count

    /// Whether its text is wanted.
    var isText: Bool {
      switch self {
      case .serviceText, .forwardedName, .mediaTitle, .question, .answer, .pollKind,
        .giveawayTitle, .emoji, .count:
        true
      default: false
      }
    }
  }

  private static let words = ByteWords<Word>()

  /// The roles of the elements that are open, outer ones first.
  private var roles: [Role] = []
  /// The known classes of the element that begins.
  private var classes: [Word] = []
  /// How many elements are open within one whose content says nothing.
  private var skippedDepth = 0
  /// How many were open where the one began whose text is taken; `nil` if none is.
  private var textDepth: Int?
  private var text: [UInt8] = []
  private var hasMessage = false
  private var hasGiveawayTitle = false
  private var reaction = Reaction()

  private struct Reaction {
    var emoji = ""
    var isPaid = false
    /// The file of an emoji that is not one of Unicode; empty if it is not there.
    var document: String?
    var count: Int?
    var userpics = 0
  }

  /// Forgets the last message.
  func reset() {
    kind = .unknown
    id = nil
    date.removeAll(keepingCapacity: true)
    isForwarded = false
    forwardedFrom = nil
    replyTo = nil
    media = nil
    reactions = []
    question = ""
    answers = []
    richText.removeAll()
    roles.removeAll(keepingCapacity: true)
    skippedDepth = 0
    textDepth = nil
    hasMessage = false
    hasGiveawayTitle = false
  }

  // MARK: - Events

  func begin(_ tag: HTMLTag) {
    if skippedDepth > 0 {
      skippedDepth += 1
      return
    }
    if isInRichText { return richText.begin(tag) }
    classes.removeAll(keepingCapacity: true)
    tag.forEachClass { if let word = Self.words.word($0) { classes.append(word) } }
    let role = isControl(tag) ? .skipped : role(tag, tag.value(of: "class"))
    if case .skipped = role {
      skippedDepth = 1
      return
    }
    roles.append(role)
    if role.isText, textDepth == nil {
      textDepth = roles.count
      text.removeAll(keepingCapacity: true)
    } else if textDepth != nil, "br" ~= tag.name {
      text.append(0x0A)
    }
  }

  func end() {
    if skippedDepth > 0 {
      skippedDepth -= 1
      return
    }
    if isInRichText, !richText.isClosed { return richText.end() }
    if isInRichText { richText.finish() }
    guard let role = roles.popLast() else { return }
    if textDepth == roles.count + 1 {
      textDepth = nil
      take(String(decoding: trimmed(text), as: UTF8.self), of: role)
    }
    if case .reaction = role { endReaction() }
  }

  func text(_ bytes: UnsafeRawBufferPointer) {
    guard skippedDepth == 0 else { return }
    if isInRichText {
      richText.text(bytes)
    } else if textDepth != nil {
      text.append(contentsOf: bytes)
    }
  }

  private var isInRichText: Bool {
    if case .richText = roles.last { true } else { false }
  }

  /// The text without white space at its ends.
  private func trimmed(_ text: [UInt8]) -> ArraySlice<UInt8> {
    let head = text.drop { $0 <= 0x20 }
    return head.prefix((head.lastIndex { $0 > 0x20 } ?? head.startIndex - 1) - head.startIndex + 1)
  }

  private func has(_ word: Word) -> Bool { classes.contains(word) }

  private func isControl(_ tag: HTMLTag) -> Bool {
    let isInSpoiler = if case .spoiler = roles.last { true } else { false }
    return hasMessage && tag.isControl(isInSpoiler: isInSpoiler)
  }

  // MARK: - Roles

  private func role(_ tag: HTMLTag, _ attribute: UnsafeRawBufferPointer?) -> Role {
    if !hasMessage {
      hasMessage = true
      readMessage(tag)
      return .other
    }
    let parent = roles.last ?? .other
    switch parent {
    case .reply:
      if let link = tag.value(of: "href") { readReply(link) }
      return .other
    case .forwardedName, .answer:
      return has(.date) || has(.details) ? .skipped : has(.spoiler) ? .spoiler : .other
    case .poll where has(.question): return .question
    case .poll where has(.answer): return .answer
    case .poll where has(.details): return .pollKind
    case .giveaway where has(.sectionTitle): return .giveawayTitle
    case .emoji:
      if let link = tag.value(of: "href") {
        reaction.document = String(decoding: link, as: UTF8.self)
      }
      return .other
    case .userpics:
      if has(.userpic) { reaction.userpics += 1 }
      return .skipped
    case .reaction where has(.emoji): return .emoji
    case .reaction where has(.userpics): return .userpics
    case .reaction where has(.count): return .count
    default: break
    }
    if classes.isEmpty { return .other }
    if textDepth != nil, has(.spoiler) { return .spoiler }
    // The labels of buttons are not escaped by all versions.
    if has(.buttons) { return .skipped }
    if has(.date), has(.details), date.isEmpty {
      tag.value(of: "title").map { date.append(contentsOf: $0) }
      return .skipped
    }
    if has(.forwarded), has(.body) {
      isForwarded = true
      return .forwarded
    }
    if has(.fromName) {
      if case .forwarded = parent { return .forwardedName }
      return .skipped
    }
    if has(.replyTo) { return .reply }
    if has(.richMessage) {
      richText.beginMessage(tag)
      return .richText
    }
    if has(.reaction) {
      reaction = Reaction()
      reaction.isPaid = has(.paid)
      return .reaction
    }
    if kind == .service, has(.body) { return .serviceText }
    return mediaRole(attribute)
  }

  private func readMessage(_ tag: HTMLTag) {
    kind = has(.service) ? .service : has(.ordinary) ? .message : .unknown
    let prefix = "message"
    guard let value = tag.value(of: "id") else { return }
    let name = String(decoding: value, as: UTF8.self)
    if name.hasPrefix(prefix) { id = Int(name.dropFirst(prefix.utf8.count)) }
  }

  private func readReply(_ link: UnsafeRawBufferPointer) {
    // Of a message in an earlier file: messages2.html#go_to_message1234.
    let (address, prefix) = (String(decoding: link, as: UTF8.self), "go_to_message")
    guard let target = address.split(separator: "#").last, target.hasPrefix(prefix) else { return }
    replyTo = Int(target.dropFirst(prefix.utf8.count))
  }

  // MARK: - Media

  private func mediaRole(_ attribute: UnsafeRawBufferPointer?) -> Role {
    if has(.photoWrap) { return found("photo") }
    if has(.stickerWrap) { return found("sticker") }
    if has(.animatedWrap) { return found("animation") }
    if has(.videoFileWrap) { return found("video_file") }
    if has(.poll) {
      _ = found("poll")
      return .poll
    }
    if has(.giveaway) {
      _ = found("giveaway")
      return .giveaway
    }
    if has(.media), !has(.mediaWrap) {
      // Its kind is the class that begins with `media_`.
      let names = attribute.map { String(decoding: $0, as: UTF8.self) } ?? ""
      let kind = names.split(separator: " ").first { $0.hasPrefix("media_") }
      return found(kind.map { String($0.dropFirst("media_".utf8.count)) } ?? "file")
    }
    if has(.title), roles.contains(where: { if case .media = $0 { true } else { false } }) {
      return .mediaTitle
    }
    return .other
  }

  private func found(_ word: String) -> Role {
    if word == "call" { kind = .service }
    if media == nil {
      // Only the title tells videos apart; paid media are an invoice without one.
      media = word == "video" ? "video_file" : word == "invoice" ? "paid_media" : word
    }
    return .media
  }

  // MARK: - Texts

  private func take(_ text: String, of role: Role) {
    switch role {
    case .serviceText:
      if text.hasPrefix("This message is not supported by this version") { kind = .unsupported }
    case .forwardedName: forwardedFrom = forwardedFrom ?? text
    case .mediaTitle: refineMedia(title: text)
    case .question: question = text
    case .answer: answers.append(text.hasPrefix("- ") ? String(text.dropFirst(2)) : text)
    case .pollKind: if text == "To-do List" { media = "todo_list" }
    case .giveawayTitle:
      // Behind the first title follow those of its parts.
      if !hasGiveawayTitle, text.hasPrefix("Winner") { media = "giveaway_results" }
      hasGiveawayTitle = true
    case .emoji: reaction.emoji = text
    case .count: reaction.count = Int(text)
    default: break
    }
  }

  private func refineMedia(title: String) {
    switch (media, title) {
    case ("photo", "Sticker"): media = "sticker"
    case ("video_file", "Animation"): media = "animation"
    case ("video_file", "Video message"): media = "video_message"
    case ("paid_media", _): media = "invoice"
    default: break
    }
  }

  private func endReaction() {
    guard let name = reactionName else { return }
    // Pictures of those who gave it stand for the count where they are all.
    reactions.add(reaction.count ?? max(reaction.userpics, 1), of: name)
  }

  private var reactionName: String? {
    if reaction.isPaid { return "paid" }
    guard let document = reaction.document else {
      return reaction.emoji.isEmpty ? nil : reaction.emoji
    }
    return Post.Reaction.name(ofCustomEmoji: document)
  }
}
