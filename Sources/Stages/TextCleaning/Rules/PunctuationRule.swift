/// Shortens repeated punctuation: `!!!!!!` says no more than `!!!`.
public struct PunctuationRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "punctuation", "!!!!!! says no more than !!!",
    settings: [
      .count("maximum", 3, in: 1...1000, "how often the same sign may occur in a row")
    ])

  private let maximum: Int

  public init(_ settings: RuleSettings) {
    maximum = settings.count("maximum")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard longRun(in: draft.bytes.span, from: 0) != nil else { return .unchanged }
    return draft.rewriteLines { line, edits in
      while let run = longRun(in: line, from: edits.end) {
        edits.replace((run.lowerBound + maximum)..<run.upperBound, of: line, with: "")
      }
    }
  }

  /// The first run of one sign that is longer than `maximum`, from `start` on.
  ///
  /// Such a run covers one of every `maximum` + 1 places, so only those are examined.
  private func longRun(in text: Span<UInt8>, from start: Int) -> Range<Int>? {
    var index = start + maximum
    while index < text.count {
      let byte = text[index]
      guard Self.isRepeated(byte) else {
        index += maximum + 1
        continue
      }
      var (first, end) = (index, index + 1)
      while first > start, text[first - 1] == byte { first -= 1 }
      while end < text.count, text[end] == byte { end += 1 }
      if end - first > maximum { return first..<end }
      index = end + maximum
    }
    return nil
  }

  /// The signs `!?.,:;()-+=*_~`.
  @inline(__always)
  private static func isRepeated(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0xAC00_7F02_0000_0000
    return byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte == 0x5F || byte == 0x7E
  }
}
