import Foundation
import TensorKernels

/// A token that was chosen.
public struct Choice: Equatable, Sendable {
  public var token: Int32
  /// The natural logarithm of the token's probability by the model alone: the softmax of its logits
  /// before any of the processors.
  public var logProbability: Float

  public init(token: Int32, logProbability: Float) {
    self.token = token
    self.logProbability = logProbability
  }
}

/// Why no token could be chosen.
public enum ChoiceError: Error, CustomStringConvertible {
  /// The model's logits are not finite.
  case notNumbers
  /// The settings rule out every token.
  case nothingLeft
  /// The temperature or the repetition penalty makes logits larger than numbers go.
  case tooLarge

  public var description: String {
    switch self {
    case .notNumbers:
      "the model's logits are not numbers: its weights are damaged, or its training diverged"
    case .nothingLeft:
      "the settings of what must not be written rule out every token; loosen them"
    case .tooLarge:
      "temperature or repetition penalty make the logits larger than numbers go; a temperature of "
        + "0 always takes the most likely token"
    }
  }
}

/// Chooses the tokens of one text, each from the logits that the model gives.
///
/// A chooser keeps its memory from token to token and shares nothing with others.
public struct TokenChooser: Sendable {
  /// What is done to the logits, in this order.
  public let processors: [LogitsProcessor]
  private let settings: SamplingSettings
  private let endOfText: [Int32]
  private var candidates: CandidateTokens

  /// A chooser among `vocabulary` tokens, of which those in `endOfText` end a text.
  ///
  /// Tokens of the settings that the vocabulary does not have are passed over.
  public init(_ settings: SamplingSettings, endOfText: Set<Int32>, vocabulary: Int) {
    let tokens = 0..<Int32(vocabulary)
    var settings = settings
    self.endOfText = endOfText.filter(tokens.contains).sorted()
    settings.badWords.removeAll { word in
      word.isEmpty || !word.allSatisfy(tokens.contains)
        || word.count == 1 && endOfText.contains(word[0])
    }
    settings.suppressedTokens.removeAll { !tokens.contains($0) }
    if !settings.allowsEndOfText { settings.suppressedTokens += self.endOfText }
    if self.endOfText.isEmpty { (settings.minimumLength, settings.minimumNewTokens) = (0, 0) }
    self.settings = settings
    processors = LogitsProcessor.allCases.filter { $0.isActive(in: settings) }
    candidates = CandidateTokens(vocabulary: vocabulary)
  }

  /// Chooses the token after `text`.
  ///
  /// - Parameters:
  ///   - logits: `[vocabulary]`, what the model gives for the place behind `text`.
  ///   - text: the tokens so far, the prompt among them.
  ///   - promptCount: how many of them are the prompt.
  ///   - generator: gives one number, none if the choice is greedy.
  /// - Returns: the token and its log-probability.
  /// - Throws: ``ChoiceError``, if there is none to choose.
  public mutating func choose(
    _ logits: UnsafeBufferPointer<Float>, text: [Int32], promptCount: Int,
    _ generator: inout PhiloxGenerator
  ) throws(ChoiceError) -> Choice {
    let logOfSum = Self.logOfSumOfExponentials(logits)
    // That of logits that are all −∞ is −∞; so it is not the weights.
    guard logOfSum < .infinity else { throw .notNumbers }
    candidates.load(logits)
    for processor in processors {
      apply(processor, original: logits, text: text, promptCount: promptCount)
    }
    let token = try settings.isGreedy ? mostLikely() : draw(generator.nextUnit())
    return Choice(
      token: token, logProbability: Float(Double(logits[Int(token)]) - logOfSum))
  }

  /// The logits of all tokens after each of ``processors``, −∞ for tokens that are ruled out.
  ///
  /// The parameters are those of ``choose(_:text:promptCount:_:)``.
  public mutating func logitsAfterProcessors(
    _ logits: UnsafeBufferPointer<Float>, text: [Int32], promptCount: Int
  ) -> [(processor: LogitsProcessor, logits: [Float])] {
    candidates.load(logits)
    return processors.map { processor in
      apply(processor, original: logits, text: text, promptCount: promptCount)
      return (processor, candidates.logitsOfAll())
    }
  }

  private mutating func apply(
    _ processor: LogitsProcessor, original: UnsafeBufferPointer<Float>, text: [Int32],
    promptCount: Int
  ) {
    switch processor {
    case .repetitionPenalty:
      // The first of all, so that the original logits are those before it.
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
    case .temperature: candidates.divide(by: settings.temperature)
    case .topK: candidates.keepTop(settings.topK)
    case .topP: candidates.keepNucleus(settings.topP)
    case .minP: candidates.keep(ofAtLeast: settings.minP)
    case .typicalP: candidates.keepTypical(settings.typicalP)
    }
  }

  private func mostLikely() throws(ChoiceError) -> Int32 {
    guard let token = candidates.mostLikely() else { throw .nothingLeft }
    return token
  }

  private mutating func draw(_ unit: Double) throws(ChoiceError) -> Int32 {
    guard let token = candidates.draw(unit) else {
      throw candidates.hasOverflowed ? .tooLarge : .nothingLeft
    }
    return token
  }

  private static func logOfSumOfExponentials(_ logits: UnsafeBufferPointer<Float>) -> Double {
    let maximum = LogitKernels.largest(logits)
    if maximum == -.infinity { return logits.allSatisfy { $0 == maximum } ? -.infinity : .nan }
    return Double(maximum) + log(LogitKernels.sumOfExponentials(logits, maximum: maximum))
  }
}

/// The index at which the running sum of `probabilities` passes `unit`, which is from 0 to below 1.
///
/// The probabilities are not negative and at least one is above 0; their sum need not be 1.
package func draw(_ probabilities: UnsafeBufferPointer<Float>, _ unit: Double) -> Int {
  let stretch = 256
  var rest = unit * LogitKernels.sum(probabilities)
  var last = 0
  for start in stride(from: 0, to: probabilities.count, by: stretch) {
    let part = UnsafeBufferPointer(
      rebasing: probabilities[start..<min(start + stretch, probabilities.count)])
    let sum = LogitKernels.sum(part)
    if rest >= sum {
      rest -= sum
      if sum > 0 { last = start + (part.lastIndex { $0 > 0 } ?? 0) }
      continue
    }
    for (index, probability) in part.enumerated() where probability > 0 {
      last = start + index
      rest -= Double(probability)
      if rest < 0 { break }
    }
    // A sum in another order may leave a rest of some 1e-9.
    return last
  }
  return last
}
