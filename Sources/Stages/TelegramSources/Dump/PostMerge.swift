import FileSupport
import PostFormat

/// A post, and its line in the file that it was read from.
struct FoundPost {
  let post: Post
  /// The line, with keys that are unknown here; `nil` if the post is not from a file of posts, or
  /// differs from its line.
  var line: [UInt8]?
}

/// Merges the posts of one channel from several files, in order of id.
///
/// Of two posts with the same id, the one edited more recently is taken, or else the one from the
/// later file. What it lacks (such as views, which Telegram Desktop never writes) is taken from the
/// other if both have the same text.
///
///     let merge = try PostMerge([PostCursor(path: "old.jsonl"), PostCursor(path: "new.jsonl")])
///     while let found = try merge.next() { … }
final class PostMerge: PostStream {
  private let files: [PostCursor]
  /// What became of the posts of the first file.
  private(set) var changes = ChannelDump.Changes()
  private(set) var summary = SourceSummary()
  private(set) var line: [UInt8]?

  /// A merge of `files`, none of which has been read yet; of two posts, the one from the later file
  /// is preferred.
  ///
  /// - Throws: As ``next()``.
  init(_ files: [PostCursor]) throws {
    self.files = files
    for file in files { try file.next() }
  }

  /// The next post of the files.
  ///
  /// - Throws: `InputError` if a file is damaged, or if two files are from different channels;
  ///   `FileError`.
  func next() throws -> Post? {
    let found = try next(below: nil)
    line = found?.line
    return found?.post
  }

  /// The next post of the files, if its id is below `bound`.
  ///
  /// - Throws: As ``next()``.
  func next(below bound: Int?) throws -> FoundPost? {
    guard let id = files.compactMap({ $0.post?.id }).min(), bound.map({ id < $0 }) ?? true else {
      return nil
    }
    return try take(id, with: nil)
  }

  /// `found`, merged with the posts of the files that have its id.
  ///
  /// All posts below it must have been taken by ``next(below:)``.
  ///
  /// - Throws: As ``next()``.
  func merged(with found: FoundPost) throws -> FoundPost {
    try take(found.post.id, with: found) ?? found
  }

  var progress: SourceProgress { SourceProgress(posts: summary.posts) }

  private func take(_ id: Int, with last: FoundPost?) throws -> FoundPost? {
    var best: FoundPost?
    var original: Post?
    for (index, file) in files.enumerated() {
      guard let post = file.post, post.id == id else { continue }
      if index == 0 { original = post }
      let found = FoundPost(post: post, line: file.isRepaired ? nil : file.lineBytes)
      best = try Self.choose(best, found, file.path, .line(file.line))
      try file.next()
    }
    if let last { best = try Self.choose(best, last, files.last?.path ?? "", .whole) }
    guard let best else { return nil }
    switch original {
    case nil: changes.added += 1
    case best.post: changes.kept += 1
    default: changes.changed += 1
    }
    summary.count(best.post)
    summary.repaired = files.reduce(0) { $0 + $1.repairedCount }
    return best
  }

  private static func choose(
    _ earlier: FoundPost?, _ later: FoundPost, _ path: String, _ place: InputError.Place
  ) throws -> FoundPost {
    guard let earlier else { return later }
    let (a, b) = (earlier.post, later.post)
    // A zone that a source does not name shifts a date by little more than a day.
    guard abs(a.date - b.date) <= 27 * 3600 else {
      throw InputError(
        path, place,
        "post \(a.id) is dated \(DateText.text(a.date)) in one source and "
          + "\(DateText.text(b.date)) in another: they are not from the same channel")
    }
    let isEarlierNewer = (a.edited ?? .min) > (b.edited ?? .min)
    let (chosen, other) = isEarlierNewer ? (earlier, later) : (later, earlier)
    let post = chosen.post.completed(by: other.post)
    if post == chosen.post, chosen.line != nil || post != other.post { return chosen }
    // A line that says the same may have keys that are unknown here.
    return post == other.post ? other : FoundPost(post: post)
  }
}

extension Post {
  /// The post with what it lacks taken from `other`, if that has the same text.
  fileprivate func completed(by other: Post) -> Post {
    guard text.utf8.elementsEqual(other.text.utf8) else { return self }
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
