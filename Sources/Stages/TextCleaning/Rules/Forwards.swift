/// Posts that were forwarded: another channel's words.
public struct Forwards: CleaningRule {
  public static let declaration = RuleDeclaration(
    "forwards", "forwarded posts are another channel's words"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.facts.isForward ? .dropped : .unchanged
  }
}
