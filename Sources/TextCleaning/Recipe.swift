import CorpusFormat

/// A declared order of rules, with the way the posts are written.
public enum Recipe: String, CaseIterable, Sendable {
  /// Our own: tidy text, one post a line, nothing twice.
  case house
  /// The recipe of the project's beginnings, byte for byte, for comparisons.
  case original

  /// The rules in the order they are run.
  ///
  /// `news` says what becomes of news in the house recipe; the original one has no choice.
  public func rules(news: ChannelNews.Treatment = .post) -> [any CleaningRule] {
    switch self {
    case .house:
      [ChannelNews(news), Header(), Links(), JoinLines(), EmptyPosts(), Duplicates()]
    case .original:
      [OriginalHeader(), OriginalLines(), OriginalJoin()]
    }
  }

  /// How the posts stand in the text that the recipe makes.
  public var layout: CorpusLayout {
    switch self {
    case .house: .onePostALine
    case .original: .unseparated
    }
  }
}
