import FileSupport
import PostFormat

/// A post, and how it stands in the file it was read from, if it was.
public struct FoundPost: Sendable {
  public var post: Post
  /// The line in the file, keys that are not known here with it; `nil` where the post is not that of
  /// the line.
  public var line: [UInt8]?

  public init(_ post: Post, line: [UInt8]? = nil) {
    self.post = post
    self.line = line
  }

  /// The post of `cursor`, which must stand at one.
  init(_ post: Post, of cursor: PostCursor) {
    self.post = post
    line = cursor.isRepaired ? nil : cursor.lineBytes
  }
}

/// Merges the posts of one channel from several sources, by ascending ids.
///
/// Of two posts with one id that with the later edit is taken, else that of the later source; what it
/// does not tell (views, say, which Telegram Desktop never writes) is taken from the other, if both
/// have the same text.
///
///     var merge = PostMerge(files: [try PostCursor(path: "old.jsonl")])
///     try source.forEachPost { try merge.take(FoundPost($0)) { … } }
///     try merge.finish { … }
public struct PostMerge {
  /// What became of the posts of the first source.
  public struct Counts: Equatable, Sendable {
    /// How many of its posts stayed as they were.
    public var kept = 0
    /// How many of its posts were changed by another source.
    public var changed = 0
    /// How many posts it did not have.
    public var added = 0

    public init(kept: Int = 0, changed: Int = 0, added: Int = 0) {
      (self.kept, self.changed, self.added) = (kept, changed, added)
    }
  }

  private let files: [PostCursor]
  private var hasBegun = false
  /// What became of the posts of the first file, against those of all other sources.
  public private(set) var counts = Counts()

  /// A merge of `files`, the later ones of more weight, and of what ``take(_:_:)`` is given, which has
  /// the most.
  public init(files: [PostCursor]) {
    self.files = files
  }

  /// Takes the next post of the last source; `output` is given all posts up to it.
  ///
  /// - Throws: `InputError` if a file is damaged, or two sources are of different channels;
  ///   `FileError`; what `output` throws.
  public mutating func take(_ found: FoundPost, _ output: (FoundPost) throws -> Void) throws {
    try begin()
    while let id = lowestID, id < found.post.id { try emit(id, nil, output) }
    try emit(found.post.id, found, output)
  }

  /// Gives `output` all posts that are left.
  ///
  /// - Throws: As ``take(_:_:)``.
  public mutating func finish(_ output: (FoundPost) throws -> Void) throws {
    try begin()
    while let id = lowestID { try emit(id, nil, output) }
  }

  private mutating func begin() throws {
    guard !hasBegun else { return }
    hasBegun = true
    for file in files { try file.next() }
  }

  /// How many posts of the files had half of a surrogate pair in a text.
  var repairedCount: Int { files.reduce(0) { $0 + $1.repairedCount } }

  private var lowestID: Int? { files.compactMap { $0.post?.id }.min() }

  /// Gives out the post `id` of the files and of `last`, which may have it too.
  private mutating func emit(
    _ id: Int, _ last: FoundPost?, _ output: (FoundPost) throws -> Void
  ) throws {
    var best: FoundPost?
    var original: Post?
    for (number, file) in files.enumerated() {
      guard let post = file.post, post.id == id else { continue }
      if number == 0 { original = post }
      best = try Self.choose(best, FoundPost(post, of: file), file.path, file.line)
      try file.next()
    }
    if let last {
      best = best == nil ? last : try Self.choose(best, last, files.last?.path ?? "", 0)
    }
    guard let best else { return }
    switch original {
    case nil: counts.added += 1
    case best.post: counts.kept += 1
    default: counts.changed += 1
    }
    try output(best)
  }

  private static func choose(
    _ earlier: FoundPost?, _ later: FoundPost, _ path: String, _ line: Int
  ) throws -> FoundPost {
    guard let earlier else { return later }
    let (a, b) = (earlier.post, later.post)
    // A zone that a source does not tell moves a date by less than a day or so.
    guard abs(a.date - b.date) <= 27 * 3600 else {
      throw InputError(
        path, line > 0 ? .line(line) : .whole,
        "post \(a.id) is of \(DateText.text(a.date)) in one source and of \(DateText.text(b.date)) "
          + "in another: they are not of one channel")
    }
    let isEarlierNewer = (a.edited ?? .min) > (b.edited ?? .min)
    let (chosen, other) = isEarlierNewer ? (earlier, later) : (later, earlier)
    let post = chosen.post.completed(by: other.post)
    if post == chosen.post, chosen.line != nil || post != other.post { return chosen }
    // A line that says the same may have keys that are not known here.
    return post == other.post ? other : FoundPost(post)
  }
}

extension Post {
  /// The post with what it does not tell taken from `other`, if that has the same text.
  func completed(by other: Post) -> Post {
    guard text == other.text, text.utf8.elementsEqual(other.text.utf8) else { return self }
    var post = self
    post.edited = edited ?? other.edited
    if entities.isEmpty { post.entities = other.entities }
    post.views = views ?? other.views
    if reactions.isEmpty { post.reactions = other.reactions }
    post.forwardedFrom = forwardedFrom ?? other.forwardedFrom
    post.replyTo = replyTo ?? other.replyTo
    post.media = media ?? other.media
    return post
  }
}
