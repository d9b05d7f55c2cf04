import Foundation

/// How the next token is chosen from the logits, as transformers' `generate` has it.
public struct SamplingSettings: Equatable, Sendable {
  /// What logits are divided by; 0 always takes the most likely token.
  public var temperature: Float = 1
  /// Only the k most likely tokens are left; 0: all.
  public var topK = 50
  /// Only the most likely tokens that together reach this probability are left; 1: all.
  public var topP: Float = 1
  /// What the logits of tokens that stand in the text already are divided by; 1: nothing.
  public var repetitionPenalty: Float = 1
  /// The length in tokens at which a text is cut off, the prompt counted.
  public var maximumLength = 200
  /// Decides the draws.
  public var seed: UInt64 = 42

  public init() {}

  /// Whether the most likely token is always taken.
  public var isGreedy: Bool { temperature == 0 }
}

/// Makes the repetition of any token in `seen` less likely: once for each distinct token, a
/// positive logit is divided by `penalty`, a negative one multiplied (Keskar and others 2019, CTRL).
public func penalizeRepetition(_ logits: inout [Float], seen: some Sequence<Int32>, penalty: Float)
{
  guard penalty != 1 else { return }
  for token in Set(seen) {
    let logit = logits[Int(token)]
    logits[Int(token)] = logit < 0 ? logit * penalty : logit / penalty
  }
}

/// Leaves the `count` largest logits, and all that equal the smallest of them; −∞ for the rest.
public func keepTop(_ logits: inout [Float], count: Int) {
  guard count > 0, count < logits.count else { return }
  let threshold = logits.sorted(by: >)[count - 1]
  for index in logits.indices where logits[index] < threshold { logits[index] = -.infinity }
}

/// Leaves the most likely tokens that together reach `probability`, at least one; −∞ for the rest
/// (Holtzman and others 2020, nucleus sampling).
public func keepNucleus(_ logits: inout [Float], probability: Float) {
  guard probability < 1 else { return }
  let probabilities = softmax(logits)
  let ascending = logits.indices.sorted { probabilities[$0] < probabilities[$1] }
  var mass: Float = 0
  for index in ascending.dropLast() {
    mass += probabilities[index]
    guard mass <= 1 - probability else { return }
    logits[index] = -.infinity
  }
}

/// The probabilities that belong to `logits`.
public func softmax(_ logits: [Float]) -> [Float] {
  let maximum = logits.max() ?? 0
  let exponentials = logits.map { exp($0 - maximum) }
  let sum = exponentials.reduce(0, +)
  return exponentials.map { $0 / sum }
}
