import FileSupport

/// Rule files: a section for each rule, with `on` and its settings as keys.
///
///     [length]
///     on = yes
///     minimum = 20
extension RuleSet {
  /// Makes the choices of the file `path`; rules that it does not name stay as they are.
  ///
  /// A section with settings turns its rule on unless it says `on = no`.
  ///
  /// - Throws: `FileError`; `InputError` with the line of an unknown rule, setting or value.
  public mutating func read(path: String) throws {
    let file = try INIFile(path: path, exampleSection: "length")
    func choosing(_ line: Int, _ choose: () throws(ChoiceError) -> Void) throws(InputError) {
      do throws(ChoiceError) {
        try choose()
      } catch {
        throw InputError(path, .line(line), error.description)
      }
    }
    for (name, line) in file.sectionLines.sorted(by: { $0.value < $1.value }) {
      let entries = file.sections[name, default: [:]].sorted { $0.value.line < $1.value.line }
      try choosing(line) { () throws(ChoiceError) in
        let isOn = declarations[try index(of: name)].isOn || !entries.isEmpty
        try set(name, to: isOn ? "on" : "off")
      }
      for (key, entry) in entries {
        try choosing(entry.line) { () throws(ChoiceError) in
          if key == "on" {
            try set(name, to: entry.value)
          } else {
            try set(name, key, to: entry.value)
          }
        }
      }
    }
  }

  /// A rule file with all rules in their order, their reasons and settings, as chosen here.
  public var text: String {
    let defaults = RuleSet(recipe)
    var text = """
      # The rules of the recipe \(recipe.rawValue) in the order they are run, for --rules.
      # A rule that is not in a rule file stays as it is.

      """
    for rule in declarations {
      text += "\n# \(rule.reason)\n[\(rule.name)]\non = \(rule.isOn ? "yes" : "no")\n"
      for setting in rule.settings.all {
        var notes = [setting.value.accepted]
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
