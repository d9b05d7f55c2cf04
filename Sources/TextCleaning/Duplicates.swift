/// Posts whose text an earlier one has: a model learns them by heart.
///
/// Texts are compared as the rules before have left them. Of each text only a digest of 128 bits
/// is kept; that two texts among a billion share one by chance has odds of 1 to 10²⁰.
public struct Duplicates: CleaningRule {
  public let name = "duplicates"
  public let reason = "a post that repeats an earlier one word for word would be learnt by heart"

  private var seen: Set<Digest> = []

  /// The rule, which has seen no post.
  public init() {}

  public mutating func apply(to draft: inout Draft) -> RuleOutcome {
    let digest = draft.withText { Digest(of: $0) }
    return seen.insert(digest).inserted ? .unchanged : .dropped
  }
}
