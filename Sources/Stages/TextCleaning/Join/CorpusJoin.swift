import CorpusFormat
import FileSupport
import TextSupport

/// Joins cleaned texts into one, without posts that repeat a post of an earlier text.
///
///     let writer = try CorpusWriter(path: "both.txt")
///     let join = CorpusJoin(rules: RuleSet(.join), paths: ["one.txt", "two.txt"])
///     let funnel = try join.run(writer) { _ in }
///     try writer.commit()
///
/// Posts of the same text are not compared with each other: what is a duplicate among them was decided
/// when they were cleaned. The posts stay in their order, those of the first text first.
public struct CorpusJoin {
  /// The rules that are run, those of ``Recipe/join``.
  public var rules: RuleSet
  /// The texts, each with one post per line, compressed with gzip or not; `-` is standard input.
  public var paths: [String]

  /// A join of the texts at `paths` by `rules`.
  public init(rules: RuleSet, paths: [String]) {
    self.rules = rules
    self.paths = paths
  }

  static let duplicates = RuleDeclaration(
    nil, DuplicateFilter.declaration.name,
    "a post that repeats one of an earlier text word for word would count twice")
  static let nearDuplicates = RuleDeclaration(
    nil, NearDuplicateFilter.declaration.name,
    "of posts in two texts that differ by a word, that of the first text is kept",
    // The views of the posts are not in a cleaned text.
    settings: RuleSettings(
      NearDuplicateFilter.declaration.settings.all.filter { $0.name != "keep" }))

  /// Writes the posts that stay, and returns what became of all; the file is not committed.
  ///
  /// `progress` is called with the number of bytes of the texts, as they are on disk, that were read.
  ///
  /// - Throws: `InputError` if a text is not UTF-8 or does not have one post per line, or if there are
  ///   no posts; `FileError`; what `progress` throws.
  public func run(
    _ writer: CorpusWriter, progress: (_ bytesConsumed: Int) throws -> Void
  ) throws -> Funnel {
    var funnel = Cleaner(rules).funnel
    let posts = try JoinedPosts(rules)
    var bytesBefore = 0
    for path in paths {
      if let own = try? Funnel(path: Funnel.path(besideText: path)), !own.isOnePostALine {
        throw InputError(
          path, "its posts cannot be told apart; clean them again with --recipe house")
      }
      var bytesRead = 0
      posts.beginText()
      try CorpusReader.forEachPost(
        path: path,
        progress: {
          bytesRead = $0
          try progress(bytesBefore + bytesRead)
        }
      ) { _, post, _ in try posts.add(post) }
      bytesBefore += bytesRead
      funnel.sources.append(Funnel.Source(path: path, postsIn: posts.countOfText))
    }
    funnel.postsIn = posts.count
    (funnel.bytesIn, funnel.charactersIn) = (posts.byteCount, posts.characterCount)
    guard posts.count > 0 else {
      throw InputError(
        paths.joined(separator: ", "), "there is no text in it; expected one post per line")
    }
    try posts.dropNearDuplicates { try progress(bytesBefore) }
    try posts.write(to: writer) { try progress(bytesBefore) }
    for (index, kept) in posts.keptByText.enumerated() {
      funnel.sources[index].postsOut = kept.posts
      funnel.sources[index].bytesOut = kept.bytes
      funnel.postsOut += kept.posts
    }
    funnel.bytesOut = writer.byteCount - funnel.postsOut
    funnel.charactersOut = writer.characterCount - funnel.postsOut
    funnel.countDropped(posts.duplicateCount, by: Self.duplicates.name)
    funnel.countDropped(
      posts.count - posts.duplicateCount - funnel.postsOut, by: Self.nearDuplicates.name)
    return funnel
  }
}
