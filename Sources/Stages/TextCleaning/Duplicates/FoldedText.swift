/// A text as nearly equal texts are compared: its letters, digits and pictographs in lower case.
///
/// All else (white space, punctuation, the separators of bugurts, signs) only parts words: any run of
/// it is one space, and none stands at the ends.
package struct FoldedText {
  /// The scalars of the text.
  package private(set) var scalars: [UInt32] = []

  /// An empty text.
  package init() {}

  /// Takes up `text`, which is UTF-8, in place of the one before.
  package mutating func load(_ text: UnsafeRawBufferPointer) {
    scalars.removeAll(keepingCapacity: true)
    Self.folded.withUnsafeBufferPointer { folded in
      var index = 0
      var isBehindGap = false
      while index < text.count {
        let (value, length) = scalar(at: index, of: text)
        index += length
        let letter = value < 0x10000 ? UInt32(folded[Int(value)]) : value
        guard letter != Self.gap else {
          isBehindGap = true
          continue
        }
        if isBehindGap, !scalars.isEmpty { scalars.append(0x20) }
        isBehindGap = false
        scalars.append(letter)
      }
    }
  }

  private static let gap: UInt32 = 0

  /// What stands for each scalar below 0x10000; beyond are pictographs and rare letters, as they are.
  private static let folded: [UInt16] = (0..<0x10000).map { value in
    guard let scalar = Unicode.Scalar(UInt32(value)), keeps(scalar) else { return UInt16(gap) }
    let lower = scalar.properties.lowercaseMapping.unicodeScalars
    guard lower.count == 1, let first = lower.first, first.value < 0x10000 else {
      return UInt16(value)
    }
    return UInt16(first.value)
  }

  private static func keeps(_ scalar: Unicode.Scalar) -> Bool {
    // They choose between two looks of a pictograph.
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
