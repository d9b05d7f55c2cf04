import Foundation

/// Letters written as a letter and a mark become one scalar, as Unicode's form NFC has it.
///
/// Text from some systems has `й` as `и` and U+0306: the same to the eye, another word to a model.
/// Scalars beyond U+FFFF stay as they are. Only lines with bytes of which a scalar that may compose
/// begins are looked at closely, so that Russian and Latin text without marks costs next to nothing.
public struct UnicodeComposition: CleaningRule {
  public static let declaration = RuleDeclaration(
    "unicode", "letters written as a letter and a mark become one, as in Unicode's form NFC"
  ) { _ in Self() }

  /// The rule.
  public init() {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard Self.leads.contains(where: { draft.mayContain(anyOf: $0) }) else { return .unchanged }
    return draft.rewriteLines { line, output in
      guard Self.mayChange(line) else { return false }
      Self.compose(line, &output)
      return !isSame(output, line)
    }
  }

  /// Appends `line` with its letters and marks composed.
  ///
  /// Foundation of Swift 6.3 takes a scalar beyond U+FFFF before a mark for the one with the same
  /// last 16 bits: it makes Á of U+10041 and U+0301. So only what stands between such is composed.
  private static func compose(_ line: UnsafeRawBufferPointer, _ output: inout [UInt8]) {
    var rest = line
    while !rest.isEmpty {
      let text = rest.prefix { $0 < 0xF0 }
      output.append(
        contentsOf: String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8
      )
      let end = min(text.endIndex + 4, rest.endIndex)
      output.append(contentsOf: rest[text.endIndex..<end])
      rest = UnsafeRawBufferPointer(rebasing: rest[end...])
    }
  }

  /// The bytes that begin scalars of which some are not as NFC has them.
  private static let leads: [ClosedRange<UInt8>] = [
    0xCC...0xCF, 0xD2...0xD2, 0xD6...0xE3, 0xEA...0xF7,
  ]

  /// Whether `line` may have a scalar that NFC replaces or puts elsewhere.
  ///
  /// Of what is usual in Russian posts emoji, their selectors, punctuation and symbols are told apart
  /// here; other writing systems are left to Unicode's tables.
  private static func mayChange(_ line: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < line.count {
      let byte = line[index]
      if byte >= 0xCC, leads.contains(where: { $0.contains(byte) }) {
        let value = scalar(at: index, of: line).value
        switch value {
        case 0x2002...0x2125, 0x2127...0x2129, 0x212C...0x2328, 0x232B...0x2ADB,
          0x2ADD...0x2BFF, 0x3000, 0xFE00...0xFE0F, 0xFEFF...0xFFEF, 0x1F000...0x1FAFF:
          if (0x20D0...0x20F0).contains(value) { return true }
        default: return true
        }
      }
      index += scalarLength(lead: byte)
    }
    return false
  }
}
