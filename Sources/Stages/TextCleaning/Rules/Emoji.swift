/// Emoji in long runs, or all of them.
public struct Emoji: CleaningRule {
  /// What becomes of emoji.
  public enum Treatment: String, CaseIterable, Sendable {
    /// All stay.
    case keep
    /// Runs of the same one are cut.
    case trim
    /// All go.
    case drop
  }

  public static let declaration = RuleDeclaration(
    "emoji", "one emoji many times in a row says no more than a few",
    settings: [
      .word(
        "treatment", Treatment.trim.rawValue, of: Treatment.allCases.map(\.rawValue),
        "all stay, long runs of the same one are cut, or all go"),
      .count("maximum", 3, in: 1...1000, "how often the same emoji may stand in a row"),
    ]
  ) { Emoji(Treatment(rawValue: $0.word("treatment")) ?? .trim, maximum: $0.count("maximum")) }

  private let treatment: Treatment
  private let maximum: Int

  /// A rule that treats emoji by `treatment`.
  public init(_ treatment: Treatment = .trim, maximum: Int = 3) {
    self.treatment = treatment
    self.maximum = maximum
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard treatment != .keep, draft.mayContain(anyOf: 0xF0...0xF0) || draft.mayContain(0xE2)
    else { return .unchanged }
    return draft.rewriteLines(rewrite)
  }

  private func rewrite(_ line: UnsafeRawBufferPointer, _ output: inout [UInt8]) -> Bool {
    var index = 0
    var copied = 0
    var last = 0..<0
    var count = 0
    var isChanged = false
    while index < line.count {
      guard line[index] >= 0xE2, let end = endOfEmoji(at: index, in: line) else {
        index += scalarLength(lead: line[index])
        continue
      }
      let isRepeated = last.upperBound == index && line[last].elementsEqual(line[index..<end])
      count = isRepeated ? count + 1 : 1
      last = index..<end
      if treatment == .drop || count > maximum {
        output.append(contentsOf: line[copied..<index])
        copied = end
        isChanged = true
      }
      index = end
    }
    if isChanged { output.append(contentsOf: line[copied...]) }
    return isChanged
  }
}

/// Where the emoji ends that begins at `start` of `text`, with its joiners, tones and selectors;
/// `nil` if none does.
func endOfEmoji(at start: Int, in text: UnsafeRawBufferPointer) -> Int? {
  var (value, length) = scalar(at: start, of: text)
  var index = start + length
  func isNext(_ range: ClosedRange<UInt32>) -> Int? {
    guard index < text.count else { return nil }
    let (value, length) = scalar(at: index, of: text)
    return range.contains(value) ? length : nil
  }
  if (0x1F1E6...0x1F1FF).contains(value) {
    return isNext(0x1F1E6...0x1F1FF).map { index + $0 } ?? index
  }
  guard
    isEmoji(value) || (value >= 0x2190 && isEmojiScalar(value) && isNext(0xFE0F...0xFE0F) != nil)
  else { return nil }
  while true {
    if let length = isNext(0xFE0F...0xFE0F) ?? isNext(0x1F3FB...0x1F3FF)
      ?? isNext(0xE0020...0xE007F)
    {
      index += length
      continue
    }
    guard let joiner = isNext(0x200D...0x200D), index + joiner < text.count else { return index }
    (value, length) = scalar(at: index + joiner, of: text)
    guard isEmojiScalar(value) else { return index }
    index += joiner + length
  }
}

/// Whether `value` is an emoji without a selector behind it.
private func isEmoji(_ value: UInt32) -> Bool {
  value >= 0x2600 && isEmojiScalar(value)
}

private func isEmojiScalar(_ value: UInt32) -> Bool {
  guard value >= 0x2190 else { return false }
  return Unicode.Scalar(value)?.properties.isEmoji ?? false
}
