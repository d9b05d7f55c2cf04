/// A step from the model's logits to those that a token is chosen by, under the name its setting has
/// in transformers' `generate`; in the order in which they are applied.
public enum LogitsProcessor: String, CaseIterable, Sendable {
  case repetitionPenalty = "repetition_penalty"
  case noRepeatNGram = "no_repeat_ngram_size"
  case badWords = "bad_words_ids"
  case minimumLength = "min_length"
  case minimumNewTokens = "min_new_tokens"
  case suppressedTokens = "suppress_tokens"
  case temperature = "temperature"
  case topK = "top_k"
  case topP = "top_p"
  case minP = "min_p"
  case typicalP = "typical_p"

  /// Whether `settings` ask for it; a greedy choice needs none that only thins out or rescales.
  func isActive(in settings: SamplingSettings) -> Bool {
    switch self {
    case .repetitionPenalty: settings.repetitionPenalty != 1
    case .noRepeatNGram: settings.noRepeatNGram > 0
    case .badWords: !settings.badWords.isEmpty
    case .minimumLength: settings.minimumLength > 0
    case .minimumNewTokens: settings.minimumNewTokens > 0
    case .suppressedTokens: !settings.suppressedTokens.isEmpty
    case .temperature: !settings.isGreedy && settings.temperature != 1
    case .topK: !settings.isGreedy && settings.topK > 0
    case .topP: !settings.isGreedy && settings.topP < 1
    case .minP: !settings.isGreedy && settings.minP > 0
    case .typicalP: !settings.isGreedy && settings.typicalP < 1
    }
  }
}
