/// Quotation marks and dashes of one kind: a model need not learn five of each.
///
/// Off unless asked for.
public struct QuotesAndDashes: CleaningRule {
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
    "quotes-dashes", isOn: false, "quotation marks and dashes become of one kind each",
    settings: [
      .word(
        "quotes", Quotes.straight.rawValue, of: Quotes.allCases.map(\.rawValue),
        "what quotation marks become: \" and ', or « and » for double ones"),
      .word(
        "dashes", Dashes.hyphen.rawValue, of: Dashes.allCases.map(\.rawValue),
        "what dashes between words become: - or —; those in words become -"),
    ]
  ) {
    QuotesAndDashes(
      Quotes(rawValue: $0.word("quotes")) ?? .keep, Dashes(rawValue: $0.word("dashes")) ?? .keep)
  }

  private let quotes: Quotes
  private let dashes: Dashes

  /// A rule that makes `quotes` and `dashes`.
  public init(_ quotes: Quotes = .straight, _ dashes: Dashes = .hyphen) {
    self.quotes = quotes
    self.dashes = dashes
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    draft.rewriteLines { line, output in
      var index = 0
      while index < line.count {
        let (value, length) = scalar(at: index, of: line)
        let mark =
          quoteMark(value, at: index, in: line) ?? dash(value, index..<(index + length), in: line)
        if let mark {
          output.append(contentsOf: mark.utf8)
        } else {
          output.append(contentsOf: line[index..<min(index + length, line.count)])
        }
        index += length
      }
      return !output.elementsEqual(line)
    }
  }

  private func quoteMark(
    _ value: UInt32, at index: Int, in line: UnsafeRawBufferPointer
  ) -> String? {
    guard quotes != .keep else { return nil }
    switch value {
    case 0x2018...0x201B: return "'"
    case 0x22, 0xAB, 0xBB, 0x201C...0x201F:
      guard quotes == .guillemets else { return "\"" }
      // The same mark opens in one language and closes in another: what stands before it decides.
      return index == 0 || isOpen(line[index - 1]) ? "«" : "»"
    default: return nil
    }
  }

  private func isOpen(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "[")
  }

  private func dash(
    _ value: UInt32, _ range: Range<Int>, in line: UnsafeRawBufferPointer
  ) -> String? {
    guard dashes != .keep else { return nil }
    switch value {
    case 0x2D, 0x2010...0x2015, 0x2212:
      let isWord =
        (range.lowerBound == 0 || line[range.lowerBound - 1] == 0x20)
        && (range.upperBound == line.count || line[range.upperBound] == 0x20)
      return isWord && dashes == .em ? "—" : "-"
    default: return nil
    }
  }
}
