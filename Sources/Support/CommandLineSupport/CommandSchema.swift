/// A declared option, flag or positional argument without the type of its value.
package struct DeclaredArgument {
  enum Form: Equatable {
    case option(valueName: String)
    case flag(isInvertible: Bool)
    case positional(valueName: String)
  }

  let name: String
  let form: Form
  let description: ArgumentDescription
  /// The title of its group; `nil` for the program's own arguments.
  let section: String?
  let choices: [String]
  let isRequired: Bool
  /// Whether a positional argument takes all remaining values, or an option may be given several
  /// times.
  var isRepeated = false
  /// Receives the value that was typed; for a flag, `true` or `false`.
  let take: (String) throws -> Void

  /// Whether it is given by name rather than by position.
  var isOption: Bool { if case .positional = form { false } else { true } }

  /// All its names, with their hyphens.
  var words: [String] {
    let long = ([name] + description.aliases).map { "--" + $0 }
    let inverse = form == .flag(isInvertible: true) ? ["--no-" + name] : []
    return (description.short.map { ["-\($0)"] } ?? []) + long + inverse
  }
}

/// The options and positional arguments of a program, found in the properties of its type.
package struct CommandSchema {
  private(set) var arguments: [DeclaredArgument] = []

  /// The declarations in `group`; the values they receive become those of its properties.
  package init(of group: some ArgumentGroup) {
    collect(group, section: nil)
  }

  var options: [DeclaredArgument] {
    arguments.filter(\.isOption)
  }

  var positionals: [DeclaredArgument] {
    arguments.filter { !$0.isOption }
  }

  /// All names that may follow two hyphens.
  var longNames: [String] {
    options.flatMap { option in
      let names = [option.name] + option.description.aliases
      return option.form == .flag(isInvertible: true)
        ? names + ["no-" + option.name] : names
    } + ["help", "version", "generate-completion-script"]
  }

  fileprivate mutating func collect(_ group: some ArgumentGroup, section: String?) {
    for child in Mirror(reflecting: group).children {
      guard let label = child.label, label.hasPrefix("_") else { continue }
      let name = Self.optionName(of: String(label.dropFirst()))
      if let declaration = child.value as? any ArgumentDeclaring {
        arguments.append(declaration.declare(as: name, in: section))
      } else if let nested = child.value as? any ArgumentGrouping {
        nested.collect(into: &self)
      }
    }
  }

  /// `shardTokens` → `shard-tokens`.
  package static func optionName(of property: String) -> String {
    property.reduce(into: "") { name, character in
      if character.isUppercase {
        name += "-" + character.lowercased()
      } else {
        name.append(character)
      }
    }
  }
}

private protocol ArgumentGrouping {
  func collect(into schema: inout CommandSchema)
}

extension OptionGroup: ArgumentGrouping {
  fileprivate func collect(into schema: inout CommandSchema) {
    schema.collect(wrappedValue, section: title)
  }
}

private protocol ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument
}

extension DeclaredArgument {
  /// The argument `name` whose value is in `box`; `isPositional` if it is not an option.
  fileprivate init<Value>(
    _ name: String, in section: String?, _ box: ArgumentBox<Value>, choices: [String],
    isPositional: Bool = false, isRepeated: Bool = false,
    _ take: @escaping (_ text: String, _ name: String) throws -> Void
  ) {
    let valueName = box.description.valueName ?? name
    let typedName = isPositional ? "<\(valueName)>" : "--" + name
    self.init(
      name: name,
      form: isPositional ? .positional(valueName: valueName) : .option(valueName: valueName),
      description: box.description, section: section, choices: choices,
      isRequired: box.value == nil, isRepeated: isRepeated, take: { try take($0, typedName) })
  }
}

extension Option: ArgumentDeclaring {
  fileprivate func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(name, in: section, box, choices: Value.choices, box.take)
  }
}

extension Options: ArgumentDeclaring {
  fileprivate func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(name, in: section, box, choices: Value.choices, isRepeated: true, box.append)
  }
}

extension Argument: ArgumentDeclaring {
  fileprivate func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(name, in: section, box, choices: Value.choices, isPositional: true, box.take)
  }
}

extension Arguments: ArgumentDeclaring {
  fileprivate func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(
      name, in: section, box, choices: Value.choices, isPositional: true, isRepeated: true,
      box.append)
  }
}

extension Flag: ArgumentDeclaring {
  fileprivate func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(
      name: name, form: .flag(isInvertible: inversion == .prefixedNo),
      description: box.description, section: section, choices: [], isRequired: false,
      take: { box.value = $0 == "true" })
  }
}
