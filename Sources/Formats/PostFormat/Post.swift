/// A post of a channel: section 1 of `docs/formats.md`.
public struct Post: Equatable, Sendable {
  /// The id of the post in its channel, as in its link.
  public var id: Int
  /// When it was posted, in seconds since 1970 (UTC).
  public var date: Int
  /// The text as posted, its lines separated by LF; empty for media without a caption.
  public var text: String
  /// When it was last edited, in seconds since 1970 (UTC).
  public var edited: Int?
  /// Links, mentions, bold text and so on, in the order of their offsets.
  public var entities: [Entity] = []
  /// How often it was viewed.
  public var views: Int?
  /// The reactions, in the order of the source.
  public var reactions: [Reaction] = []
  /// The name of the source of a forward; empty if the source no longer has a name.
  public var forwardedFrom: String?
  /// The id of the post that this one replies to.
  public var replyTo: Int?
  /// The kind of its media, such as `photo`, `video_file`, `sticker`, `poll` or `file`.
  public var media: String?

  /// A post with the fields that every post has.
  public init(id: Int, date: Int, text: String) {
    self.id = id
    self.date = date
    self.text = text
  }

  /// A part of the text with a special meaning.
  public struct Entity: Equatable, Sendable {
    /// The kind, in Telegram Desktop's terms, such as `link`, `text_link` or `mention`.
    public var type: String
    /// Where it begins, in UTF-16 units.
    public var offset: Int
    /// How long it is, in UTF-16 units.
    public var length: Int
    /// The target of a `text_link`.
    public var url: String?

    public init(type: String, offset: Int, length: Int, url: String? = nil) {
      self.type = type
      self.offset = offset
      self.length = length
      self.url = url
    }
  }

  /// An emoji with the number of people who reacted with it.
  public struct Reaction: Equatable, Sendable {
    public var emoji: String
    public var count: Int

    public init(emoji: String, count: Int) {
      self.emoji = emoji
      self.count = count
    }
  }
}

/// A field that may be omitted from a post's line; `id`, `date` and `text` are always written.
public enum PostField: String, CaseIterable, Sendable {
  case edited, entities, views, reactions
  case forwardedFrom = "forwarded_from"
  case replyTo = "reply_to"
  case media
}
