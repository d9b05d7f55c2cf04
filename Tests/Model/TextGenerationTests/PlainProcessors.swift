import Foundation
import TextGeneration

// The sampling of a token as its definitions read, with whole sorts and in double precision.

func penalizeRepetition(_ logits: inout [Float], seen: some Sequence<Int32>, penalty: Float) {
  for token in Set(seen) {
    let logit = logits[Int(token)]
    logits[Int(token)] = logit < 0 ? logit * penalty : logit / penalty
  }
}

func ruleOutRepeatedNGrams(_ logits: inout [Float], text: [Int32], length: Int) {
  let runs = text.indices.dropLast(length - 1).map { Array(text[$0..<$0 + length]) }
  for token in logits.indices where runs.contains(text.suffix(length - 1) + [Int32(token)]) {
    logits[token] = -.infinity
  }
}

func ruleOutCompletions(_ logits: inout [Float], of words: [[Int32]], text: [Int32]) {
  for token in logits.indices {
    let longer = text + [Int32(token)]
    if words.contains(where: { longer.suffix($0.count) == $0[...] }) { logits[token] = -.infinity }
  }
}

func keepTop(_ logits: inout [Float], count: Int) {
  guard count > 0, count < logits.count else { return }
  let threshold = logits.sorted(by: >)[count - 1]
  for index in logits.indices where logits[index] < threshold { logits[index] = -.infinity }
}

func keepNucleus(_ logits: inout [Float], probability: Double) {
  let probabilities = softmax(logits)
  let ascending = logits.indices.sorted { (logits[$0], $0) < (logits[$1], $1) }
  var mass = 0.0
  for index in ascending.dropLast() {
    mass += Double(probabilities[index])
    guard Float(mass) <= Float(1 - probability) else { return }
    logits[index] = -.infinity
  }
}

func keep(_ logits: inout [Float], ofAtLeast fraction: Float) {
  let probabilities = softmax(logits)
  let limit = (probabilities.max() ?? 0) * fraction
  for index in logits.indices where probabilities[index] < limit { logits[index] = -.infinity }
}

func keepTypical(_ logits: inout [Float], probability: Double) {
  let probabilities = softmax(logits)
  let surprises = probabilities.map { -log(Double($0)) }
  let entropy = zip(probabilities, surprises).reduce(0) {
    $1.0 > 0 ? $0 + Double($1.0) * $1.1 : $0
  }
  let distances = surprises.map { abs($0 - entropy) }
  var mass = 0.0
  var limit = Double.infinity
  for index in logits.indices.sorted(by: { distances[$0] < distances[$1] }) {
    mass += Double(probabilities[index])
    if mass >= probability {
      limit = distances[index]
      break
    }
  }
  for index in logits.indices where distances[index] > limit * (1 + 1e-6) {
    logits[index] = -.infinity
  }
}

/// The probabilities that belong to `logits`.
func softmax(_ logits: [Float]) -> [Float] {
  let maximum = Double(logits.max() ?? 0)
  let exponentials = logits.map { exp(Double($0) - maximum) }
  let sum = exponentials.reduce(0, +)
  return exponentials.map { Float($0 / sum) }
}

/// The logits of all tokens after each step that `settings` ask for, in transformers' order.
func plainSteps(
  _ original: [Float], text: [Int32], promptCount: Int, endOfText: Set<Int32>,
  _ settings: SamplingSettings
) -> [(LogitsProcessor, [Float])] {
  var logits = original
  var steps: [(LogitsProcessor, [Float])] = []
  func step(_ processor: LogitsProcessor, if isActive: Bool, _ change: (inout [Float]) -> Void) {
    guard isActive else { return }
    change(&logits)
    steps.append((processor, logits))
  }
  func ruleOut(_ tokens: some Sequence<Int32>) -> (inout [Float]) -> Void {
    { for token in tokens { $0[Int(token)] = -.infinity } }
  }
  let words = settings.badWords.filter { $0.count > 1 || !endOfText.contains($0[0]) }
  let suppressed = settings.suppressedTokens + (settings.allowsEndOfText ? [] : Array(endOfText))
  let samples = settings.temperature > 0
  step(.repetitionPenalty, if: settings.repetitionPenalty != 1) {
    penalizeRepetition(&$0, seen: text, penalty: settings.repetitionPenalty)
  }
  step(.noRepeatNGram, if: settings.noRepeatNGram > 0) {
    ruleOutRepeatedNGrams(&$0, text: text, length: settings.noRepeatNGram)
  }
  step(.badWords, if: !words.isEmpty) { ruleOutCompletions(&$0, of: words, text: text) }
  step(.minimumLength, if: settings.minimumLength > 0 && !endOfText.isEmpty) {
    if text.count < settings.minimumLength { ruleOut(endOfText)(&$0) }
  }
  step(.minimumNewTokens, if: settings.minimumNewTokens > 0 && !endOfText.isEmpty) {
    if text.count - promptCount < settings.minimumNewTokens { ruleOut(endOfText)(&$0) }
  }
  step(.suppressedTokens, if: !suppressed.isEmpty, ruleOut(suppressed))
  step(.temperature, if: samples && settings.temperature != 1) {
    $0 = $0.map { $0 / settings.temperature }
  }
  step(.topK, if: samples && settings.topK > 0) { keepTop(&$0, count: settings.topK) }
  step(.topP, if: samples && settings.topP < 1) { keepNucleus(&$0, probability: settings.topP) }
  step(.minP, if: samples && settings.minP > 0) { keep(&$0, ofAtLeast: Float(settings.minP)) }
  step(.typicalP, if: samples && settings.typicalP < 1) {
    keepTypical(&$0, probability: settings.typicalP)
  }
  return steps
}
