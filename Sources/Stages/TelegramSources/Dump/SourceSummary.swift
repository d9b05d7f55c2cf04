import PostFormat

/// What was found in a source, and what became posts.
public struct SourceSummary: Equatable, Sendable {
  /// The id and the date of a post.
  public struct Mark: Equatable, Sendable {
    public var id: Int
    /// Seconds since 1970 (UTC).
    public var date: Int

    public init(id: Int, date: Int) {
      self.id = id
      self.date = date
    }
  }

  /// The name of the channel, with its type and id as far as the source knows them.
  public var chat = ""
  /// How many posts there are.
  public var posts = 0
  /// How many of them have no text.
  public var withoutText = 0
  /// How many of them have a date without a zone, which was taken to be in UTC.
  public var zoneless = 0
  /// How many of them are of an unknown type; they were kept.
  public var unknownTypes = 0
  /// How many of them had half a surrogate pair in a text, which was replaced by U+FFFD.
  public var repaired = 0
  /// What is doubtful about the posts that are rich messages.
  public var richMessages = RichMessageNotes()
  /// How many service messages, such as "photo changed", were left out.
  public var service = 0
  /// How many messages were left out because the source does not show their content.
  public var unsupported = 0
  /// How many messages were left out because their id had already occurred.
  public var duplicates = 0
  /// How many messages were left out that are from the group the chat used to be (negative ids).
  public var formerGroup = 0
  /// How many messages were left out because they have no id or no date.
  public var incomplete = 0
  /// The first post and the last.
  public var first: Mark?
  public var last: Mark?
  /// How many ids between the first post and the last belong to no message of any kind.
  public var missing = 0
  /// Where the source is cut off, if only the posts before that were wanted.
  public var cut: String?

  public init() {}

  /// Counts `post`, whose id is above those already counted.
  mutating func count(_ post: Post) {
    let mark = Mark(id: post.id, date: post.date)
    if first == nil { first = mark }
    last = mark
    posts += 1
    if post.text.isEmpty { withoutText += 1 }
  }

  /// How many messages were read.
  public var messages: Int {
    posts + service + unsupported + duplicates + formerGroup + incomplete
  }
}

/// What is doubtful about the rich messages of a source, which Telegram's block editor makes.
public struct RichMessageNotes: Equatable, Sendable {
  /// How many have parts of unknown kinds.
  public var unknownCount = 0
  /// The names of these kinds.
  public var unknownKinds: Set<String> = []
  /// How many the source holds only in part.
  public var partialCount = 0

  public init() {}

  /// Counts a post that has parts of these `kinds`, which are not known.
  mutating func count(_ kinds: Set<String>, isPartial: Bool) {
    if isPartial { partialCount += 1 }
    guard !kinds.isEmpty else { return }
    unknownCount += 1
    unknownKinds.formUnion(kinds)
  }
}
