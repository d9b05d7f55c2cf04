import JSONSupport
import TensorKernels

/// A token that was sampled.
public struct SampledToken: Equatable, Sendable {
  public var token: Int32
  /// The natural logarithm of the token's probability according to the model alone: the softmax of
  /// its logits before any of the processors.
  public var logProbability: Float

  public init(token: Int32, logProbability: Float) {
    self.token = token
    self.logProbability = logProbability
  }
}

/// Why no token could be sampled.
public enum SamplingError: Error, CustomStringConvertible {
  /// The model's logits are not finite.
  case notFinite
  /// The settings rule out every token.
  case nothingLeft
  /// The temperature or the repetition penalty makes logits exceed the range of floats.
  case tooLarge

  public var description: String {
    switch self {
    case .notFinite:
      "the model's logits are not finite: its weights are damaged, or its training diverged"
    case .nothingLeft:
      "the options that forbid tokens rule out every token; loosen them"
    case .tooLarge:
      "the temperature or the repetition penalty makes the logits too large to compute with; a "
        + "temperature of 0 always takes the most likely token"
    }
  }
}

/// Samples tokens, each from the logits that the model outputs.
///
/// A sampler keeps memory from token to token but no state: texts may share one.
public struct TokenSampler: Sendable {
  /// The steps that the logits go through, in this order.
  public let processors: [LogitsProcessor]
  private let settings: SamplingSettings
  private let endOfText: [Int32]
  private var candidates: CandidateTokens

  /// A sampler over `vocabulary` tokens, of which those in `endOfText` end a text.
  ///
  /// Tokens of the settings that the vocabulary does not have are ignored.
  public init(_ settings: SamplingSettings, endOfText: Set<Int32>, vocabulary: Int) {
    let tokens = 0..<Int32(vocabulary)
    var settings = settings
    self.endOfText = endOfText.filter(tokens.contains).sorted()
    settings.badWords.removeAll { word in
      word.isEmpty || !word.allSatisfy(tokens.contains)
        || word.count == 1 && endOfText.contains(word[0])
    }
    settings.suppressedTokens.removeAll { !tokens.contains($0) }
    settings.beginSuppressedTokens.removeAll {
      !tokens.contains($0) || endOfText.contains($0)
    }
    if !settings.allowsEndOfText { settings.suppressedTokens += self.endOfText }
    if self.endOfText.isEmpty { (settings.minimumLength, settings.minimumNewTokens) = (0, 0) }
    self.settings = settings
    processors = LogitsProcessor.allCases.filter { $0.isActive(in: settings) }
    candidates = CandidateTokens(vocabulary: vocabulary)
  }

  /// Samples the token after `text`.
  ///
  /// - Parameters:
  ///   - logits: `[vocabulary]`, what the model outputs for the position after `text`.
  ///   - text: the tokens so far, beginning with the prompt.
  ///   - promptCount: how many of them are the prompt.
  ///   - beginsWord: whether the token must begin a word, because it follows a whole prompt.
  ///   - generator: yields one number, or none if sampling is greedy.
  /// - Returns: the token and its log-probability.
  /// - Throws: ``SamplingError`` if there is no token to sample.
  public mutating func sample(
    _ logits: Span<Float>, text: [Int32], promptCount: Int, beginsWord: Bool = false,
    _ generator: inout PhiloxGenerator
  ) throws(SamplingError) -> SampledToken {
    let logSumExp = LogitKernels.logSumExp(logits)
    // If all logits are −∞, so is the sum; that is not the fault of the weights.
    guard logSumExp < .infinity else { throw .notFinite }
    candidates.load(logits)
    for processor in processors where beginsWord || processor != .beginSuppressedTokens {
      apply(processor, original: logits, text: text, promptCount: promptCount)
    }
    let sampled =
      settings.isGreedy ? candidates.mostLikely() : candidates.draw(generator.nextUnit())
    guard let token = sampled else { throw candidates.hasOverflowed ? .tooLarge : .nothingLeft }
    return SampledToken(
      token: token, logProbability: Float(Double(logits[Int(token)]) - logSumExp))
  }

  /// The logits of all tokens after each of ``processors``, −∞ for tokens that are ruled out.
  ///
  /// The parameters are those of ``sample(_:text:promptCount:beginsWord:_:)``.
  public mutating func logitsAfterProcessors(
    _ logits: Span<Float>, text: [Int32], promptCount: Int, beginsWord: Bool = false
  ) -> [(processor: LogitsProcessor, logits: [Float])] {
    candidates.load(logits)
    var steps: [(processor: LogitsProcessor, logits: [Float])] = []
    for processor in processors where beginsWord || processor != .beginSuppressedTokens {
      apply(processor, original: logits, text: text, promptCount: promptCount)
      steps.append((processor, candidates.logitsOfAll()))
    }
    return steps
  }

  private mutating func apply(
    _ processor: LogitsProcessor, original: Span<Float>, text: [Int32], promptCount: Int
  ) {
    switch processor {
    case .repetitionPenalty:
      // This is the first step, so the original logits are those before it.
      TokenRules.penalizeRepetition(
        &candidates.logits, from: original, text: text, penalty: settings.repetitionPenalty)
    case .noRepeatNGram:
      TokenRules.ruleOutRepeatedNGrams(
        &candidates.logits, text: text, length: settings.noRepeatNGram)
    case .badWords:
      TokenRules.ruleOutCompletions(&candidates.logits, of: settings.badWords, text: text)
    case .minimumLength:
      if text.count < settings.minimumLength { TokenRules.ruleOut(&candidates.logits, endOfText) }
    case .minimumNewTokens:
      if text.count - promptCount < settings.minimumNewTokens {
        TokenRules.ruleOut(&candidates.logits, endOfText)
      }
    case .suppressedTokens: TokenRules.ruleOut(&candidates.logits, settings.suppressedTokens)
    case .beginSuppressedTokens:
      TokenRules.ruleOut(&candidates.logits, settings.beginSuppressedTokens)
    case .temperature: candidates.divide(by: settings.temperature)
    case .topK: candidates.keepTop(settings.topK)
    case .topP: candidates.keepNucleus(settings.topP)
    case .minP: candidates.keep(ofAtLeast: settings.minP)
    case .typicalP: candidates.keepTypical(settings.typicalP)
    }
  }
}

/// The logits, `[vocabulary]`, of the token that follows a prompt.
public struct NextTokenLogits {
  public let prompt: [Int32]
  /// The logits as the model outputs them.
  public let model: [Float]
  /// The logits after each of the processors that the settings ask for, −∞ for tokens that are ruled
  /// out.
  public let processed: [(processor: LogitsProcessor, logits: [Float])]

  /// All of it as an object, null for tokens that are ruled out: JSON has no infinity.
  public var json: JSONValue {
    func array(_ logits: [Float]) -> JSONValue {
      .array(logits.map { $0 == -.infinity ? .null : .number(Double($0)) })
    }
    return [
      "prompt_ids": .array(prompt.map { .integer(Int($0)) }),
      "logits": array(model),
      "processed": .array(
        processed.map { ["processor": .string($0.processor.rawValue), "logits": array($0.logits)] }),
    ]
  }
}
