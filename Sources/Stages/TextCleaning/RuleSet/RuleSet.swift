import FileSupport
import TextSupport

/// The rules of a recipe with the user's choices.
///
///     var rules = RuleSet(.house)
///     try rules.set("forwards=off")
///     try rules.set("length.minimum=20")
public struct RuleSet: Sendable {
  /// The recipe that the rules belong to.
  public let recipe: Recipe
  /// All rules of the recipe, including those that are off, in the order in which they are run.
  public private(set) var declarations: [RuleDeclaration]

  /// The rules of `recipe` with their defaults, or other `declarations`.
  public init(_ recipe: Recipe, declarations: [RuleDeclaration]? = nil) {
    self.recipe = recipe
    self.declarations = declarations ?? recipe.rules
  }

  /// The rules that are run.
  public var active: [RuleDeclaration] { declarations.filter(\.isOn) }

  /// The rules that are run on each post by itself; they come before all the others.
  var postRules: [any CleaningRule] { active.compactMap(\.postRule) }

  /// The rule `name`; `nil` if the recipe has none.
  public subscript(name: String) -> RuleDeclaration? { declarations.first { $0.name == name } }

  /// The settings of a rule; `nil` if it is not run.
  func settings(of rule: RuleDeclaration) -> RuleSettings? {
    active.first { $0.name == rule.name }?.settings
  }

  /// A choice that the recipe does not offer.
  public struct ChoiceError: Error, CustomStringConvertible {
    public let description: String
  }

  /// Makes the choice `text`: `links=off`, `links=on`, or for a setting `length.minimum=20`, which
  /// also turns the rule on.
  ///
  /// - Throws: ``ChoiceError`` if there is no such rule, setting or value.
  public mutating func set(_ text: String) throws(ChoiceError) {
    guard let equals = text.firstIndex(of: "=") else {
      throw ChoiceError(
        description:
          "'\(excerpt(text))': expected a rule and on or off, such as links=off, or a setting, "
          + "such as length.minimum=20")
    }
    let (key, value) = (text[..<equals], String(text[text.index(after: equals)...]))
    guard let dot = key.firstIndex(of: ".") else { return try set(String(key), to: value) }
    try set(String(key[..<dot]), String(key[key.index(after: dot)...]), to: value)
    try set(String(key[..<dot]), to: "on")
  }

  /// Turns the rule `name` on or off.
  ///
  /// - Throws: ``ChoiceError``.
  public mutating func set(_ name: String, to text: String) throws(ChoiceError) {
    let index = try index(of: name)
    switch text.lowercased() {
    case "on", "yes", "true", "1": declarations[index].isOn = true
    case "off", "no", "false", "0": declarations[index].isOn = false
    default:
      throw ChoiceError(description: "'\(excerpt(text))' for the rule \(name): expected on or off")
    }
  }

  /// Gives the setting `setting` of the rule `name` a value.
  ///
  /// - Throws: ``ChoiceError``.
  public mutating func set(
    _ name: String, _ setting: String, to text: String
  ) throws(ChoiceError) {
    let index = try index(of: name)
    let settings = declarations[index].settings
    guard let found = settings[setting] else {
      let names = settings.all.map(\.name)
      throw ChoiceError(
        description: "the rule \(name) has no setting '\(excerpt(setting))'; "
          + (names.isEmpty ? "it has none" : "it has " + names.joined(separator: ", ")))
    }
    guard declarations[index].settings.set(setting, to: text) else {
      throw ChoiceError(
        description: "'\(excerpt(text))' for \(name).\(setting): expected \(found.value.accepted)")
    }
  }

  func index(of name: String) throws(ChoiceError) -> Int {
    guard let index = declarations.firstIndex(where: { $0.name == name }) else {
      throw ChoiceError(
        description: "there is no rule '\(excerpt(name))' in the recipe \(recipe.rawValue); it has "
          + declarations.map(\.name).joined(separator: ", "))
    }
    return index
  }
}
