import TextSupport

/// The first rule of the original recipe: removes `БУГУРТ-ТРЕД` from the first line, wherever it is.
public struct OriginalHeaderRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "original-header",
    "БУГУРТ-ТРЕД is removed from the first line, as often as it occurs")

  private let header = Array("БУГУРТ-ТРЕД".utf8)

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var isFirst = true
    return draft.rewriteLines { line, edits in
      while isFirst, let found = line.firstRange(of: header, from: edits.end) {
        edits.replace(found, of: line, with: "")
      }
      isFirst = false
    }
  }
}

/// The second rule of the original recipe: empties lines that contain `https` and lines that are
/// `#БТnews`.
public struct OriginalLineRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "original-lines",
    "lines with https in them and lines that are #БТnews are emptied, but stay")

  private let link = Array("https".utf8)
  private let hashtag = Array("#БТnews".utf8)

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.rewriteLines { line, edits in
      if line.firstRange(of: link) != nil || line.isEqual(to: hashtag.span) {
        edits.replace(line.indices, of: line, with: "")
      }
    }
  }
}

/// The last rule of the original recipe: turns each newline into a space, and tidies nothing.
public struct OriginalJoinRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "original-join", "each newline becomes a space; white space and separators stay")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.lines.count > 1 else { return .unchanged }
    var joined = draft.joinedLines(by: 0x20)
    draft.replaceText(with: &joined)
    return .changed
  }
}
