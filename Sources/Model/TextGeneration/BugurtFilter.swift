import BytePairEncoding

/// Distinguishes well-formed bugurts from other texts.
public struct BugurtFilter: Sendable {
  /// What is wrong with a text; the first flaw that applies is reported.
  public enum Flaw: CaseIterable, Sendable {
    /// The model did not finish it.
    case unfinished
    /// It has no separator `@`.
    case noParts
    /// A part has no words.
    case emptyPart
    /// It is a post of the training corpus.
    case copy

    /// What such texts are, in words that follow their count.
    var description: String {
      switch self {
      case .unfinished: "not ended by the model"
      case .noParts: "without @"
      case .emptyPart: "with an empty part"
      case .copy: "copied from the corpus"
      }
    }
  }

  private let tokenizer: Tokenizer
  private let posts: PostFingerprints?

  /// A filter for texts in the tokens of `tokenizer`; without `posts`, it finds no copies.
  public init(_ tokenizer: Tokenizer, posts: PostFingerprints?) {
    self.tokenizer = tokenizer
    self.posts = posts
  }

  /// What is wrong with `text`; `nil` if nothing is.
  public func flaw(of text: GeneratedText) -> Flaw? {
    guard text.finishReason == .endOfText else { return .unfinished }
    let line = TextDisplay.text(of: text.request.prompt.tokens + text.tokens, tokenizer, .plain)
    let parts = line.unicodeScalars.split(separator: " ").map(String.init)
      .split(separator: "@", omittingEmptySubsequences: false)
    if parts.count < 2 { return .noParts }
    if parts.contains(where: \.isEmpty) { return .emptyPart }
    return posts?.contains(line) == true ? .copy : nil
  }

  /// `3 without @, 1 copied from the corpus`.
  public static func report(_ dropped: [Flaw: Int]) -> String {
    Flaw.allCases.compactMap { flaw in dropped[flaw].map { "\($0) \(flaw.description)" } }
      .joined(separator: ", ")
  }
}
