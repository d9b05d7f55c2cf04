import TextSupport

/// The front matter of a model card: lines of YAML between two lines of `---`, of which only keys at
/// the beginning of a line are read, with a value or a list of values on the same or the next lines.
///
/// [Model cards](https://huggingface.co/docs/hub/model-cards#model-card-metadata)
struct FrontMatter {
  private let lines: [Substring]

  /// The front matter of `card`; none if it does not begin with it.
  init(of card: String) {
    let text = card.drop { $0 == "\u{FEFF}" || $0.isWhitespace }
    var lines = text.split(whereSeparator: \.isNewline)[...]
    guard let first = lines.popFirst(), Self.isMark(first) else {
      self.lines = []
      return
    }
    self.lines = lines.prefix { !Self.isMark($0) }.map(Self.withoutComment).filter {
      !$0.trimmed.isEmpty
    }
  }

  private static func isMark(_ line: Substring) -> Bool {
    line.hasPrefix("---") && line.dropFirst(3).allSatisfy(\.isWhitespace)
  }

  /// The first value of `key`; `nil` if it has none, or one of several lines or over 200 bytes.
  func firstValue(of key: String) -> String? {
    for (index, line) in lines.enumerated() {
      guard let colon = line.firstIndex(of: ":"), line[..<colon].trimmed == key,
        line.first?.isWhitespace == false
      else { continue }
      var value = line[line.index(after: colon)...].trimmed
      if value.isEmpty, index + 1 < lines.count {
        let item = lines[index + 1].trimmed
        guard item.hasPrefix("- ") else { return nil }
        value = item.dropFirst().trimmed
      } else if value.hasPrefix("["), value.hasSuffix("]") {
        value = value.dropFirst().dropLast().prefix { $0 != "," }.trimmed
      }
      return Self.scalar(value)
    }
    return nil
  }

  /// The text of a plain or quoted scalar; `nil` for everything else.
  private static func scalar(_ value: String) -> String? {
    var text = value[...]
    if let quote = text.first, quote == "\"" || quote == "'" {
      guard text.count > 1, text.last == quote else { return nil }
      text = text.dropFirst().dropLast()
      if text.contains(quote) || text.contains("\\") { return nil }
    } else if let first = text.first, "|>&*!%@`{[".contains(first) {
      return nil
    }
    return text.isEmpty || text.utf8.count > 200 ? nil : String(text)
  }

  /// `line` without a comment, which begins at the beginning or after white space.
  private static func withoutComment(_ line: Substring) -> Substring {
    var quote: Character?
    var before: Character = " "
    for index in line.indices {
      let character = line[index]
      if character == quote {
        quote = nil
      } else if quote == nil, character == "#", before.isWhitespace {
        return line[..<index]
      } else if quote == nil, "\"'".contains(character), before.isWhitespace || before == "[" {
        quote = character
      }
      before = character
    }
    return line
  }
}
