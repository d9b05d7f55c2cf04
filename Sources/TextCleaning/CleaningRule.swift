import FileSupport

/// One step of the cleaning: changes the text of a post or drops the post.
///
/// A recipe is an array of rules, run over each post in their order. A rule sees what those before
/// it have left, and may keep what it needs of earlier posts.
public protocol CleaningRule {
  /// The name of the rule in the funnel, in lower case with hyphens.
  var name: String { get }

  /// What the rule does and why, in a line.
  var reason: String { get }

  /// The settings the rule works with, for the funnel.
  var settings: [JSONValue.Member] { get }

  /// Works on the text of a post, and says what it did.
  ///
  /// What the rule leaves of a dropped post is of no account.
  mutating func apply(to draft: inout Draft) -> RuleOutcome
}

extension CleaningRule {
  public var settings: [JSONValue.Member] { [] }
}

/// What a rule did to a post.
public enum RuleOutcome: Sendable {
  case unchanged
  case changed
  case dropped
}
