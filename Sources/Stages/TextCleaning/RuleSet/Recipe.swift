/// A fixed order of rules.
public enum Recipe: String, CaseIterable, Sendable {
  /// The house recipe: tidy text, one post per line, nothing twice.
  case house
  /// The recipe of the project's first version, byte for byte, for comparisons.
  case original
  /// The recipe for cleaned texts, which ``CorpusJoin`` joins.
  case join

  /// The rules in the order in which they are run; some are off unless the user turns them on.
  public var rules: [RuleDeclaration] {
    switch self {
    case .house:
      [
        ForwardRule.declaration, ReplyRule.declaration, PollRule.declaration,
        UnicodeRule.declaration, ChannelNewsRule.declaration, AdvertRule.declaration,
        HeaderRule.declaration, BoilerplateRule.declaration, LinkRule.declaration,
        MentionRule.declaration, HashtagRule.declaration, AlphabetRule.declaration,
        UpperCaseRule.declaration, SeparatorRule.declaration, QuoteAndDashRule.declaration,
        PunctuationRule.declaration, EmojiRule.declaration, JoinLinesRule.declaration,
        EmptyRule.declaration, LengthRule.declaration, DuplicateFilter.declaration,
        NearDuplicateFilter.declaration,
      ]
    case .original:
      [OriginalHeaderRule.declaration, OriginalLineRule.declaration, OriginalJoinRule.declaration]
    case .join: [CorpusJoin.duplicates, CorpusJoin.nearDuplicates]
    }
  }

  /// Whether the text has one post per line; if not, nothing separates the posts.
  public var isOnePostALine: Bool { self != .original }
}
