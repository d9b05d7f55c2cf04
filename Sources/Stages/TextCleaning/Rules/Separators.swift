/// Separators of other shapes: `＠` and `﹫`, and lines such as `"@"`, `«@»` and `@ @`, become `@`.
///
/// What becomes of several in a row and of those at the ends is for the rule `join-lines`.
public struct Separators: CleaningRule {
  public static let declaration = RuleDeclaration(
    "separators", "separators of other shapes (＠, ﹫, \"@\", @ @) become @"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let mayBeWide = draft.mayContain(0xEF)
    guard mayBeWide || draft.mayContain(UInt8(ascii: "@")) else { return .unchanged }
    return draft.rewriteLines { line, output in
      if isOddSeparator(line) {
        output.append(UInt8(ascii: "@"))
        return true
      }
      return mayBeWide && narrow(line, &output)
    }
  }

  /// Whether `line` is nothing but separators with quotation marks and space, and not just one `@`.
  private func isOddSeparator(_ line: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    var count = 0
    var isOdd = false
    while index < line.count {
      let (value, length) = scalar(at: index, of: line)
      switch value {
      case 0x40: count += 1
      case 0xFF20, 0xFE6B:
        count += 1
        isOdd = true
      case 0x22, 0x27, 0xAB, 0xBB, 0x2018...0x201F: isOdd = true
      default:
        guard kind(of: value) != .visible else { return false }
      }
      index += length
    }
    return count > 0 && (isOdd || count > 1)
  }

  /// Writes `line` with `@` for the wide and the small one; false if there is none.
  private func narrow(_ line: UnsafeRawBufferPointer, _ output: inout [UInt8]) -> Bool {
    var index = 0
    var copied = 0
    while index < line.count {
      if line[index] == 0xEF {
        let value = scalar(at: index, of: line).value
        if value == 0xFF20 || value == 0xFE6B {
          output.append(contentsOf: line[copied..<index])
          output.append(UInt8(ascii: "@"))
          copied = index + 3
        }
      }
      index += scalarLength(lead: line[index])
    }
    guard copied > 0 else { return false }
    output.append(contentsOf: line[copied...])
    return true
  }
}
