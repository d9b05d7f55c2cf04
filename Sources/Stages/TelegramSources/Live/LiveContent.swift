import FileSupport
import JSONSupport
import PostFormat

/// The text of a TDLib message, which is in a different place for each type of content.
struct LiveContent {
  private(set) var text = PostTextBuilder()
  /// The unknown kinds among the parts of a rich message.
  private(set) var unknownKinds: Set<String> = []

  /// Reads the `content` of a message.
  init(_ content: JSONValue, includesPolls: Bool) {
    switch content.type {
    case "messageAnimatedEmoji": readAnimatedEmoji(content)
    case "messageDice": text = PostTextBuilder(content["emoji"]?.string ?? "")
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
      let rich = RichText(content["message"] ?? .null, kinds: .tdlib)
      (text, unknownKinds) = (rich.builder, rich.unknownKinds)
    default: read(formatted: content["text"] ?? content["caption"])
    }
  }

  /// Reads a `formattedText`; anything else has no text.
  private mutating func read(formatted: JSONValue?) {
    let entities = (formatted?["entities"]?.elements ?? []).compactMap(Self.entity)
    text = PostTextBuilder(formatted?["text"]?.string ?? "", entities: entities)
  }

  /// A post of a single emoji, which every other source has as a text.
  private mutating func readAnimatedEmoji(_ content: JSONValue) {
    let emoji = content["emoji"]?.string ?? ""
    let type = content["animated_emoji"]?["sticker"]?["full_type"]?.type
    let isCustom = type == "stickerFullTypeCustomEmoji" && !emoji.isEmpty
    let entity = Post.Entity(type: "custom_emoji", offset: 0, length: emoji.utf16.count)
    text = PostTextBuilder(emoji, entities: isCustom ? [entity] : [])
  }

  private mutating func append(question: JSONValue?, options: JSONValue?) {
    text.appendLine(
      pollText(
        question: question?["text"]?.string ?? "",
        options: (options?.elements ?? []).map { $0["text"]?["text"]?.string ?? "" }))
  }

  // MARK: - Entities

  /// Reads a `textEntity`; `nil` for one that covers nothing, and for those that only TDLib finds.
  private static func entity(_ json: JSONValue) -> Post.Entity? {
    guard let offset = json.whole("offset"), let length = json.whole("length"),
      0...Int(Int32.max) ~= offset, 1...Int(Int32.max) ~= length, let type = json["type"],
      let word = word(of: type.type)
    else { return nil }
    let url = word == "text_link" ? type["url"]?.string : nil
    return Post.Entity(type: word, offset: offset, length: length, url: url)
  }

  private static let prefix = "textEntityType"

  /// Telegram Desktop's word for a type of entity.
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

  /// The types that report an event in the channel.
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
