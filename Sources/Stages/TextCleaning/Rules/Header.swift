/// The header `БУГУРТ-ТРЕД`: it says nothing of the bugurt below it.
///
/// It goes where the first line with something to see begins with it, in any case, with a hyphen,
/// a dash, an underscore or white space between its words, with a `#` before it or without, and
/// with it the colon, stops and white space behind it. What else the line says stays; so does the
/// name in the midst of a sentence, or with more letters behind it.
public struct Header: CleaningRule {
  public static let declaration = RuleDeclaration(
    "header", "the header БУГУРТ-ТРЕД says nothing of the bugurt below it"
  ) { _ in Self() }

  private let first = pattern("бугурт")
  private let second = pattern("тред")

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard let index = draft.firstVisibleLine,
      let end = draft.withLine(index, { endOfHeader(in: $0) })
    else { return .unchanged }
    let range = draft.lines[index].range
    draft.lines[index].range = (range.lowerBound + end)..<range.upperBound
    return .changed
  }

  /// How many bytes of `line` the header takes; `nil` if the line does not begin with it.
  private func endOfHeader(in line: UnsafeRawBufferPointer) -> Int? {
    guard var index = offsetOfVisible(in: line) else { return nil }
    if line[index] == UInt8(ascii: "#") { index += 1 }
    guard let gap = end(of: first, at: index, in: line) else { return nil }
    index = skip(from: gap, in: line) { Self.isGap($0) }
    guard index > gap, let end = end(of: second, at: index, in: line) else { return nil }
    if end < line.count {
      // БУГУРТ-ТРЕДА, БУГУРТ-ТРЕД2000: not the header.
      let next = Unicode.Scalar(scalar(at: end, of: line).value)
      if next?.properties.isAlphabetic == true || next?.properties.numericType != nil {
        return nil
      }
    }
    return skip(from: end, in: line) { Self.isTail($0) }
  }

  private func skip(
    from start: Int, in line: UnsafeRawBufferPointer, _ isSkipped: (UInt32) -> Bool
  ) -> Int {
    var index = start
    while index < line.count {
      let (value, length) = scalar(at: index, of: line)
      guard isSkipped(value) else { break }
      index += length
    }
    return index
  }

  /// Hyphens, dashes and the minus sign; the underscore of a hashtag; white space.
  private static func isGap(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x2D, 0x5F, 0x2010...0x2015, 0x2212: true
    default: kind(of: scalar) != .visible
    }
  }

  /// Colons, full stops, commas, exclamation marks; white space.
  private static func isTail(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x21, 0x2C, 0x2E, 0x3A, 0x2026: true
    default: kind(of: scalar) != .visible
    }
  }
}
