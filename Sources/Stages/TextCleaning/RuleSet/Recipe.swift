import CorpusFormat

/// A declared order of rules, with the way the posts are written.
public enum Recipe: String, CaseIterable, Sendable {
  /// Our own: tidy text, one post a line, nothing twice.
  case house
  /// The recipe of the project's beginnings, byte for byte, for comparisons.
  case original

  /// The rules in the order they are run; some are off unless the user turns them on.
  public var rules: [RuleDeclaration] {
    switch self {
    case .house:
      [
        Forwards.declaration, Replies.declaration, Polls.declaration,
        UnicodeComposition.declaration, ChannelNews.declaration, Adverts.declaration,
        Header.declaration, Boilerplate.declaration, Links.declaration, Mentions.declaration,
        Hashtags.declaration, Alphabet.declaration, UpperCase.declaration, Separators.declaration,
        QuotesAndDashes.declaration, RepeatedPunctuation.declaration, Emoji.declaration,
        JoinLines.declaration, EmptyPosts.declaration, Length.declaration, Duplicates.declaration,
        NearDuplicates.declaration,
      ]
    case .original:
      [OriginalHeader.declaration, OriginalLines.declaration, OriginalJoin.declaration]
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
