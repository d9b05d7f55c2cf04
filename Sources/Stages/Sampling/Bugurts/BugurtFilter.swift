import BytePairEncoding

/// Tells well-formed bugurts from others.
public struct BugurtFilter: Sendable {
  /// What is wrong with a text; the first that holds is told.
  public enum Flaw: CaseIterable, Sendable {
    /// The model did not end it.
    case unfinished
    /// No `@` stands in it.
    case noParts
    /// A part has no words.
    case emptyPart
    /// It is a post of the training corpus.
    case copy

    /// What such texts are, to stand behind their number.
    public var description: String {
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

  /// A filter of texts in the tokens of `tokenizer`; without `posts` it finds no copies.
  public init(_ tokenizer: Tokenizer, posts: PostFingerprints?) {
    self.tokenizer = tokenizer
    self.posts = posts
  }

  /// What is wrong with `text`; `nil`: nothing.
  public func flaw(of text: GeneratedText) -> Flaw? {
    guard text.finishReason == .endOfText else { return .unfinished }
    let line = TextDisplay.text(of: text.request.prompt + text.tokens, tokenizer, .plain)
    let parts = line.unicodeScalars.split(separator: " ").map(String.init)
      .split(separator: "@", omittingEmptySubsequences: false)
    if parts.count < 2 { return .noParts }
    if parts.contains(where: \.isEmpty) { return .emptyPart }
    return posts?.contains(line) == true ? .copy : nil
  }
}
