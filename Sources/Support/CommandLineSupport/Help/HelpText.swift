/// The text of `--help`.
package struct HelpText {
  let name: String
  let abstract: String
  let discussion: String
  let schema: CommandSchema
  /// The width of the text in columns.
  let width: Int

  package init(
    name: String, abstract: String, discussion: String, schema: CommandSchema, width: Int
  ) {
    self.name = name
    self.abstract = abstract
    self.discussion = discussion
    self.schema = schema
    self.width = width
  }

  package var usageLine: String {
    let positionals = schema.positionals.map { positional in
      let name = Self.placeholder(of: positional) + (positional.isRepeated ? "..." : "")
      return positional.isRequired ? name : "[\(name)]"
    }
    return (["usage:", name, "[<options>]"] + positionals).joined(separator: " ")
  }

  package var text: String {
    var text = "\(abstract)\n\n\(usageLine)\n"
    let positionals = schema.positionals
    if !positionals.isEmpty { text += "\narguments:\n" + table(positionals) }
    for section in sections {
      text += "\n\(section.map { $0.lowercased() } ?? "options"):\n"
      text += table(schema.options.filter { $0.section == section })
    }
    text += "\nabout the program:\n"
    for (names, help) in Self.aboutTheProgram {
      text += row(names.hasPrefix("--") ? "    " + names : names, help)
    }
    if !discussion.isEmpty { text += "\n\(discussion)\n" }
    return text
  }

  /// The titles of the groups of options, `nil` for the program's own.
  var sections: [String?] {
    schema.options.reduce(into: []) { sections, option in
      if !sections.contains(option.section) { sections.append(option.section) }
    }
  }

  /// The options that every program has.
  static let aboutTheProgram = [
    ("-h, --help", "show this help"),
    ("--version", "show the version, the commit and the libraries"),
    (
      "--generate-completion-script <shell>",
      "print completions for bash, zsh or fish, to be sourced by the shell"
    ),
  ]

  private static func placeholder(of argument: DeclaredArgument) -> String {
    switch argument.form {
    case .positional(let valueName): "<\(valueName)>"
    case .option(let valueName): "--\(argument.name) <\(valueName)>"
    case .flag(let isInvertible): isInvertible ? "--[no-]\(argument.name)" : "--\(argument.name)"
    }
  }

  private func table(_ arguments: [DeclaredArgument]) -> String {
    arguments.map { argument in
      var left = Self.placeholder(of: argument)
      if argument.isOption {
        left = (argument.description.short.map { "-\($0), " } ?? "    ") + left
      }
      let aliases = argument.description.aliases.map { "--" + $0 }.joined(separator: ", ")
      let also = aliases.isEmpty ? [] : ["also \(aliases)"]
      return row(left, argument.description.help + Self.notes(on: argument, also))
    }.joined()
  }

  /// What follows the help of an argument in brackets: the accepted values, the default, `more`.
  static func notes(on argument: DeclaredArgument, _ more: [String] = []) -> String {
    var notes: [String] = []
    if !argument.choices.isEmpty { notes.append(argument.choices.joined(separator: ", ")) }
    if let defaultText = argument.description.defaultText, !defaultText.isEmpty {
      notes.append("default: \(defaultText)")
    }
    if argument.isRequired, argument.isOption { notes.append("required") }
    if argument.isRepeated, argument.isOption { notes.append("may be repeated") }
    notes += more
    return notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
  }

  /// One row: `left` in its column, `right` wrapped in the other.
  private func row(_ left: String, _ right: String) -> String {
    let column = 32
    let margin = String(repeating: " ", count: column)
    let line = "  " + left
    let start = line.count < column - 1 ? line + margin.dropFirst(line.count) : line + "\n" + margin
    return start + Self.wrap(right, width: max(width - column, 30)).joined(separator: "\n" + margin)
      + "\n"
  }

  /// The words of `text` in lines of up to `width` characters.
  static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
