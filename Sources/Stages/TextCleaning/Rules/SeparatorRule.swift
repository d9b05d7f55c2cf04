import TextSupport

/// Turns other shapes of separators into `@`: `＠` and `﹫`, and lines such as `@ @`, `"@"` and
/// `«@»`.
///
/// The rule `join-lines` handles several in a row and those at the ends.
public struct SeparatorRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "separators", "separators of other shapes (＠, ﹫, \"@\", @ @) become @")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let mayBeWide = draft.mayContain(0xEF)
    guard mayBeWide || draft.mayContain(UInt8(ascii: "@")) else { return .unchanged }
    return draft.rewriteLines { line, edits in
      if isOddSeparator(line) {
        edits.replace(line.indices, of: line, with: "@")
      } else if mayBeWide {
        line.forEachScalar { value, range in
          if value == 0xFF20 || value == 0xFE6B { edits.replace(range, of: line, with: "@") }
        }
      }
    }
  }

  /// Whether `line` is nothing but separators, quotation marks and space, and not just one `@`.
  private func isOddSeparator(_ line: Span<UInt8>) -> Bool {
    var count = 0
    var isOdd = false
    let end = line.end(from: 0) { scalar in
      switch scalar {
      case 0x40: count += 1
      case 0xFF20, 0xFE6B:
        count += 1
        isOdd = true
      case 0x22, 0x27, 0xAB, 0xBB, 0x2018...0x201F: isOdd = true
      default: return !ScalarKind(of: scalar).isVisible
      }
      return true
    }
    return end == line.count && count > 0 && (isOdd || count > 1)
  }
}
