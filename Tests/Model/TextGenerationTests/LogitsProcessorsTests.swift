import Foundation
import Testing
import TextGeneration

@Suite("Logits processors")
struct LogitsProcessorsTests {
  /// The tokens that are not ruled out.
  private func left(_ logits: [Float]) -> [Int] {
    logits.indices.filter { logits[$0] > -.infinity }
  }

  // MARK: - Repetition

  @Test("each token seen is made less likely once, whichever sign its logit has")
  func repetition() {
    #expect(
      processed([3, -3, 0, 5, 1], text: [0, 1, 0, 0, 2]) { $0.repetitionPenalty = 1.5 }
        == [2, -4.5, 0, 5, 1])
    #expect(processed([3, -3], text: [0, 1]) { $0.repetitionPenalty = 1 } == [3, -3])
    #expect(processed([3, -3], text: []) { $0.repetitionPenalty = 2 } == [3, -3])
    #expect(processed([3, -3], text: [0, 1]) { $0.repetitionPenalty = 0.5 } == [6, -1.5])
  }

  @Test(
    "no run of n tokens stands twice, not even where it overlaps with itself",
    arguments: [
      (1, [0, 1, 0], [2, 3]), (2, [0, 1, 0], [0, 2, 3]), (2, [0, 1, 0, 2, 0], [0, 3]),
      (2, [3, 3], [0, 1, 2]), (2, [0, 1], [0, 1, 2, 3]), (3, [0, 1, 2, 0, 1], [0, 1, 3]),
      (3, [0, 1, 2, 1, 1], [0, 1, 2, 3]), (3, [2, 2, 2], [0, 1, 3]), (3, [0], [0, 1, 2, 3]),
      (3, [0, 1], [0, 1, 2, 3]), (1, [], [0, 1, 2, 3]), (2, [1], [0, 1, 2, 3]),
    ] as [(Int, [Int32], [Int])])
  func nGrams(length: Int, text: [Int32], expected: [Int]) {
    #expect(left(processed([1, 2, 3, 4], text: text) { $0.noRepeatNGram = length }) == expected)
  }

  // MARK: - What is never written

  @Test(
    "a bad word is not completed, one of a single token not begun",
    arguments: [
      ([], [0, 2, 3]), ([3], [0, 2, 3]), ([0], [0, 3]), ([0, 2], [0, 2]), ([2], [0, 2, 3]),
      ([1, 0, 2], [0, 2]), ([0, 0], [0, 3]),
    ] as [([Int32], [Int])])
  func badWords(text: [Int32], expected: [Int]) {
    let logits = processed([1, 2, 3, 4], text: text, endOfText: [3]) {
      // The end of a text is not a bad word, nor are tokens that are not in the vocabulary.
      $0.badWords = [[1], [0, 2], [0, 2, 3], [3], [], [4], [0, 7]]
    }
    #expect(left(logits) == expected)
  }

  @Test("a text does not end before the least length, the prompt counted, or its new tokens")
  func minimumLengths() {
    func canEnd(_ count: Int, prompt: Int, _ change: (inout SamplingSettings) -> Void) -> Bool {
      let text = [Int32](repeating: 0, count: count)
      let logits = processed(
        [1, 2, 3, 4], text: text, promptCount: prompt, endOfText: [1, 3], change)
      #expect([[0, 2], [0, 1, 2, 3]].contains(left(logits)))
      return left(logits).contains(1)
    }
    #expect(!canEnd(4, prompt: 4) { $0.minimumLength = 5 })
    #expect(canEnd(5, prompt: 4) { $0.minimumLength = 5 })
    #expect(!canEnd(5, prompt: 4) { $0.minimumNewTokens = 2 })
    #expect(canEnd(6, prompt: 4) { $0.minimumNewTokens = 2 })
    #expect(
      !canEnd(6, prompt: 4) {
        $0.minimumNewTokens = 2
        $0.minimumLength = 7
      })
  }

  @Test("suppressed tokens are ruled out, and the end of a text where it is not allowed")
  func suppressed() {
    let some = processed([1, 2, 3, 4], endOfText: [3]) { $0.suppressedTokens = [1, 9, -1] }
    #expect(left(some) == [0, 2, 3])
    #expect(left(processed([1, 2, 3], endOfText: [0, 2]) { $0.allowsEndOfText = false }) == [1])
    #expect(left(processed([1, 2, 3]) { $0.allowsEndOfText = false }) == [0, 1, 2])
  }

  // MARK: - What is likely

  @Test("logits are divided by the temperature")
  func temperature() {
    #expect(processed([3, -1, -.infinity]) { $0.temperature = 2 } == [1.5, -0.5, -.infinity])
  }

  @Test(
    "the largest are left, with all that tie with the smallest of them",
    arguments: [
      (1, [-.infinity, 4, -.infinity, -.infinity, -.infinity]),
      (2, [2, 4, -.infinity, 2, -.infinity]),
      (3, [2, 4, -.infinity, 2, -.infinity]),
      (4, [2, 4, -1, 2, -.infinity]),
      (5, [2, 4, -1, 2, -3]),
      (9, [2, 4, -1, 2, -3]),
      (0, [2, 4, -1, 2, -3]),
    ] as [(Int, [Float])])
  func top(count: Int, expected: [Float]) {
    #expect(processed([2, 4, -1, 2, -3]) { $0.topK = count } == expected)
  }

  @Test("0 and -0 tie")
  func zeros() {
    #expect(left(processed([-0, 1, 0, -1]) { $0.topK = 2 }) == [0, 1, 2])
    #expect(left(processed([0, 1, -0, -1]) { $0.topK = 2 }) == [0, 1, 2])
  }

  /// Which tokens of probability 0.15, 0.5, 0.05, 0.3 are left.
  @Test(
    "the most likely tokens that reach the probability are left, one at least",
    arguments: [
      (1, [0, 1, 2, 3]), (0.96, [0, 1, 2, 3]), (0.94, [0, 1, 3]), (0.81, [0, 1, 3]),
      (0.79, [1, 3]), (0.51, [1, 3]), (0.49, [1]), (0.001, [1]), (0, [1]),
    ] as [(Double, [Int])])
  func nucleus(probability: Double, expected: [Int]) {
    let all = ([0.15, 0.5, 0.05, 0.3] as [Float]).map { log($0) + 3 }
    let logits = processed(all) { $0.topP = probability }
    #expect(left(logits) == expected)
    for index in expected { #expect(logits[index] == all[index]) }
  }

  @Test("of tokens that tie at the edge of the nucleus, those of higher ids are left")
  func nucleusTies() {
    #expect(left(processed([1, 1, 1, 1]) { $0.topP = 0.5 }) == [2, 3])
    #expect(left(processed([1, 1, 1, 1]) { $0.topP = 0.51 }) == [1, 2, 3])
    #expect(left(processed([1, 1, 1, 1]) { $0.topP = 0 }) == [3])
  }

  @Test("tokens already ruled out stay so")
  func nucleusAfterTop() {
    #expect(processed([1, -.infinity, 1, 0]) { $0.topP = 0.8 } == [1, -.infinity, 1, -.infinity])
    let both = processed([1, -2, 1, 0]) {
      $0.topK = 3
      $0.topP = 0.8
    }
    #expect(both == [1, -.infinity, 1, -.infinity])
  }

  @Test(
    "tokens of a fraction of the largest probability are left",
    arguments: [
      (0, [0, 1, 2, 3]), (0.09, [0, 1, 2, 3]), (0.11, [0, 1, 3]), (0.29, [0, 1, 3]),
      (0.31, [1, 3]), (0.61, [1]), (1, [1]),
    ] as [(Double, [Int])])
  func minP(fraction: Double, expected: [Int]) {
    let all = ([0.15, 0.5, 0.05, 0.3] as [Float]).map { log($0) - 8 }
    #expect(left(processed(all) { $0.minP = fraction }) == expected)
    #expect(left(processed([2, 2, 1]) { $0.minP = 1 }) == [0, 1])
  }

  /// The entropy of 0.15, 0.5, 0.05, 0.3 is 1.142; their surprises are 1.897, 0.693, 2.996, 1.204.
  @Test(
    "tokens of about the expected surprise are left",
    arguments: [
      (0.01, [3]), (0.29, [3]), (0.31, [1, 3]), (0.79, [1, 3]), (0.81, [0, 1, 3]),
      (0.94, [0, 1, 3]), (0.96, [0, 1, 2, 3]), (1, [0, 1, 2, 3]),
    ] as [(Double, [Int])])
  func typical(probability: Double, expected: [Int]) {
    let all = ([0.15, 0.5, 0.05, 0.3] as [Float]).map { log($0) + 1 }
    #expect(left(processed(all) { $0.typicalP = probability }) == expected)
    #expect(left(processed([0, -.infinity, 0]) { $0.typicalP = 0.1 }) == [0, 2])
  }
}
