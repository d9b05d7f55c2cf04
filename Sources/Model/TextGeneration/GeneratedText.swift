import JSONSupport

/// What a text begins with.
public struct Prompt: Equatable, Sendable {
  /// The text as the user gave it or as it was drawn; empty if the model begins by itself.
  public var text: String
  /// One or more.
  public var tokens: [Int32]
  /// Whether it ends with a whole word, so that the text continues with another one.
  ///
  /// The words of a user may be the beginning of a longer one.
  public var isWhole: Bool

  public init(text: String, tokens: [Int32], isWhole: Bool = false) {
    self.text = text
    self.tokens = tokens
    self.isWhole = isWhole
  }
}

/// A text to be written.
public struct TextRequest: Equatable, Sendable {
  /// What it begins with: one or more tokens, fewer than the maximum length.
  public var prompt: Prompt
  /// The index among the texts of the seed: the same prompt, seed and index give the same text.
  public var index: Int

  public init(prompt: Prompt, index: Int) {
    self.prompt = prompt
    self.index = index
  }
}

/// A text that a model wrote, or as much of it as there is.
public struct GeneratedText: Equatable, Sendable {
  /// Why a text ended.
  public enum FinishReason: String, Sendable {
    /// The model ended it.
    case endOfText = "end_of_text"
    /// It reached the maximum length or the model's context length.
    case length
  }

  public var request: TextRequest
  /// The tokens after the prompt, without the one that ends the text.
  public var tokens: [Int32] = []
  /// The natural logarithm of the probability that the model alone gives ``tokens`` and, if the
  /// model ended the text, its end.
  public var logProbability = 0.0
  /// `nil` while the text is being written.
  public var finishReason: FinishReason?
  /// The token that ended the text.
  public var endToken: Int32?

  /// A text with nothing after its prompt yet.
  public init(request: TextRequest) {
    self.request = request
  }

  /// The mean of the logarithms over all sampled tokens; 0 if there are none.
  public var meanLogProbability: Double {
    let count = tokens.count + (finishReason == .endOfText ? 1 : 0)
    return count == 0 ? 0 : logProbability / Double(count)
  }

  /// The finished text, shown as `text`, with all that is known about it; the keys and their order
  /// are always the same.
  ///
  /// Its `tokens` are the ids after the prompt, including the one that ended the text; the
  /// probability is that of all of them.
  public func json(text: String, seed: UInt64) -> JSONValue {
    .object([
      .init("prompt", .string(request.prompt.text)),
      .init("text", .string(text)),
      .init("tokens", .array((tokens + [endToken].compactMap(\.self)).map { .integer(Int($0)) })),
      // Most readers of JSON cannot represent a larger number.
      .init("seed", Int(exactly: seed).map(JSONValue.integer) ?? .string("\(seed)")),
      .init("number", .integer(request.index)),
      .init("finish_reason", finishReason.map { .string($0.rawValue) } ?? .null),
      .init("log_probability", .number(logProbability)),
      .init("mean_log_probability", .number(meanLogProbability)),
    ])
  }
}
