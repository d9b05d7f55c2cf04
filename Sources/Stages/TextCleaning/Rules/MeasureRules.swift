import TextSupport

/// Drops posts that are too short or too long, in characters of the cleaned text.
public struct LengthRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "length", isOn: false, "posts too short say nothing, those too long are not bugurts",
    settings: [
      .count("minimum", 1, "the fewest characters a post may have"),
      .count("maximum", 4096, "the most characters a post may have; Telegram allows 4096"),
    ])

  private let minimum: Int
  private let maximum: Int

  public init(_ settings: RuleSettings) {
    minimum = settings.count("minimum")
    maximum = settings.count("maximum")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let count = draft.withText { $0.scalarCount }
    return count < minimum || count > maximum ? .dropped : .unchanged
  }
}

/// Drops posts in another alphabet: a model of Russian bugurts learns nothing from them.
///
/// Only letters are counted; a post without letters stays. Jokes about Windows and Coca-Cola may
/// have half of their letters in Latin and still be Russian; with fewer than three Cyrillic letters
/// in ten, hardly any post is Russian.
public struct AlphabetRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "alphabet", "posts whose letters are not Cyrillic are in another language",
    settings: [
      .fraction("minimum-cyrillic", 0.3, "the smallest fraction of letters that must be Cyrillic")
    ])

  private let minimum: Double

  public init(_ settings: RuleSettings) {
    minimum = settings.fraction("minimum-cyrillic")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    // Nothing but Cyrillic, punctuation and emoji: by far the most common case.
    guard
      draft.mayContainLatin || draft.mayContain(anyOf: 0xC3...0xCF)
        || draft.mayContain(anyOf: 0xD4...0xE1) || draft.mayContain(anyOf: 0xE3...0xEE)
    else { return .unchanged }
    var (cyrillic, other) = (0, 0)
    draft.withText { text in
      text.forEachScalar { value, _ in
        switch value {
        case 0x410...0x44F: cyrillic += 1
        case 0..<0x80: other += UInt8(value).isLatin ? 1 : 0
        default:
          guard Unicode.Scalar(value)?.properties.isAlphabetic == true else { return }
          if (0x400...0x52F).contains(value) { cyrillic += 1 } else { other += 1 }
        }
      }
    }
    return Double(cyrillic) < minimum * Double(cyrillic + other) ? .dropped : .unchanged
  }
}

/// Drops posts that are not in upper case, whereas bugurts are; off by default.
public struct UpperCaseRule: CleaningRule {
  public static let declaration = RuleDeclaration(
    Self.self, "upper-case", isOn: false,
    "bugurts are in upper case; other posts are something else",
    settings: [
      .fraction("minimum", 0.9, "the smallest fraction of letters that must be in upper case")
    ])

  private let minimum: Double

  public init(_ settings: RuleSettings) {
    minimum = settings.fraction("minimum")
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    var (upper, lower) = (0, 0)
    draft.withText { text in
      text.forEachScalar { value, _ in
        switch value {
        case 0x410...0x42F, 0x41...0x5A, 0x401: upper += 1
        case 0x430...0x44F, 0x61...0x7A, 0x451: lower += 1
        case 0..<0x80: break
        default:
          let properties = Unicode.Scalar(value)?.properties
          upper += properties?.isUppercase == true ? 1 : 0
          lower += properties?.isLowercase == true ? 1 : 0
        }
      }
    }
    return Double(upper) < minimum * Double(upper + lower) ? .dropped : .unchanged
  }
}
