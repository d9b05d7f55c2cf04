import FileSupport
import JSONSupport

extension GeneratedText {
  /// The text with all that is known of it; always the same keys in the same order.
  ///
  /// `tokens` are the ids after the prompt, the one that ended the text among them: the probability
  /// is that of all of these.
  ///
  /// `prompt` is what it begins with, as it was given, and `text` all of it, as it is shown; `seed` is
  /// that of its number.
  public func json(prompt: String, text: String, seed: UInt64) -> JSONValue {
    .object([
      .init("prompt", .string(prompt)),
      .init("text", .string(text)),
      .init(
        "tokens",
        .array((tokens + (endToken.map { [$0] } ?? [])).map { .integer(Int($0)) })),
      // Greater ones are not numbers to most readers of JSON.
      .init("seed", Int(exactly: seed).map(JSONValue.integer) ?? .string("\(seed)")),
      .init("number", .integer(request.number)),
      .init("finish_reason", .string(finishReason.rawValue)),
      .init("log_probability", .number(logProbability)),
      .init("mean_log_probability", .number(meanLogProbability)),
    ])
  }
}
