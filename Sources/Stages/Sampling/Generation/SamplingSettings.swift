/// How the next token is chosen from the logits, as transformers' `generate` has it, and where a text
/// ends.
public struct SamplingSettings: Equatable, Sendable {
  /// What logits are divided by; 0 always takes the most likely token.
  public var temperature: Float = 1
  /// Only the k most likely tokens are left; 0: all.
  public var topK = 50
  /// Only the most likely tokens that together reach this probability are left; 1: all.
  public var topP = 1.0
  /// Only tokens of at least this share of the most likely one's probability are left; 0: all.
  public var minP = 0.0
  /// Only the tokens whose surprise is nearest to what is expected and that together reach this
  /// probability are left; 1: all.
  public var typicalP = 1.0
  /// What the logits of tokens that stand in the text already are divided by; 1: nothing.
  public var repetitionPenalty: Float = 1
  /// No run of so many tokens stands twice in a text, the prompt counted; 0: any may.
  public var noRepeatNGram = 0
  /// Sequences of tokens that are never completed; a sequence of one end-of-text token is passed over.
  public var badWords: [[Int32]] = []
  /// The length in tokens before which a text does not end by itself, the prompt counted.
  public var minimumLength = 0
  /// How many tokens after the prompt are written before a text ends by itself.
  public var minimumNewTokens = 0
  /// Tokens that are never chosen.
  public var suppressedTokens: [Int32] = []
  /// Whether the tokens that end a text may be chosen.
  public var allowsEndOfText = true
  /// The length in tokens at which a text is cut off, the prompt counted.
  public var maximumLength = 200
  /// Decides the draws.
  public var seed: UInt64 = 42

  public init() {}

  /// Whether the most likely token is always taken.
  public var isGreedy: Bool { temperature == 0 }
}
