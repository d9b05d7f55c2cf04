/// One step of the cleaning: changes the text of a post or drops the post.
///
/// A recipe is an array of rules, applied to each post in order. A rule sees what the earlier rules
/// have left of the post and nothing of other posts, so posts can be cleaned in any order and by
/// several threads. It may keep memory for reuse.
public protocol CleaningRule: Sendable {
  /// The rule's name, its reason, and its settings with their defaults.
  static var declaration: RuleDeclaration { get }

  /// The rule with `settings`, which are the ones that it declares.
  init(_ settings: RuleSettings)

  /// Changes the text of a post, and returns what it did.
  ///
  /// What the rule leaves of a dropped post does not matter.
  mutating func apply(to draft: inout Draft) -> RuleOutcome
}

/// What a rule did to a post.
public enum RuleOutcome: Equatable, Sendable {
  case unchanged
  case changed
  case dropped
}

/// A rule that can be chosen: its name, its reason, its settings, and whether it is on.
public struct RuleDeclaration: Sendable {
  /// The name of the rule in the funnel, in lower case and with hyphens.
  public let name: String
  /// What the rule does and why, in one line.
  public let reason: String
  /// Whether the rule is run.
  public var isOn: Bool
  public internal(set) var settings: RuleSettings
  /// The rule; `nil` if it compares posts, which ``CleaningRun`` does.
  private let rule: (any CleaningRule.Type)?

  /// The declaration of a rule that examines each post by itself; `nil` for one that compares posts.
  public init(
    _ rule: (any CleaningRule.Type)?, _ name: String, isOn: Bool = true, _ reason: String,
    settings: RuleSettings = []
  ) {
    self.rule = rule
    self.name = name
    self.reason = reason
    self.isOn = isOn
    self.settings = settings
  }

  /// The rule with its settings; `nil` if it compares posts.
  var postRule: (any CleaningRule)? { rule.map { $0.init(settings) } }
}
