/// A shell script that completes the options of a program.
struct CompletionScript {
  enum Shell: String, CaseIterable {
    case bash, zsh, fish
  }

  let name: String
  let schema: CommandSchema

  func text(for shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  private var function: String { "_" + name.replacing("-", with: "_") }

  private var bash: String {
    var cases = ""
    for option in schema.options {
      guard case .option = option.form else { continue }
      cases += "    --\(option.name)) \(bashWords(option)); return ;;\n"
    }
    let names = schema.longNames.map { "--" + $0 }.joined(separator: " ")
    let operands = schema.positionals.first.map { bashWords($0) } ?? ":"
    return """
      # bash completion for \(name); source it, or put it into ~/.local/share/bash-completion/completions/\(name)
      \(function)() {
        local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
        COMPREPLY=()
        case "$previous" in
      \(cases)    --generate-completion-script) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")); return ;;
        esac
        if [[ "$current" == -* ]]; then
          COMPREPLY=($(compgen -W "\(names)" -- "$current"))
        else
          \(operands)
        fi
      }
      complete -o filenames -F \(function) \(name)

      """
  }

  private func bashWords(_ argument: DeclaredArgument) -> String {
    if !argument.choices.isEmpty {
      let words = argument.choices.joined(separator: " ")
      return "COMPREPLY=($(compgen -W \"\(words)\" -- \"$current\"))"
    }
    return switch argument.description.completion {
    case .file: "COMPREPLY=($(compgen -f -- \"$current\"))"
    case .folder: "COMPREPLY=($(compgen -d -- \"$current\"))"
    case .none: ":"
    }
  }

  private var zsh: String {
    var lines: [String] = []
    for option in schema.options {
      let help = Self.quoted(option.description.help, for: .zsh)
      switch option.form {
      case .option(let valueName):
        for optionName in [option.name] + option.description.aliases {
          lines.append("'--\(optionName)=[\(help)]:\(valueName):\(zshAction(option))'")
        }
      case .flag(let isInvertible):
        lines.append("'--\(option.name)[\(help)]'")
        if isInvertible { lines.append("'--no-\(option.name)[\(help)]'") }
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
      # zsh completion for \(name); put it into a folder of $fpath as _\(name)
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
      "# fish completion for \(name); put it into ~/.config/fish/completions/\(name).fish"
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
        lines.append("complete -c \(name)\(short) -l \(option.name)\(values) -d '\(help)'")
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

  /// `text` so that it can stand in single quotes, and for zsh in brackets.
  private static func quoted(_ text: String, for shell: Shell) -> String {
    switch shell {
    case .zsh:
      text.replacing("'", with: "'\\''").replacing("[", with: "\\[").replacing("]", with: "\\]")
        .replacing(":", with: "\\:")
    default: text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
  }
}
