import Foundation
import TextSupport

/// Composes a letter and its mark into one scalar, as Unicode's form NFC does.
///
/// Text from some systems has `й` as `и` and U+0306: the same to the eye, but a different word to a
/// model. Scalars beyond U+FFFF stay as they are. Only lines with a byte that may begin a composing
/// scalar are examined closely, so Russian and Latin text without marks costs next to nothing.
public struct UnicodeRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "unicode",
    "letters written as a letter and a mark become one, as in Unicode's form NFC")

  public init(_ settings: RuleSettings) {}

  public func apply(to draft: inout Draft) -> RuleOutcome {
    guard Self.leads.contains(where: { draft.mayContain(anyOf: $0) }) else { return .unchanged }
    return draft.rewriteLines { line, edits in
      if Self.mayChange(line) { Self.compose(line, &edits) }
    }
  }

  /// Composes the letters and marks of `line`.
  ///
  /// Foundation in Swift 6.3 mistakes a scalar beyond U+FFFF before a mark for the one with the
  /// same low 16 bits: it turns U+10041 and U+0301 into Á. So only the text between such scalars is
  /// composed.
  private static func compose(_ line: Span<UInt8>, _ edits: inout LineEdits) {
    var start = 0
    while start < line.count {
      let end = line.end(from: start) { $0 < 0x10000 }
      let text = line.extracting(start..<end)
      let composed = text.string.precomposedStringWithCanonicalMapping
      if !text.isEqual(to: composed.utf8.span) {
        edits.replace(start..<end, of: line, with: composed)
      }
      start = line.end(from: end) { $0 >= 0x10000 }
    }
  }

  /// The bytes that begin scalars some of which are not in form NFC.
  private static let leads: [ClosedRange<UInt8>] = [
    0xCC...0xCF, 0xD2...0xD2, 0xD6...0xE3, 0xEA...0xF7,
  ]

  /// Whether `line` may contain a scalar that NFC replaces or moves.
  ///
  /// Emoji, their selectors, punctuation and symbols, which are common in Russian posts, are ruled
  /// out here; other writing systems are left to Unicode's tables.
  private static func mayChange(_ line: Span<UInt8>) -> Bool {
    var index = 0
    while index < line.count {
      let byte = line[index]
      if byte >= 0xCC, leads.contains(where: { $0.contains(byte) }) {
        switch line.scalar(at: index).value {
        case 0x2002..<0x20D0, 0x20F1...0x2125, 0x2127...0x2129, 0x212C...0x2328, 0x232B...0x2ADB,
          0x2ADD...0x2BFF, 0x3000, 0xFE00...0xFE0F, 0xFEFF...0xFFEF, 0x1F000...0x1FAFF:
          break
        default: return true
        }
      }
      index += scalarLength(lead: byte)
    }
    return false
  }
}
