/// How the next token is sampled from the logits, as in transformers' `generate`, and where a text
/// ends.
public struct SamplingSettings: Equatable, Sendable {
  /// What logits are divided by; 0 always takes the most likely token.
  public var temperature: Float = 1
  /// Only the k most likely tokens are kept; 0: all.
  public var topK = 50
  /// Only the most likely tokens that together reach this probability are kept; 1: all.
  public var topP = 1.0
  /// Only tokens with at least this fraction of the most likely token's probability are kept; 0:
  /// all.
  public var minP = 0.0
  /// Only the tokens whose surprise is nearest to the expected one and that together reach this
  /// probability are kept; 1: all.
  public var typicalP = 1.0
  /// What the logits of tokens that the text already contains are divided by; 1: no change.
  public var repetitionPenalty: Float = 1
  /// No run of this many tokens occurs twice in a text, prompt included; 0: no limit.
  public var noRepeatNGram = 0
  /// Sequences of tokens that are never completed; a sequence of one end-of-text token is ignored.
  public var badWords: [[Int32]] = []
  /// The length in tokens, prompt included, before which a text does not end by itself.
  public var minimumLength = 0
  /// How many tokens follow the prompt before a text ends by itself.
  public var minimumNewTokens = 0
  /// Tokens that are never sampled.
  public var suppressedTokens: [Int32] = []
  /// Tokens that are never sampled right after a prompt that is whole (``Prompt/isWhole``).
  public var beginSuppressedTokens: [Int32] = []
  /// Whether the tokens that end a text may be sampled.
  public var allowsEndOfText = true
  /// The length in tokens, prompt included, at which a text is cut off.
  public var maximumLength = 200
  /// Determines the random numbers.
  public var seed: UInt64 = 42

  public init() {}

  /// Whether the most likely token is always taken.
  public var isGreedy: Bool { temperature == 0 }
}

/// A step from the model's logits to those that a token is sampled from, listed in the order of
/// application; named after its setting in transformers' `generate`.
public enum LogitsProcessor: String, CaseIterable, Sendable {
  case repetitionPenalty = "repetition_penalty"
  case noRepeatNGram = "no_repeat_ngram_size"
  case badWords = "bad_words_ids"
  case minimumLength = "min_length"
  case minimumNewTokens = "min_new_tokens"
  case suppressedTokens = "suppress_tokens"
  case beginSuppressedTokens = "begin_suppress_tokens"
  case temperature = "temperature"
  case topK = "top_k"
  case topP = "top_p"
  case minP = "min_p"
  case typicalP = "typical_p"

  /// Whether `settings` ask for it; greedy sampling needs no processor that only thins out or
  /// rescales.
  func isActive(in settings: SamplingSettings) -> Bool {
    switch self {
    case .repetitionPenalty: settings.repetitionPenalty != 1
    case .noRepeatNGram: settings.noRepeatNGram > 0
    case .badWords: !settings.badWords.isEmpty
    case .minimumLength: settings.minimumLength > 0
    case .minimumNewTokens: settings.minimumNewTokens > 0
    case .suppressedTokens: !settings.suppressedTokens.isEmpty
    case .beginSuppressedTokens: !settings.beginSuppressedTokens.isEmpty
    case .temperature: !settings.isGreedy && settings.temperature != 1
    case .topK: !settings.isGreedy && settings.topK > 0
    case .topP: !settings.isGreedy && settings.topP < 1
    case .minP: !settings.isGreedy && settings.minP > 0
    case .typicalP: !settings.isGreedy && settings.typicalP < 1
    }
  }
}
