import TextSupport

/// Removes the header `БУГУРТ-ТРЕД`, which says nothing about the bugurt below it.
///
/// It is removed where the first visible line begins with it, in any case, with a hyphen, dash,
/// underscore or white space between its words, and with or without a `#` before it. A colon, full
/// stops and white space after it are removed as well; the rest of the line stays. So does the name
/// in the middle of a sentence, or with more letters after it.
public struct HeaderRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "header", "the header БУГУРТ-ТРЕД says nothing about the bugurt below it")

  private let first = Phrase("бугурт")
  private let second = Phrase("тред")
  /// Hyphens, dashes and the minus sign; the underscore of a hashtag.
  private static let gapMarks = Set<UInt32>([0x2D, 0x5F, 0x2212]).union(0x2010...0x2015)
  /// Exclamation marks, commas, full stops, colons, ellipses.
  private static let tailMarks: Set<UInt32> = [0x21, 0x2C, 0x2E, 0x3A, 0x2026]

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard let index = draft.firstVisibleLine,
      let end = draft.withLine(index, { endOfHeader(in: $0) })
    else { return .unchanged }
    let range = draft.lines[index].range
    draft.lines[index].range = (range.lowerBound + end)..<range.upperBound
    return .changed
  }

  /// Where the header at the beginning of `line` ends; `nil` if there is none.
  private func endOfHeader(in line: Span<UInt8>) -> Int? {
    guard var start = line.firstVisible() else { return nil }
    if line[start] == UInt8(ascii: "#") { start += 1 }
    guard let gap = first.end(in: line, at: start) else { return nil }
    let next = line.end(from: gap) {
      Self.gapMarks.contains($0) || !ScalarKind(of: $0).isVisible
    }
    guard next > gap, let end = second.end(in: line, at: next) else { return nil }
    // БУГУРТ-ТРЕДА, БУГУРТ-ТРЕД2000: not the header.
    if end < line.count, line.isAlphanumeric(at: end) { return nil }
    return line.end(from: end) {
      Self.tailMarks.contains($0) || !ScalarKind(of: $0).isVisible
    }
  }
}
