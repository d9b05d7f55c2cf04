/// A shell script that completes the options and arguments of a program.
package struct CompletionScript {
  package enum Shell: String, CaseIterable {
    case bash, zsh, fish
  }

  let name: String
  let schema: CommandSchema

  package init(name: String, schema: CommandSchema) {
    self.name = name
    self.schema = schema
  }

  /// The script for `shell`.
  package func text(for shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  private var shells: String { Shell.allCases.map(\.rawValue).joined(separator: " ") }

  private var function: String { "_" + name.replacing("-", with: "_") }

  private var bash: String {
    var cases = ""
    for option in schema.options {
      guard case .option = option.form else { continue }
      cases += "    \(option.words.joined(separator: "|"))) \(bashReply(option)); return ;;\n"
    }
    let names = schema.longNames.map { "--" + $0 }.joined(separator: " ")
    // Arguments are not counted: if one of them is a path, paths are offered for all of them.
    let operand =
      schema.positionals.first { $0.description.completion != .none } ?? schema.positionals.first
    return """
      # bash completion for \(name); source it, or save it as ~/.local/share/bash-completion/completions/\(name)
      \(function)() {
        local current="${COMP_WORDS[COMP_CWORD]}" previous=""
        ((COMP_CWORD > 0)) && previous="${COMP_WORDS[COMP_CWORD-1]}"
        # bash splits --name=value into three words.
        if [[ "$current" == "=" ]]; then
          current=""
        elif [[ "$previous" == "=" ]] && ((COMP_CWORD > 1)); then
          previous="${COMP_WORDS[COMP_CWORD-2]}"
        fi
        COMPREPLY=()
        case "$previous" in
      \(cases)    --generate-completion-script) \(Self.bashWords(shells)); return ;;
        esac
        if [[ "$current" == -* ]]; then
          \(Self.bashWords(names))
        else
          \(operand.map(bashReply) ?? ":")
        fi
      }
      complete -F \(function) \(name)

      """
  }

  private func bashReply(_ argument: DeclaredArgument) -> String {
    if !argument.choices.isEmpty { return Self.bashWords(argument.choices.joined(separator: " ")) }
    return switch argument.description.completion {
    case .file: Self.bashPaths("-f")
    case .folder: Self.bashPaths("-d")
    case .none: ":"
    }
  }

  private static func bashWords(_ words: String) -> String {
    "mapfile -t COMPREPLY < <(compgen -W \"\(words)\" -- \"$current\")"
  }

  /// Paths, which may contain spaces and continue after the slash of a folder.
  private static func bashPaths(_ kind: String) -> String {
    "mapfile -t COMPREPLY < <(compgen \(kind) -- \"$current\"); "
      + "compopt -o filenames 2>/dev/null"
  }

  private var zsh: String {
    var lines: [String] = []
    for option in schema.options {
      let help = Self.quoted(option.description.help, for: .zsh)
      switch option.form {
      case .option(let valueName):
        // A value may directly follow a letter, or an "=" after a long name.
        let names = option.words.map { $0 + ($0.hasPrefix("--") ? "=" : "+") }
        let spec = "'[\(help)]:\(valueName):\(zshAction(option))'"
        if option.isRepeated {
          // The star makes zsh offer it more than once.
          lines += names.map { "'*'" + $0 + spec }
        } else {
          lines.append(Self.zshNames(names, option.words) + spec)
        }
      case .flag:
        lines.append(Self.zshNames(option.words, option.words) + "'[\(help)]'")
      case .positional: break
      }
    }
    for (index, positional) in schema.positionals.enumerated() {
      let position = positional.isRepeated ? "*" : "\(index + 1)"
      lines.append("'\(position):\(positional.name):\(zshAction(positional))'")
    }
    lines += [
      "'(-h --help)'{-h,--help}'[show the help]'", "'--version[show the version]'",
      "'--generate-completion-script=[print completions]:shell:(bash zsh fish)'",
    ]
    return """
      #compdef \(name)
      # zsh completion for \(name); save it in a folder of $fpath as _\(name)
      \(function)() {
        _arguments -s \\
          \(lines.joined(separator: " \\\n    "))
      }
      if [[ "$funcstack[1]" = "\(function)" || "$funcstack[1]" = "_\(name)" ]]; then
        \(function) "$@"
      else
        compdef \(function) \(name)
      fi

      """
  }

  /// The names of an option, of which only one is offered, in the syntax of `_arguments`.
  private static func zshNames(_ names: [String], _ words: [String]) -> String {
    if names.count == 1 { return names[0] }
    return "'(\(words.joined(separator: " ")))'{\(names.joined(separator: ","))}"
  }

  private func zshAction(_ argument: DeclaredArgument) -> String {
    if !argument.choices.isEmpty { return "(\(argument.choices.joined(separator: " ")))" }
    return switch argument.description.completion {
    case .file: "_files"
    case .folder: "_files -/"
    case .none: ""
    }
  }

  private var fish: String {
    var lines = [
      "# fish completion for \(name); save it as ~/.config/fish/completions/\(name).fish"
    ]
    for option in schema.options {
      let help = Self.quoted(option.description.help, for: .fish)
      let short = option.description.short.map { " -s \($0)" } ?? ""
      switch option.form {
      case .option:
        let values =
          if !option.choices.isEmpty {
            " -x -a '\(option.choices.joined(separator: " "))'"
          } else {
            switch option.description.completion {
            case .file: " -r -F"
            case .folder: " -x -a '(__fish_complete_directories)'"
            case .none: " -x"
            }
          }
        let aliases = option.description.aliases.map { " -l \($0)" }.joined()
        lines.append(
          "complete -c \(name)\(short) -l \(option.name)\(aliases)\(values) -d '\(help)'")
      case .flag(let isInvertible):
        lines.append("complete -c \(name)\(short) -l \(option.name) -d '\(help)'")
        if isInvertible {
          lines.append("complete -c \(name) -l no-\(option.name) -d 'not: \(help)'")
        }
      case .positional: break
      }
    }
    lines += [
      "complete -c \(name) -s h -l help -d 'show the help'",
      "complete -c \(name) -l version -d 'show the version'",
      "complete -c \(name) -l generate-completion-script -x -a 'bash zsh fish' "
        + "-d 'print completions'",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// `text` escaped for single quotes and, for zsh, also for brackets.
  private static func quoted(_ text: String, for shell: Shell) -> String {
    switch shell {
    case .zsh:
      text.replacing("\\", with: "\\\\").replacing("'", with: "'\\''").replacing("[", with: "\\[")
        .replacing("]", with: "\\]")
        .replacing(":", with: "\\:")
    default: text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
  }
}
