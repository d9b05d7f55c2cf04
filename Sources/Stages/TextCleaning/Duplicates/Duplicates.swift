/// Posts whose text an earlier one has: a model learns them by heart.
///
/// Texts are compared as the rules before have left them. Of each text only a digest of 128 bits
/// is kept; that two texts among a billion share one by chance has odds of 1 to 10²⁰.
public struct Duplicates {
  public static let declaration = RuleDeclaration(
    "duplicates", isOn: true,
    "a post that repeats an earlier one word for word would be learnt by heart", settings: [],
    scope: .duplicates)

  private var seen = DigestSet()

  /// The rule, which has seen no post.
  public init() {}

  /// Whether no text before had the digest `digest`.
  package mutating func isNew(_ digest: Digest) -> Bool { seen.insert(digest) }
}
