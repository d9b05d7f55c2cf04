/// Polls without a text of their own: a question of the channel to its readers.
public struct Polls: CleaningRule {
  public static let declaration = RuleDeclaration(
    "polls", "polls without a text ask the readers something and tell nothing"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.facts.media == "poll" && draft.firstVisibleLine == nil ? .dropped : .unchanged
  }
}
