/// Posts in another alphabet: a model of Russian bugurts learns nothing of them.
///
/// Only letters are counted; a post without letters stays. Jokes on Windows and Coca-Cola have half
/// of their letters in Latin and are Russian still; below three in ten hardly any is.
public struct Alphabet: CleaningRule {
  public static let declaration = RuleDeclaration(
    "alphabet", "posts whose letters are not Cyrillic are in another language",
    settings: [
      .share("minimum-cyrillic", 0.3, "the share of Cyrillic among the letters, at least")
    ]
  ) { Alphabet(minimumCyrillic: $0.share("minimum-cyrillic")) }

  private let minimum: Double

  /// A rule that keeps posts with a share of `minimumCyrillic` of Cyrillic among their letters.
  public init(minimumCyrillic: Double = 0.3) {
    minimum = minimumCyrillic
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    // Nothing but Cyrillic, punctuation and emoji: the most usual case by far.
    guard
      draft.mayContainLatin || draft.mayContain(anyOf: 0xC3...0xCF)
        || draft.mayContain(anyOf: 0xD4...0xE1) || draft.mayContain(anyOf: 0xE3...0xEE)
    else { return .unchanged }
    var (cyrillic, other) = (0, 0)
    for index in draft.lines.indices {
      draft.withLine(index) { Self.countLetters(of: $0, &cyrillic, &other) }
    }
    return Double(cyrillic) < minimum * Double(cyrillic + other) ? .dropped : .unchanged
  }

  private static func countLetters(
    of line: UnsafeRawBufferPointer, _ cyrillic: inout Int, _ other: inout Int
  ) {
    var index = 0
    while index < line.count {
      let byte = line[index]
      switch byte {
      case 0xD0, 0xD1: cyrillic += 1
      case 0..<0x80: other += isLatin(byte) ? 1 : 0
      default:
        let value = scalar(at: index, of: line).value
        if Unicode.Scalar(value)?.properties.isAlphabetic == true {
          if (0x400...0x52F).contains(value) { cyrillic += 1 } else { other += 1 }
        }
      }
      index += scalarLength(lead: byte)
    }
  }
}
