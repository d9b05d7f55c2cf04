import FileSupport

/// Files of rules: a section for each rule, `on` and its settings as keys.
///
///     [length]
///     on = yes
///     minimum = 20
extension RuleSet {
  /// Takes the choices of the file `path`; rules that it does not name stay as they are.
  ///
  /// A section with settings turns its rule on unless it says `on = no`.
  ///
  /// - Throws: `FileError`; `InputError` with the line of what is no rule, setting or value.
  public mutating func read(path: String) throws {
    let file = try INIFile(path: path, exampleSection: "length")
    let sections = file.sections.map { name, entries in
      (name: name, entries: entries, line: file.sectionLines[name] ?? 1)
    }
    for section in sections.sorted(by: { $0.line < $1.line }) {
      try at(section.line, path) { rules throws(ChoiceError) in
        try rules.set(section.name, to: section.entries.isEmpty ? rules.flag(section.name) : "on")
      }
      for (key, entry) in section.entries.sorted(by: { $0.value.line < $1.value.line }) {
        try at(entry.line, path) { rules throws(ChoiceError) in
          if key == Self.onKey {
            try rules.set(section.name, to: entry.value)
          } else {
            try rules.set(section.name, key, to: entry.value)
          }
        }
      }
    }
  }

  private static let onKey = "on"

  /// The rule `name` as it is, on or off.
  private func flag(_ name: String) -> String { self[name]?.isOn == false ? "off" : "on" }

  /// Does `body`; what is no choice is an error of the line `line` of the file `path`.
  private mutating func at(
    _ line: Int, _ path: String, _ body: (inout RuleSet) throws(ChoiceError) -> Void
  ) throws(InputError) {
    do throws(ChoiceError) {
      try body(&self)
    } catch {
      throw InputError(path, .line(line), error.description)
    }
  }

  /// A file of rules with all rules in their order, their reasons and settings, as they are here.
  public var text: String {
    let defaults = RuleSet(recipe)
    var text = """
      # The rules of the recipe \(recipe.rawValue) in the order they are run, as --rules takes them.
      # A rule that is not in a file of rules stays as it is.

      """
    for rule in declarations {
      text += "\n# \(rule.reason)\n[\(rule.name)]\non = \(rule.isOn ? "yes" : "no")\n"
      for setting in rule.settings.all {
        var notes = [setting.accepted]
        if let value = defaults[rule.name]?.settings[setting.name]?.value, value != setting.value {
          notes.append("default: " + Self.note(value))
        }
        text += "# \(setting.help) (\(notes.joined(separator: "; ")))\n"
        let value = setting.value.text
        text += "\(setting.name) =\(value.isEmpty || value.hasPrefix("\n") ? "" : " ")\(value)\n"
      }
    }
    return text
  }

  private static func note(_ value: SettingValue) -> String {
    guard case .list(let texts) = value else { return value.text }
    return texts.isEmpty ? "none" : texts.joined(separator: " | ")
  }
}
