import CorpusFormat
import TextSupport

/// Posts that are too short or too long, counted in characters of the cleaned text.
public struct Length: CleaningRule {
  public static let declaration = RuleDeclaration(
    "length", isOn: false, "posts too short say nothing, those too long are no bugurts",
    settings: [
      .count("minimum", 1, "how many characters a post has at least"),
      .count("maximum", 4096, "how many characters a post has at most; Telegram takes 4096"),
    ]
  ) { Length(minimum: $0.count("minimum"), maximum: $0.count("maximum")) }

  private let minimum: Int
  private let maximum: Int

  /// A rule that keeps posts of `minimum` to `maximum` characters.
  public init(minimum: Int = 1, maximum: Int = 4096) {
    self.minimum = minimum
    self.maximum = maximum
  }

  public func apply(to draft: inout Draft) -> RuleOutcome {
    let count = draft.withText { unicodeScalarCount(of: $0) }
    return count < minimum || count > maximum ? .dropped : .unchanged
  }
}
