import FileSupport

/// Drops posts whose text is nearly equal to that of another: reposts with a word changed.
///
/// The similarity of two texts is Jaccard's: the fraction of the shingles in either text that both
/// have. Posts are taken in order of preference; a post is dropped if one that has already been
/// kept is similar enough. So each dropped post is similar to a kept one, and no chain of small
/// changes removes a post that is unlike everything that is left.
///
/// The decision is made once all posts are known. Until then they wait in unnamed files, whose use
/// may fail with a `FileError`.
public final class NearDuplicateFilter {
  public static let declaration = RuleDeclaration(
    nil, "near-duplicates", isOn: false,
    "only one of posts that differ by a word is kept, so that none counts twice",
    settings: [
      .fraction(
        "similarity", 0.8, in: 0.3...1,
        "the fraction of common shingles (Jaccard) at or above which two posts are nearly equal"),
      .count("shingle", 5, in: 1...100, "the number of characters in a shingle"),
      .choice(
        "keep", Preference.views,
        "which post is kept: the one with the most views, the earliest of these; or the earliest"),
    ])

  /// Which of several nearly equal posts is kept.
  enum Preference: String, CaseIterable { case views, earliest }

  /// A post that is waiting.
  struct Post {
    let id: Int
    /// How many times it was viewed; -1 if that is unknown.
    let views: Int
    /// Where its text is in the file, with its newline.
    let text: Range<Int>
    /// Where its text as posted is in the other file; empty if it was not requested.
    let before: Range<Int>
    /// The index of the nearly equal post that is kept in its place.
    fileprivate(set) var keptInstead: Int?
  }

  /// A post that was dropped by an earlier rule.
  private struct Drop {
    let id: Int
    let rule: String
    let before: Range<Int>
    var keptInstead: Int?
  }

  private(set) var posts: [Post] = []
  /// Computes the fingerprints of the posts.
  let fingerprintMaker: FingerprintMaker
  private var fingerprints: [UInt32] = []
  private var drops: [Drop] = []
  private let settings: RuleSettings
  private let newlineCount: Int
  private let texts: AppendFile
  private let textsBefore: AppendFile
  private var buffer: [UInt8] = []
  private var bufferBefore: [UInt8] = []

  /// A filter with `settings` in which no post is waiting yet.
  init(_ settings: RuleSettings, isOnePostALine: Bool) throws {
    self.settings = settings
    newlineCount = isOnePostALine ? 1 : 0
    fingerprintMaker = FingerprintMaker(settings)
    texts = try AppendFile.temporary()
    textsBefore = try AppendFile.temporary()
  }

  // MARK: - Posts that wait

  /// Adds the post at `index` of `cleaned`; it is in the file after ``flush()``.
  func add(_ index: Int, of cleaned: CleanedPosts) {
    let post = cleaned.posts[index]
    let start = texts.size + buffer.count
    buffer += cleaned.output[post.text]
    if newlineCount > 0 { buffer.append(0x0A) }
    posts.append(
      Post(
        id: post.id, views: post.views ?? -1, text: start..<(texts.size + buffer.count),
        before: addBefore(post.textBefore ?? "")))
    let valueCount = fingerprintMaker.count
    fingerprints += cleaned.fingerprints[(index * valueCount)..<((index + 1) * valueCount)]
    precondition(posts.count < UInt32.max)
  }

  /// Adds a post that an earlier rule has dropped.
  func add(_ reject: Reject) {
    drops.append(Drop(id: reject.id, rule: reject.rule, before: addBefore(reject.text)))
  }

  private func addBefore(_ text: String) -> Range<Int> {
    let start = textsBefore.size + bufferBefore.count
    bufferBefore += text.utf8
    return start..<(textsBefore.size + bufferBefore.count)
  }

  /// Writes what was added to the files.
  func flush() throws {
    try texts.append(buffer)
    try textsBefore.append(bufferBefore)
    buffer.removeAll(keepingCapacity: true)
    bufferBefore.removeAll(keepingCapacity: true)
  }

  /// The text of `post`, without a newline.
  func text(of post: Post) throws -> [UInt8] {
    try texts.bytes(post.text.lowerBound..<(post.text.upperBound - newlineCount))
  }

  /// The text of `post` as posted.
  func textBefore(of post: Post) throws -> String { try textBefore(post.before) }

  private func textBefore(_ range: Range<Int>) throws -> String {
    String(decoding: try textsBefore.bytes(range), as: UTF8.self)
  }

  // MARK: - The decision

  /// Decides which posts are dropped, and returns how many; `check` is called from time to time.
  func decide(check: () throws -> Void) throws -> Int {
    var order = posts.indices.map { UInt32($0) }
    if settings.choice("keep") == Preference.views {
      order.sort { first, second in
        let (views, otherViews) = (posts[Int(first)].views, posts[Int(second)].views)
        return views != otherViews ? views > otherViews : first < second
      }
    }
    var search = NearDuplicateSearch(
      fingerprints: fingerprints, valuesPerPost: fingerprintMaker.count, order: order)
    fingerprints = []
    let keptInstead = try search.run(settings, text: { try text(of: posts[$0]) }, check: check)
    for index in posts.indices { posts[index].keptInstead = keptInstead[index] }
    return keptInstead.count { $0 != nil }
  }

  /// The id of the post that is kept in place of `post`; `nil` if it is kept itself.
  func idKept(insteadOf post: Post) -> Int? { post.keptInstead.map { posts[$0].id } }

  /// Calls `body` with each post dropped by any rule, in the order of the file.
  func forEachReject(_ body: (Reject) throws -> Void) throws {
    let rule = Self.declaration.name
    let all =
      drops
      + posts.filter { $0.keptInstead != nil }.map {
        Drop(id: $0.id, rule: rule, before: $0.before, keptInstead: idKept(insteadOf: $0))
      }
    for drop in all.sorted(by: { $0.id < $1.id }) {
      try body(
        Reject(
          id: drop.id, rule: drop.rule, text: textBefore(drop.before),
          keptInstead: drop.keptInstead))
    }
  }

  /// Calls `body` with the texts of the kept posts as they are in the file, several at a time.
  func forEachPiece(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let kept = posts.lazy.filter { $0.keptInstead == nil }.map(\.text)
    for piece in kept.joined(upTo: 1 << 20) { try body(texts.bytes(piece)[...]) }
  }
}

extension Sequence<Range<Int>> {
  /// The ranges, in ascending order, with adjacent ones joined up to the length `limit`.
  func joined(upTo limit: Int) -> [Range<Int>] {
    reduce(into: []) { joined, range in
      if let last = joined.last, last.upperBound == range.lowerBound,
        last.count + range.count <= limit
      {
        joined[joined.count - 1] = last.lowerBound..<range.upperBound
      } else {
        joined.append(range)
      }
    }
  }
}
