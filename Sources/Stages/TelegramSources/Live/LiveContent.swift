import FileSupport
import JSONSupport
import PostFormat

/// The text of a message of TDLib, which stands elsewhere for each type of content.
struct LiveContent {
  private(set) var text = ""
  private(set) var entities: [Post.Entity] = []
  /// The kinds of the parts of a rich message that are not known.
  private(set) var unknownKinds: Set<String> = []

  /// Reads the `content` of a message.
  init(_ content: JSONValue, includesPolls: Bool) {
    switch content.type {
    case "messageAnimatedEmoji": readAnimatedEmoji(content)
    case "messageDice": set(content["emoji"]?.string ?? "", [])
    case "messageGame": read(formatted: content["game"]?["text"])
    case "messageInvoice": read(formatted: content["paid_media_caption"])
    case "messagePoll":
      read(formatted: content["description"])
      if includesPolls {
        append(question: content["poll"]?["question"], options: content["poll"]?["options"])
      }
    case "messageChecklist":
      if includesPolls {
        append(question: content["list"]?["title"], options: content["list"]?["tasks"])
      }
    case "messageRichMessage":
      let rich = RichText(blocks: content["message"]?["blocks"], kinds: .tdlib)
      (text, entities, unknownKinds) = (rich.text, rich.entities, rich.unknownKinds)
    default: read(formatted: content["text"] ?? content["caption"])
    }
  }

  /// Reads a `formattedText`; anything else has no text.
  private mutating func read(formatted: JSONValue?) {
    guard let string = formatted?["text"]?.string else { return }
    let entities = (formatted?["entities"]?.elements ?? []).compactMap(Self.entity)
    set(string, entities)
  }

  /// A post of one emoji, which is a text with it for everybody else.
  private mutating func readAnimatedEmoji(_ content: JSONValue) {
    let emoji = content["emoji"]?.string ?? ""
    let type = content["animated_emoji"]?["sticker"]?["full_type"]?.type
    let isCustom = type == "stickerFullTypeCustomEmoji" && !emoji.isEmpty
    let entity = Post.Entity(type: "custom_emoji", offset: 0, length: emoji.utf16.count)
    set(emoji, isCustom ? [entity] : [])
  }

  private mutating func append(question: JSONValue?, options: JSONValue?) {
    let poll = pollText(
      question: question?["text"]?.string ?? "",
      options: (options?.elements ?? []).map { $0["text"]?["text"]?.string ?? "" })
    set(text + (text.isEmpty ? "" : "\n") + poll, entities)
  }

  // MARK: - Entities

  /// Takes a text whose lines may end in CR LF or CR, and entities that count these.
  private mutating func set(_ string: String, _ entities: [Post.Entity]) {
    let units = Array(string.utf16)
    text = string
    func isBetweenCharacters(_ place: Int) -> Bool {
      place == units.count || !UTF16.isTrailSurrogate(units[place])
    }
    self.entities = entities.filter {
      let end = $0.offset + $0.length
      return end <= units.count && isBetweenCharacters($0.offset) && isBetweenCharacters(end)
    }
    if units.contains(0x0D) {
      let (lf, cr) = (UInt16(0x0A), UInt16(0x0D))
      // How many units before each one go.
      var dropped = [0]
      var kept: [UInt16] = []
      for (index, unit) in units.enumerated() {
        let goes = unit == cr && index + 1 < units.count && units[index + 1] == lf
        dropped.append((dropped.last ?? 0) + (goes ? 1 : 0))
        if !goes { kept.append(unit == cr ? lf : unit) }
      }
      text = String(decoding: kept, as: UTF16.self)
      self.entities = self.entities.compactMap { entity in
        var moved = entity
        moved.offset -= dropped[entity.offset]
        moved.length = entity.offset + entity.length - dropped[entity.offset + entity.length]
        moved.length -= moved.offset
        return moved.length > 0 ? moved : nil
      }
    }
    // Outer ones before those that they hold.
    self.entities.sort { ($0.offset, -$0.length) < ($1.offset, -$1.length) }
  }

  /// Reads a `textEntity`; `nil` for one that covers nothing, and for those that TDLib alone finds.
  private static func entity(_ json: JSONValue) -> Post.Entity? {
    guard let offset = json.whole("offset"), let length = json.whole("length"),
      0...Int(Int32.max) ~= offset, 1...Int(Int32.max) ~= length, let type = json["type"],
      let word = word(of: type.type)
    else { return nil }
    let url = word == "text_link" ? type["url"]?.string : nil
    return Post.Entity(type: word, offset: offset, length: length, url: url)
  }

