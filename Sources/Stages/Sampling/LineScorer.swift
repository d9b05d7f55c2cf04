import BytePairEncoding
import GPT2
import Glibc
import TextGeneration

/// Computes how probable lines of text are to a model, each as a post of its own.
///
/// In training, a post comes after the end-of-text token of the previous one and ends with another.
/// So for a line of n tokens, n + 1 are scored: its tokens, the first of which follows an end of
/// text, and its end.
public struct LineScorer {
  /// The score of a line, or of several lines together.
  public struct Score: Equatable, Sendable {
    /// How many tokens were scored: those of the line, and its end unless it is cut off.
    public var tokens = 0
    /// The natural logarithm of the probability of all of them.
    public var logProbability = 0.0
    /// How many tokens, including its end, the line has beyond the model's context; they are not
    /// scored.
    public var tokensCutOff = 0

    /// The number of bytes of text of the tokens scored; the end of a line has none.
    public var bytes = 0

    public init() {}

    /// The mean of the logarithms, which is the negative loss.
    public var meanLogProbability: Double {
      tokens == 0 ? 0 : logProbability / Double(tokens)
    }

    /// exp of the loss.
    public var perplexity: Double { exp(-meanLogProbability) }

    /// The bits that the model needs for each byte of the text; `nil` without text.
    ///
    /// Unlike the others, it can be compared between vocabularies.
    public var bitsPerByte: Double? {
      bytes == 0 ? nil : -logProbability / log(2) / Double(bytes)
    }

    /// Adds the tokens of another line.
    public static func += (sum: inout Score, score: Score) {
      sum.tokens += score.tokens
      sum.logProbability += score.logProbability
      sum.bytes += score.bytes
      sum.tokensCutOff += score.tokensCutOff
    }
  }

  private var encoder: Encoder
  private let tokenizer: Tokenizer
  private let keepsCase: Bool
  private let endOfText: Int32
  private let contextLength: Int
  private let pass: InferencePass

  /// The number of positions whose logits are in memory at once.
  private static let rows = 128

  public init(_ model: InferenceModel, _ tokenizer: Tokenizer, endOfText: Int32, keepsCase: Bool) {
    encoder = Encoder(tokenizer)
    self.tokenizer = tokenizer
    self.endOfText = endOfText
    self.keepsCase = keepsCase
    contextLength = model.configuration.contextLength
    pass = InferencePass(model, capacity: contextLength, sequences: Self.rows)
  }

  /// The scores of `lines`, in order.
  ///
  /// - Throws: ``SamplingError/notFinite``.
  public mutating func scores(of lines: [String]) throws -> [Score] {
    var scores: [Score] = []
    let sequences = try lines.map { line in
      let ids = try encoder.encode(keepsCase ? line : line.uppercased())
      let tokens = [endOfText] + ids.map { Int32(truncatingIfNeeded: $0) } + [endOfText]
      var score = Score()
      score.tokens = min(tokens.count - 1, contextLength)
      score.tokensCutOff = tokens.count - 1 - score.tokens
      score.bytes = ids.prefix(score.tokens).reduce(0) { $0 + tokenizer.bytes(of: $1).count }
      scores.append(score)
      return Array(tokens.prefix(score.tokens + 1))
    }
    for (index, sum) in pass.logProbabilities(of: sequences).enumerated() {
      guard sum.isFinite else { throw SamplingError.notFinite }
      scores[index].logProbability = sum
    }
    return scores
  }
}
