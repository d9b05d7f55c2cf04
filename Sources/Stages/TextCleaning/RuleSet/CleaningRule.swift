import FileSupport

/// One step of the cleaning: changes the text of a post or drops the post.
///
/// A recipe is an array of rules, run over each post in their order. A rule sees what those before
/// it have left of the post, and nothing of other posts: so posts can be cleaned in any order and by
/// several threads. It may keep memory to use again.
public protocol CleaningRule: Sendable {
  /// What the rule is called, why it is there, and its settings as they are without a choice.
  static var declaration: RuleDeclaration { get }

  /// Works on the text of a post, and says what it did.
  ///
  /// What the rule leaves of a dropped post is of no account.
  mutating func apply(to draft: inout Draft) -> RuleOutcome
}

/// What a rule did to a post.
public enum RuleOutcome: Equatable, Sendable {
  case unchanged
  case changed
  case dropped
}

/// A rule that can be chosen: its name, its reason, its settings, whether it is on.
public struct RuleDeclaration: Sendable {
  /// What a rule looks at.
  enum Scope: Sendable {
    /// A post by itself.
    case post(@Sendable (RuleSettings) -> any CleaningRule)
    /// Whether an earlier post has the same text.
    case duplicates
    /// Whether another post has nearly the same text.
    case nearDuplicates
  }

  /// The name of the rule in the funnel, in lower case with hyphens.
  public let name: String
  /// What the rule does and why, in a line.
  public let reason: String
  /// Whether the rule is run.
  public var isOn: Bool
  public internal(set) var settings: RuleSettings
  let scope: Scope

  /// A rule that looks at a post by itself; `make` makes it with its settings.
  public init(
    _ name: String, isOn: Bool = true, _ reason: String, settings: RuleSettings = [],
    make: @escaping @Sendable (RuleSettings) -> any CleaningRule
  ) {
    self.init(name, isOn: isOn, reason, settings: settings, scope: .post(make))
  }

  init(
    _ name: String, isOn: Bool, _ reason: String, settings: RuleSettings, scope: Scope
  ) {
    self.name = name
    self.reason = reason
    self.isOn = isOn
    self.settings = settings
    self.scope = scope
  }

  /// Whether `text` means on or off; `nil` if it is neither.
  static func flag(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "on", "yes", "true", "1": true
    case "off", "no", "false", "0": false
    default: nil
    }
  }
}
