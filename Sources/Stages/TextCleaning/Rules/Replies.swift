/// Posts that answer another post: some mean nothing without it.
///
/// Off unless asked for, as channels answer themselves with bugurts, too.
public struct Replies: CleaningRule {
  public static let declaration = RuleDeclaration(
    "replies", isOn: false, "posts that answer another may mean nothing without it"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.facts.isReply ? .dropped : .unchanged
  }
}
