import TextSupport

/// The manual page of a program, in the language of man(7): what its help says, and what is common to all
/// programs.
package struct ManualPage {
  let help: HelpText
  /// Paths that the program reads or writes on its own, and what they hold.
  let files: [(path: String, text: String)]

  package init(_ help: HelpText, files: [(path: String, text: String)]) {
    self.help = help
    self.files = files
  }

  /// The page, which ends with a line break.
  package var text: String {
    let name = Self.escaped(help.name)
    let version = "bugurt\\-gpt \(packageVersion)"
    var text = ".TH \(name.uppercased()) 1 \(releaseDate) \"\(version)\" bugurt\\-gpt\n"
    // Names of files and options are not hyphenated.
    text += ".nh\n.ad l\n"
    func section(_ title: String, _ body: [String]) {
      guard !body.isEmpty else { return }
      text += ".SH \(title)\n\(body.joined(separator: "\n"))\n"
    }
    let summary = Self.escaped(Self.phrase(of: help.abstract))
    section("NAME", ["\(name) \\- \(summary)"])
    let operands = help.schema.positionals.map(Self.operand)
    section("SYNOPSIS", ["\\fB\(name)\\fR", "[\\fIoptions\\fR]"] + operands)
    let examples = paragraphs.filter(Self.isExample)
    let prose = paragraphs.filter { !Self.isExample($0) }
    section(
      "DESCRIPTION", [Self.running(help.abstract)] + prose.map { ".PP\n" + Self.body(of: $0) })
    section("ARGUMENTS", help.schema.positionals.map { Self.item(Self.operand($0), of: $0) })
    section("OPTIONS", options)
    section("EXIT STATUS", ExitStatus.meanings.map { Self.item("\\fB\($0.0)\\fR", $0.1) })
    section("FILES", files.map { Self.item("\\fI\(Self.escaped($0.path))\\fR", $0.text) })
    section("EXAMPLES", [examples.map(Self.examples).joined(separator: "\n.PP\n")])
    let others = Self.programs.filter { $0 != help.name }
    section(
      "SEE ALSO",
      [
        others.map { "\\fB\(Self.escaped($0))\\fR(1)" }.joined(separator: ",\n"),
        ".PP\nThe pages of the project are in \\fIshare/doc/bugurt\\-gpt\\fR below \\fI/usr\\fR, or "
          + "wherever the program is installed.",
      ])
    return text
  }

  private static let programs = [
    "bpe-encode", "bugurt-clean", "gpt-finetune", "gpt-sample", "tg-dump",
  ]

  // MARK: - Options

  private var options: [String] {
    var items: [String] = []
    for section in help.sections {
      if let section { items.append(".SS \(Self.escaped(section))") }
      items += help.schema.options.filter { $0.section == section }
        .map { Self.item(Self.names(of: $0), of: $0) }
    }
    items.append(".SS About the program")
    return items + HelpText.aboutTheProgram.map { Self.item("\\fB\(Self.escaped($0.0))\\fR", $0.1) }
  }

  private static func operand(_ argument: DeclaredArgument) -> String {
    guard case .positional(let valueName) = argument.form else { return "" }
    let name = "\\fI\(escaped(valueName))\\fR" + (argument.isRepeated ? "\\|..." : "")
    return argument.isRequired ? name : "[\(name)]"
  }

  private static func names(of option: DeclaredArgument) -> String {
    var names = option.words.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
    if case .option(let valueName) = option.form { names += " \\fI\(escaped(valueName))\\fR" }
    return names
  }

  // MARK: - Text

  /// The paragraphs of the discussion, each some lines.
  private var paragraphs: [[Substring]] {
    help.discussion.split(separator: "\n", omittingEmptySubsequences: false)
      .split(separator: "").map(Array.init)
  }

  /// Whether a paragraph shows commands: the first one begins with a heading, later ones with a command.
  private static func isExample(_ lines: [Substring]) -> Bool {
    lines[0] == "examples:" || lines[0].hasPrefix("  ")
  }

  /// A paragraph; what is indented in it is a list.
  private static func body(of lines: [Substring]) -> String {
    var text = ""
    var isList = false
    for line in lines {
      let depth = line.prefix { $0 == " " }.count
      if depth == 2 { text += "\n.IP \\(bu 2" }
      if depth == 0, isList { text += "\n.PP" }
      isList = depth > 0
      text += "\n" + running(line.dropFirst(depth))
    }
    return String(text.dropFirst())
  }

  /// Commands as they are typed, each with what is said of it below.
  private static func examples(_ lines: [Substring]) -> String {
    var text = ""
    var isCommand = false
    for line in lines where line != "examples:" {
      let content = line.drop { $0 == " " }
      if line.hasPrefix("      ") {
        if isCommand { text += "\n.fi\n.RS 4" }
        text += "\n" + running(content)
        isCommand = false
      } else {
        if !isCommand { text += text.isEmpty ? "\n.nf" : "\n.RE\n.PP\n.nf" }
        text += "\n\\fB\(escaped(line.dropFirst(2)))\\fR"
        isCommand = true
      }
    }
    return String(text.dropFirst()) + (isCommand ? "\n.fi" : "\n.RE")
  }

  private static func item(_ head: String, of argument: DeclaredArgument) -> String {
    item(head, argument.description.help + HelpText.notes(on: argument))
  }

  private static func item(_ head: String, _ text: String) -> String {
    ".TP\n\(head)\n\(running(text))"
  }

  /// "Write bugurts with a model." → "write bugurts with a model", as apropos shows it.
  private static func phrase(of sentence: String) -> String {
    let sentence = sentence.hasSuffix(".") ? sentence.dropLast() : sentence[...]
    return sentence.prefix(1).lowercased() + sentence.dropFirst()
  }

  /// Text of which options are bold.
  private static func running(_ text: some StringProtocol) -> String {
    text.split(separator: " ", omittingEmptySubsequences: false).map { word in
      guard let start = word.firstRange(of: "--"), start.upperBound < word.endIndex,
        word[..<start.lowerBound].allSatisfy({ "(\"'".contains($0) })
      else { return escaped(word) }
      let option = word[start.lowerBound...].prefix { $0 == "-" || $0.isLetter || $0.isNumber }
      return escaped(word[..<start.lowerBound]) + "\\fB\(escaped(option))\\fR"
        + escaped(word[option.endIndex...])
    }.joined(separator: " ").protectedFirst
  }

  /// `text` in which no character has a meaning for troff.
  private static func escaped(_ text: some StringProtocol) -> String {
    text.reduce(into: "") { result, character in
      result += escapes[character] ?? String(character)
    }
  }

  private static let escapes: [Character: String] = [
    "\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti",
  ]
}

extension String {
  /// The line, which does not begin with a point: that would be a request.
  fileprivate var protectedFirst: String { hasPrefix(".") ? "\\&" + self : self }
}