  private static let prefix = "textEntityType"

  /// The word for a type of entity, which is Telegram Desktop's.
  private static func word(of type: String) -> String? {
    guard type.hasPrefix(prefix) else { return "unknown" }
    let name = type.dropFirst(prefix.count)
    switch name {
    case "Url": return "link"
    case "TextUrl": return "text_link"
    case "EmailAddress": return "email"
    case "PhoneNumber": return "phone"
    case "BankCardNumber": return "bank_card"
    case "PreCode": return "pre"
    case "BlockQuote", "ExpandableBlockQuote": return "blockquote"
    case "DateTime": return "formatted_date"
    // Not Telegram's: TDLib finds times such as 1:23 in the captions of videos.
    case "MediaTimestamp": return nil
    // The others have the same names: bold, bot_command, custom_emoji.
    default: return snakeCase(name)
    }
  }

  private static func snakeCase(_ name: Substring) -> String {
    var word = ""
    for character in name {
      if character.isUppercase, !word.isEmpty { word.append("_") }
      word += character.lowercased()
    }
    return word.isEmpty ? "unknown" : word
  }

  // MARK: - Types

  /// The types that are text without media.
  static let textTypes: Set<String> = [
    "messageText", "messageAnimatedEmoji", "messageDice", "messageStakeDice", "messageRichMessage",
  ]

  /// The types with media, and the words for these.
  static let media = [
    "messagePhoto": "photo", "messageExpiredPhoto": "photo",
    "messageVideo": "video_file", "messageExpiredVideo": "video_file",
    "messageAnimation": "animation", "messageAudio": "audio_file", "messageDocument": "file",
    "messageVoiceNote": "voice_message", "messageExpiredVoiceNote": "voice_message",
    "messageVideoNote": "video_message", "messageExpiredVideoNote": "video_message",
    "messageSticker": "sticker", "messagePoll": "poll", "messageChecklist": "todo_list",
    "messageLocation": "location", "messageLiveLocation": "live_location",
    "messageVenue": "venue", "messageContact": "contact", "messageGame": "game",
    "messageInvoice": "invoice", "messagePaidMedia": "paid_media", "messageStory": "story",
    "messageGiveaway": "giveaway", "messageGiveawayWinners": "giveaway_results",
  ]

  /// The types that tell of an event in the channel.
  static let serviceTypes: Set<String> = Set(
    [
      "BasicGroupChatCreate", "BotWriteAccessAllowed", "Call", "ChatAddMembers", "ChatBoost",
      "ChatChangePhoto", "ChatChangeTitle", "ChatDeleteMember", "ChatDeletePhoto",
      "ChatHasProtectedContentDisableRequested", "ChatHasProtectedContentToggled",
      "ChatJoinByLink", "ChatJoinByRequest", "ChatOwnerChanged", "ChatOwnerLeft",
      "ChatSetBackground", "ChatSetMessageAutoDeleteTime", "ChatSetTheme", "ChatShared",
      "ChatUpgradeFrom", "ChatUpgradeTo", "ChecklistTasksAdded", "ChecklistTasksDone",
      "ContactRegistered", "CustomServiceAction", "DirectMessagePriceChanged",
      "ForumTopicCreated", "ForumTopicEdited", "ForumTopicIsClosedToggled",
      "ForumTopicIsHiddenToggled", "GameScore", "Gift", "GiftedPremium", "GiftedStars",
      "GiftedTon", "GiveawayCompleted", "GiveawayCreated", "GiveawayPrizeStars", "GroupCall",
      "InviteVideoChatParticipants", "ManagedBotCreated", "PaidMessagePriceChanged",
      "PaidMessagesRefunded", "PassportDataReceived", "PassportDataSent", "PaymentRefunded",
      "PaymentSuccessful", "PaymentSuccessfulBot", "PinMessage", "PollOptionAdded",
      "PollOptionDeleted", "PremiumGiftCode", "ProximityAlertTriggered", "RefundedUpgradedGift",
      "ScreenshotTaken", "SuggestBirthdate", "SuggestProfilePhoto",
      "SuggestedPostApprovalFailed", "SuggestedPostApproved", "SuggestedPostDeclined",
      "SuggestedPostPaid", "SuggestedPostRefunded", "SupergroupChatCreate", "UpgradedGift",
      "UpgradedGiftPurchaseOffer", "UpgradedGiftPurchaseOfferRejected", "UsersShared",
      "VideoChatEnded", "VideoChatScheduled", "VideoChatStarted", "WebAppDataReceived",
      "WebAppDataSent",
    ].map { "message" + $0 })
}
