/// The form in which a text is compared with nearly equal ones: letters, digits and pictographs, in
/// lower case.
///
/// Everything else (white space, punctuation, the separators of bugurts, signs) only separates
/// words: any run of it becomes one space, with none at the ends.
package struct FoldedText {
  /// The scalars of the text.
  package private(set) var scalars: [UInt32] = []

  /// An empty text.
  package init() {}

  /// Replaces the current text with `text`, which is UTF-8.
  package mutating func load(_ text: Span<UInt8>) {
    scalars.removeAll(keepingCapacity: true)
    let folded = Self.folded.span
    var followsGap = false
    text.forEachScalar { value, _ in
      let letter = value < 0x10000 ? UInt32(folded[Int(value)]) : value
      guard letter != Self.gap else {
        followsGap = true
        return
      }
      if followsGap, !scalars.isEmpty { scalars.append(0x20) }
      followsGap = false
      scalars.append(letter)
    }
  }

  private static let gap: UInt32 = 0

  /// What each scalar below 0x10000 becomes; above are pictographs and rare letters, which stay as
  /// they are.
  private static let folded: [UInt16] = (0..<0x10000).map { value in
    guard let scalar = Unicode.Scalar(UInt32(value)), keeps(scalar) else { return UInt16(gap) }
    let lower = scalar.properties.lowercaseMapping.unicodeScalars
    guard lower.count == 1, let first = lower.first, first.value < 0x10000 else {
      return UInt16(value)
    }
    return UInt16(first.value)
  }

  private static func keeps(_ scalar: Unicode.Scalar) -> Bool {
    // They choose between two presentations of a pictograph.
    if 0xFE00...0xFE0F ~= scalar.value { return false }
    return switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber,
      .otherSymbol:
      true
    default: false
    }
  }
}
