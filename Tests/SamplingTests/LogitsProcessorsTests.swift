import Foundation
import Sampling
import Testing

@Suite("Logits processors")
struct LogitsProcessorsTests {
  private func processed(_ logits: [Float], _ process: (inout [Float]) -> Void) -> [Float] {
    var logits = logits
    process(&logits)
    return logits
  }

  private func expectClose(
    _ values: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    #expect(
      zip(values, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(values) is not \(expected)",
      sourceLocation: sourceLocation)
  }

  // MARK: - Repetition

  @Test("each token seen is made less likely once, whichever sign its logit has")
  func repetition() {
    let logits = processed([3, -3, 0, 5, 1]) {
      penalizeRepetition(&$0, seen: [0, 1, 0, 0, 2], penalty: 1.5)
    }
    #expect(logits == [2, -4.5, 0, 5, 1])
    #expect(processed([3, -3]) { penalizeRepetition(&$0, seen: [0, 1], penalty: 1) } == [3, -3])
    #expect(processed([3, -3]) { penalizeRepetition(&$0, seen: [], penalty: 2) } == [3, -3])
    #expect(
      processed([3, -3]) { penalizeRepetition(&$0, seen: [0, 1], penalty: 0.5) } == [6, -1.5])
  }

  // MARK: - Top k

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
    #expect(processed([2, 4, -1, 2, -3]) { keepTop(&$0, count: count) } == expected)
  }

  // MARK: - Nucleus

  /// Which tokens of probability 0.15, 0.5, 0.05, 0.3 are left.
  @Test(
    "the most likely tokens that reach the probability are left, one at least",
    arguments: [
      (1, [0, 1, 2, 3]), (0.96, [0, 1, 2, 3]), (0.94, [0, 1, 3]), (0.81, [0, 1, 3]),
      (0.79, [1, 3]), (0.51, [1, 3]), (0.49, [1]), (0.001, [1]), (0, [1]),
    ] as [(Float, [Int])])
  func nucleus(probability: Float, left: [Int]) {
    let all = ([0.15, 0.5, 0.05, 0.3] as [Float]).map { log($0) + 3 }
    let logits = processed(all) { keepNucleus(&$0, probability: probability) }
    #expect(logits.indices.filter { logits[$0] > -.infinity } == left)
    for index in left { #expect(logits[index] == all[index]) }
  }

  @Test("tokens already ruled out stay so")
  func nucleusAfterTop() {
    let logits = processed([1, -.infinity, 1, 0]) { keepNucleus(&$0, probability: 0.8) }
    #expect(logits == [1, -.infinity, 1, -.infinity])
  }

  // MARK: - Softmax and draw

  @Test("probabilities sum to 1, however large the logits")
  func probabilities() {
    expectClose(softmax([0, log(3)]), [0.25, 0.75])
    expectClose(softmax([1000, 1000, -1000, -.infinity]), [0.5, 0.5, 0, 0])
    expectClose(softmax([-5000]), [1])
  }

  @Test(
    "a draw falls where the running sum passes it, never on an impossible token",
    arguments: [
      (0, 1), (0.2499, 1), (0.2501, 2), (0.7499, 2), (0.7501, 4), (1.0.nextDown, 4),
    ])
  func drawing(unit: Double, token: Int) {
    #expect(draw([0, 0.25, 0.5, 0, 0.25, 0], unit) == token)
    // The sum need not be 1.
    #expect(draw([0, 1, 2, 0, 1, 0], unit) == token)
  }
}

@Suite("BugurtFormat")
struct BugurtFormatTests {
  @Test(
    "each separator stands on a line of its own",
    arguments: [
      ("ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ", "ПРИШЁЛ\n@\nУВИДЕЛ\n@\nУСНУЛ"),
      ("без разделителя", "без разделителя"),
      ("  лишние   пробелы  @  тут ", "лишние пробелы\n@\nтут"),
      ("@ в начале @ и в конце @", "в начале\n@\nи в конце"),
      ("два @ @ подряд", "два\n@\nподряд"),
      ("почта a@b.ru @ остаётся", "почта a@b.ru\n@\nостаётся"),
      ("", ""),
      ("@", ""),
    ])
  func lines(text: String, expected: String) {
    #expect(BugurtFormat.lines(text) == expected)
  }
}
