/// Punctuation that is repeated: `!!!!!!` says no more than `!!!`.
public struct RepeatedPunctuation: CleaningRule {
  public static let declaration = RuleDeclaration(
    "punctuation", "!!!!!! says no more than !!!",
    settings: [
      .count("maximum", 3, in: 1...1000, "how often the same sign may stand in a row")
    ]
  ) { RepeatedPunctuation(maximum: $0.count("maximum")) }

  private let maximum: Int

  /// A rule that leaves a sign up to `maximum` times in a row.
  public init(maximum: Int = 3) {
    self.maximum = maximum
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard draft.bytes.withUnsafeBytes({ longRun(in: $0, from: 0) }) != nil else {
      return .unchanged
    }
    return draft.rewriteLines { line, output in
      var copied = 0
      while let run = longRun(in: line, from: copied) {
        output.append(contentsOf: line[copied..<(run.lowerBound + maximum)])
        copied = run.upperBound
      }
      guard copied > 0 else { return false }
      output.append(contentsOf: line[copied...])
      return true
    }
  }

  /// The first run of one sign that is longer than `maximum`, from `start` on.
  ///
  /// Such a run has a byte at one of every `maximum` + 1 places, so that only these are looked at.
  private func longRun(in text: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
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
