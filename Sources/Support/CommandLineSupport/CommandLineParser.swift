/// Assigns the values on a command line to the arguments that a program declares.
package struct CommandLineParser {
  /// What a command line asks for.
  package enum Request: Equatable {
    case run
    case help
    case version
    case completionScript(shell: String)
    /// For `make install`; not in the help.
    case manualPage
  }

  let schema: CommandSchema

  package init(schema: CommandSchema) {
    self.schema = schema
  }

  /// Parses `arguments`, which do not include the name of the program.
  ///
  /// - Throws: ``UsageError``.
  package func parse(_ arguments: [String]) throws -> Request {
    var given: Set<String> = []
    var positionals = schema.positionals[...]
    var rest = arguments[...]
    var onlyPositionals = false
    while let argument = rest.popFirst() {
      if !onlyPositionals && argument == "--" {
        onlyPositionals = true
      } else if !onlyPositionals && argument.hasPrefix("--") {
        if let request = try long(argument.dropFirst(2), &rest, &given) { return request }
      } else if !onlyPositionals && argument.hasPrefix("-") && argument != "-" {
        if let request = try short(argument, &rest, &given) { return request }
      } else {
        guard let positional = positionals.first else {
          throw UsageError("unexpected argument '\(argument)'")
        }
        if !positional.isRepeated { positionals.removeFirst() }
        try positional.take(argument)
        given.insert(positional.name)
      }
    }
    for argument in schema.arguments where argument.isRequired && !given.contains(argument.name) {
      if case .positional(let valueName) = argument.form {
        throw UsageError("missing argument <\(valueName)>: \(argument.description.help)")
      }
      throw UsageError("missing option --\(argument.name): \(argument.description.help)")
    }
    return .run
  }

  private func long(
    _ text: Substring, _ rest: inout ArraySlice<String>, _ given: inout Set<String>
  ) throws -> Request? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let attached = parts.count > 1 ? String(parts[1]) : nil
    switch name {
    case "help", "version", "generate-manual-page":
      guard attached == nil else { throw UsageError("--\(name) takes no value") }
      return name == "help" ? .help : name == "version" ? .version : .manualPage
    case "generate-completion-script":
      return .completionScript(shell: try value(of: "--" + name, attached, &rest))
    default: break
    }
    for option in schema.options {
      let isNamed = option.name == name || option.description.aliases.contains(name)
      switch option.form {
      case .flag(let isInvertible) where isNamed || (isInvertible && "no-" + option.name == name):
        guard attached == nil else { throw UsageError("--\(name) takes no value") }
        try option.take(isNamed ? "true" : "false")
      case .option where isNamed:
        try option.take(try value(of: "--" + name, attached, &rest))
      default: continue
      }
      given.insert(option.name)
      return nil
    }
    let suggestion = nearest(to: name, among: schema.longNames).map { "; did you mean '--\($0)'?" }
    throw UsageError("unknown option '--\(name)'" + (suggestion ?? ""))
  }

  private func short(
    _ argument: String, _ rest: inout ArraySlice<String>, _ given: inout Set<String>
  ) throws -> Request? {
    // -output does not mean -o with the value utput.
    let word = argument.dropFirst().prefix { $0 != "=" }
    if word.count > 1, schema.longNames.contains(String(word)) {
      throw UsageError("unknown option '-\(word)'; did you mean '--\(word)'?")
    }
    var letters = argument.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = schema.options.first(where: { $0.description.short == letter }) else {
        if letter == "h" { return .help }
        throw UsageError("unknown option '-\(letter)'")
      }
      given.insert(option.name)
      if case .option = option.form {
        if letters.first == "=" { letters.removeFirst() }
        let attached = letters.isEmpty ? nil : String(letters)
        try option.take(try value(of: "-\(letter)", attached, &rest))
        return nil
      }
      try option.take("true")
    }
    return nil
  }

  private func value(
    of name: String, _ attached: String?, _ rest: inout ArraySlice<String>
  ) throws -> String {
    if let attached { return attached }
    guard let next = rest.first, !next.hasPrefix("--") else {
      throw UsageError(missingValue(of: name, before: rest.first))
    }
    rest.removeFirst()
    return next
  }
}

/// The message for the option `name` without a value, followed by `next` or by nothing.
private func missingValue(of name: String, before next: String?) -> String {
  guard let next, next != "--" else { return "\(name) needs a value" }
  // A short option is not followed by "=", but its value may directly follow the letter.
  let remedy = name.hasPrefix("--") ? "\(name)=\(next)" : "\(name)\(next)"
  return "\(name) needs a value; if that is '\(next)', write '\(remedy)'"
}

/// The name among `names` that `typed` was probably meant to be; `nil` if none is close.
package func nearest(to typed: String, among names: [String]) -> String? {
  let ranked = names.map { (name: $0, distance: editDistance(typed, $0)) }
  guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
  if best.distance <= max(1, typed.count / 3) { return best.name }
  return typed.count >= 3 ? names.first { $0.hasPrefix(typed) } : nil
}

/// How many letters must be inserted, removed, replaced or swapped with the next to turn `a` into
/// `b`.
package func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var rows = [Array(0...b.count)]
  for i in 1..<(a.count + 1) {
    var row = [i] + Array(repeating: 0, count: b.count)
    for j in 1..<(b.count + 1) {
      row[j] = min(
        rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        row[j] = min(row[j], rows[i - 2][j - 2] + 1)
      }
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
