import FileSupport
import JSONSupport
import PostFormat

/// A message from TDLib, and the post that it becomes.
public struct LiveMessage {
  /// What a message is.
  public enum Kind: Equatable {
    case post
    /// A post of an unknown type, with the name of the type.
    case unknown(String)
    /// A service message, such as "photo changed".
    case service
    /// A message that TDLib itself does not understand, because TDLib is too old.
    case unsupported
  }

  public let kind: Kind
  /// The post; `nil` if the message is not one, or has no date.
  public private(set) var post: Post?
  /// The unknown kinds among the parts of a rich message.
  public private(set) var unknownKinds: Set<String> = []

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - id: Its id in the channel.
  ///   - chatID: The channel.
  ///   - json: The `message` of TDLib.
  ///   - forwardedFrom: The name of the source of a forward; `nil` if it is not one.
  ///   - options: Whether polls are wanted as text.
  public init(
    id: Int, chatID: Int, json: JSONValue, forwardedFrom: String?, options: SourceOptions
  ) {
    let type = (json["content"] ?? .null).type
    if type == "messageUnsupported" {
      kind = .unsupported
      return
    }
    if LiveContent.serviceTypes.contains(type) {
      kind = .service
      return
    }
    let media = LiveContent.media[type]
    kind = media == nil && !LiveContent.textTypes.contains(type) ? .unknown(type) : .post
    guard let date = Self.time(json["date"]) else { return }
    let content = LiveContent(json["content"] ?? .null, includesPolls: options.includesPolls)
    var post = Post(id: id, date: date, text: content.text.text)
    post.entities = content.text.entities
    unknownKinds = content.unknownKinds
    post.edited = Self.time(json["edit_date"]).flatMap { $0 < date ? nil : $0 }
    let interaction = json["interaction_info"]
    post.views = interaction?.whole("view_count").flatMap { $0 > 0 ? $0 : nil }
    post.reactions = Self.reactions(interaction?["reactions"])
    post.forwardedFrom = forwardedFrom
    post.replyTo = Self.replyTo(json["reply_to"], in: chatID)
    post.media = media
    self.post = post
  }

  /// Seconds since 1970, which TDLib sends in 32 bits; `nil` for 0, which means none.
  private static func time(_ value: JSONValue?) -> Int? {
    value?.integer.flatMap { 1...Int(Int32.max) ~= $0 ? $0 : nil }
  }

  /// The id of the message that this one replies to, if that is in the same channel.
  private static func replyTo(_ reply: JSONValue?, in chatID: Int) -> Int? {
    guard let reply, reply.type == "messageReplyToMessage", reply.whole("chat_id") == chatID else {
      return nil
    }
    return reply.whole("message_id").flatMap(TDMessageID.id)
  }

  private static func reactions(_ reactions: JSONValue?) -> [Post.Reaction] {
    var counts: [Post.Reaction] = []
    for reaction in reactions?["reactions"]?.elements ?? [] {
      guard let name = name(of: reaction["type"] ?? .null),
        let count = reaction.whole("total_count"), count > 0
      else { continue }
      counts.add(count, of: name)
    }
    return counts
  }

  /// The key of a reaction: the emoji itself, or words where there is none.
  private static func name(of type: JSONValue) -> String? {
    switch type.type {
    case "reactionTypeEmoji": return type["emoji"]?.string
    case "reactionTypeCustomEmoji":
      return Post.Reaction.name(ofCustomEmoji: type.whole("custom_emoji_id").map(String.init))
    case "reactionTypePaid": return "paid"
    default: return nil
    }
  }
}
