import TextSupport

/// Reduces quotation marks and dashes to one kind each, because a model need not learn five; off by
/// default.
public struct QuoteAndDashRule: CleaningRule {
  /// What quotation marks become.
  public enum Quotes: String, CaseIterable, Sendable {
    case keep
    /// `"` and, for single ones, `'`.
    case straight
    /// `«` and `»` for double ones.
    case guillemets
  }

  /// What dashes between words become.
  public enum Dashes: String, CaseIterable, Sendable {
    case keep
    /// `-`.
    case hyphen
    /// `—`.
    case em
  }

  public static let declaration = RuleDeclaration(
    Self.self, "quotes-dashes", isOn: false, "quotation marks and dashes become one kind each",
    settings: [
      .choice(
        "quotes", Quotes.straight,
        "what quotation marks become: \" and ', or « and » for double ones"
      ),
      .choice(
        "dashes", Dashes.hyphen, "what dashes between words become: - or —; those in words become -"
      ),
    ])

  private let quotes: Quotes
  private let dashes: Dashes

  public init(_ settings: RuleSettings) {
    quotes = settings.choice("quotes")
    dashes = settings.choice("dashes")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.rewriteLines { line, edits in
      line.forEachScalar { value, range in
        guard let mark = mark(for: value, range, in: line), mark.value != value else { return }
        edits.replace(range, of: line, with: String(mark))
      }
    }
  }

  /// What replaces the scalar `value` at `range` of `line`; `nil` if it stays.
  private func mark(
    for value: UInt32, _ range: Range<Int>, in line: Span<UInt8>
  ) -> Unicode.Scalar? {
    let before = range.lowerBound > 0 ? line[range.lowerBound - 1] : 0x20
    let after = range.upperBound < line.count ? line[range.upperBound] : 0x20
    switch value {
    case 0x2018...0x201B: return quotes == .keep ? nil : "'"
    case 0x22, 0xAB, 0xBB, 0x201C...0x201F:
      if quotes != .guillemets { return quotes == .keep ? nil : "\"" }
      // The same mark opens in one language and closes in another, so what comes before it decides.
      return before <= 0x20 || before == UInt8(ascii: "(") || before == UInt8(ascii: "[")
        ? "«" : "»"
    case 0x2D, 0x2010...0x2015, 0x2212:
      if dashes == .keep { return nil }
      return dashes == .em && before == 0x20 && after == 0x20 ? "—" : "-"
    default: return nil
    }
  }
}
