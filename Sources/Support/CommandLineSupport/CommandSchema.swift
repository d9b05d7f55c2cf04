/// One declared option, flag or positional argument, its value's type erased.
package struct DeclaredArgument {
  enum Form: Equatable {
    case option(valueName: String)
    case flag(isInvertible: Bool)
    case positional(valueName: String)
  }

  let name: String
  let form: Form
  let description: ArgumentDescription
  /// The title of the group it belongs to; `nil` for the program's own.
  let section: String?
  let choices: [String]
  let isRequired: Bool
  /// Whether a positional argument takes all that are left on the command line, or an option may be
  /// given several times.
  var isRepeated = false
  /// Takes the value that was typed; for a flag `true` or `false`.
  let take: (String) throws -> Void

  /// Whether it stands on the command line by its name; if not, by its place.
  var isOption: Bool { if case .positional = form { false } else { true } }

  /// All the names it has, with their hyphens.
  var words: [String] {
    let long = ([name] + description.aliases).map { "--" + $0 }
    let inverse = form == .flag(isInvertible: true) ? ["--no-" + name] : []
    return (description.short.map { ["-\($0)"] } ?? []) + long + inverse
  }
}

/// The options and positional arguments of a program, found in the properties of its type.
package struct CommandSchema {
  private(set) var arguments: [DeclaredArgument] = []

  /// The declarations in `group`; giving values to them gives values to its properties.
  package init(of group: some ArgumentGroup) {
    collect(group, section: nil)
  }

  var options: [DeclaredArgument] {
    arguments.filter(\.isOption)
  }

  var positionals: [DeclaredArgument] {
    arguments.filter { !$0.isOption }
  }

  /// All that may stand on a command line with two hyphens before it.
  var longNames: [String] {
    options.flatMap { option in
      let names = [option.name] + option.description.aliases
      return option.form == .flag(isInvertible: true)
        ? names + ["no-" + option.name] : names
    } + ["help", "version", "generate-completion-script"]
  }

  private mutating func collect(_ group: some ArgumentGroup, section: String?) {
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

  fileprivate mutating func collect(nested group: some ArgumentGroup, title: String) {
    collect(group, section: title)
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

private protocol ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument
}

private protocol ArgumentGrouping {
  func collect(into schema: inout CommandSchema)
}

extension OptionGroup: ArgumentGrouping {
  func collect(into schema: inout CommandSchema) {
    schema.collect(nested: wrappedValue, title: title)
  }
}

extension Option: ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(
      name: name, form: .option(valueName: box.description.valueName ?? name),
      description: box.description, section: section, choices: Value.choices,
      isRequired: box.value == nil, take: { try box.take($0, of: "--" + name) })
  }
}

extension Argument: ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument {
    let valueName = box.description.valueName ?? name
    return DeclaredArgument(
      name: name, form: .positional(valueName: valueName), description: box.description,
      section: section, choices: Value.choices, isRequired: box.value == nil,
      take: { try box.take($0, of: "<\(valueName)>") })
  }
}

extension Arguments: ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument {
    let valueName = box.description.valueName ?? name
    return DeclaredArgument(
      name: name, form: .positional(valueName: valueName), description: box.description,
      section: section, choices: Value.choices, isRequired: box.value == nil, isRepeated: true,
      take: { try box.append($0, of: "<\(valueName)>") })
  }
}

extension Options: ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(
      name: name, form: .option(valueName: box.description.valueName ?? name),
      description: box.description, section: section, choices: Value.choices, isRequired: false,
      isRepeated: true, take: { try box.append($0, of: "--" + name) })
  }
}

extension Flag: ArgumentDeclaring {
  func declare(as name: String, in section: String?) -> DeclaredArgument {
    DeclaredArgument(
      name: name, form: .flag(isInvertible: inversion == .prefixedNo),
      description: box.description, section: section, choices: [], isRequired: false,
      take: { box.value = $0 == "true" })
  }
}
