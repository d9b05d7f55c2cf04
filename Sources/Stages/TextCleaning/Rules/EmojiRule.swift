import TextSupport

/// Shortens long runs of the same emoji, or removes all emoji.
public struct EmojiRule: CleaningRule {
  /// What becomes of emoji.
  public enum Treatment: String, CaseIterable, Sendable {
    /// All stay.
    case keep
    /// Runs of the same emoji are shortened.
    case trim
    /// All are removed.
    case drop
  }

  public static let declaration = RuleDeclaration(
    Self.self, "emoji", "one emoji many times in a row says no more than a few",
    settings: [
      .choice(
        "treatment", Treatment.trim,
        "all stay, long runs of the same one are shortened, or all are removed"),
      .count("maximum", 3, in: 1...1000, "how often the same emoji may occur in a row"),
    ])

  private let treatment: Treatment
  private let maximum: Int

  public init(_ settings: RuleSettings) {
    treatment = settings.choice("treatment")
    maximum = settings.count("maximum")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard treatment != .keep, [0xE2, 0xE3, 0xEF, 0xF0].contains(where: { draft.mayContain($0) })
    else { return .unchanged }
    return draft.rewriteLines { line, edits in
      var index = 0
      var last = 0..<0
      var count = 0
      while index < line.count {
        // A selector or the frame of a keycap makes emoji of other characters.
        let next = index + scalarLength(lead: line[index])
        guard line[index] >= 0xE2 || next < line.count && line[next] >= 0xE2,
          let end = line.endOfEmoji(at: index)
        else {
          index = next
          continue
        }
        let isRepeated =
          last.upperBound == index
          && line.extracting(last).isEqual(to: line.extracting(index..<end))
        count = isRepeated ? count + 1 : 1
        last = index..<end
        if treatment == .drop || count > maximum { edits.replace(last, of: line, with: "") }
        index = end
      }
    }
  }
}

extension Span<UInt8> {
  /// Where the emoji that begins at `start` ends, with its joiners, tones and selectors; `nil` if
  /// none begins there.
  fileprivate func endOfEmoji(at start: Int) -> Int? {
    let (first, length) = scalar(at: start)
    var index = start + length
    let next = index < count ? scalar(at: index) : (value: 0, length: 0)
    // A flag is two regional indicators.
    let indicators: ClosedRange<UInt32> = 0x1F1E6...0x1F1FF
    if indicators.contains(first) {
      return index + (indicators.contains(next.value) ? next.length : 0)
    }
    if first <= 0x39 {
      // A digit, # or *, in most cases a selector, and the frame of a keycap.
      let frame = next.value == 0xFE0F ? index + next.length : index
      let isKeycap =
        Unicode.Scalar(first)?.properties.isEmoji == true && frame < count
        && scalar(at: frame).value == 0x20E3
      return isKeycap ? frame + 3 : nil
    }
    // Below U+2600 most scalars need a selector after them to be an emoji.
    let isShownAsEmoji =
      first >= 0x2600 || Unicode.Scalar(first)?.properties.isEmojiPresentation == true
    guard mayBeEmoji(first), isShownAsEmoji || next.value == 0xFE0F else { return nil }
    while true {
      index = end(from: index) { scalar in
        switch scalar {
        // Selectors, skin tones, tags.
        case 0xFE0F, 0x1F3FB...0x1F3FF, 0xE0020...0xE007F: true
        default: false
        }
      }
      let joinerLength = 3
      guard index + joinerLength < count, scalar(at: index).value == 0x200D else { return index }
      let (joined, length) = scalar(at: index + joinerLength)
      guard mayBeEmoji(joined) else { return index }
      index += joinerLength + length
    }
  }
}

private func mayBeEmoji(_ scalar: UInt32) -> Bool {
  // Swift's tables do not have the newest in the range for new ones.
  (0x1FA70...0x1FAFF).contains(scalar)
    || scalar > 0x39 && Unicode.Scalar(scalar)?.properties.isEmoji == true
}
