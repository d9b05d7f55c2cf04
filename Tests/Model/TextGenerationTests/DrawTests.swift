import Foundation
import TensorKernels
import Testing
import TextGeneration

@Suite("Draws")
struct DrawTests {
  /// Pearson's χ² of `counts` against `probabilities`, and the number of degrees of freedom; the
  /// rarest are taken together until five are expected.
  private func chiSquared(
    _ counts: [Int], _ probabilities: [Float]
  ) -> (statistic: Double, freedom: Double) {
    let draws = Double(counts.reduce(0, +))
    var cells: [(count: Double, expected: Double)] = []
    for index in counts.indices.sorted(by: { probabilities[$0] < probabilities[$1] }) {
      if cells.isEmpty || cells[cells.count - 1].expected >= 5 { cells.append((0, 0)) }
      cells[cells.count - 1].count += Double(counts[index])
      cells[cells.count - 1].expected += draws * Double(probabilities[index])
    }
    let statistic = cells.reduce(0) { sum, cell in
      sum + (cell.count - cell.expected) * (cell.count - cell.expected) / cell.expected
    }
    return (statistic, Double(cells.count - 1))
  }

  /// What χ² passes once in a million times (Wilson and Hilferty 1931).
  private func limit(_ freedom: Double) -> Double {
    let spread = 2 / (9 * freedom)
    return freedom * pow(1 - spread + 4.753 * spread.squareRoot(), 3)
  }

  @Test(
    "are as many of each token as its probability says, to what 100,000 can tell",
    arguments: [
      settings(), settings { $0.topK = 50 }, settings { $0.temperature = 0.6 },
      settings { $0.topP = 0.8 }, settings { $0.minP = 0.05 }, settings { $0.typicalP = 0.7 },
      settings {
        $0.repetitionPenalty = 1.4
        $0.noRepeatNGram = 2
        $0.badWords = [[1, 9], [17]]
        $0.temperature = 1.3
        $0.topK = 120
        $0.topP = 0.95
        $0.minP = 0.005
        $0.typicalP = 0.97
      },
    ])
  func distribution(settings: SamplingSettings) throws {
    let text: [Int32] = [4, 1, 3, 2, 1]
    let logits = randomLogits(300, seed: 10, scale: 2.5)
    let probabilities = softmax(
      plainSteps(logits, text: text, promptCount: 2, endOfText: [0], settings).last?.1 ?? logits)
    var sampler = TokenSampler(settings, endOfText: [0], vocabulary: logits.count)
    var counts = [Int](repeating: 0, count: logits.count)
    // A number each of many texts, as the texts of one seed are.
    for index in 0..<100_000 {
      counts[Int(try sampler.sample(logits, text: text, promptCount: 2, index: index).token)] += 1
    }
    for (count, probability) in zip(counts, probabilities) where probability == 0 {
      #expect(count == 0)
    }
    let fit = chiSquared(counts, probabilities)
    #expect(fit.freedom >= 5 && fit.statistic < limit(fit.freedom))
    // A temperature five hundredths off would show.
    let warmer = softmax(probabilities.map { log($0) / 1.05 })
    let misfit = chiSquared(counts, warmer)
    #expect(misfit.statistic > limit(misfit.freedom))
  }

  @Test(
    "fall where the running sum passes them, never on an impossible token",
    arguments: [
      (0, 1), (0.2499, 1), (0.2501, 2), (0.7499, 2), (0.7501, 4), (1.0.nextDown, 4),
    ])
  func drawing(unit: Double, token: Int) {
    // The sum need not be 1.
    for probabilities in [[0, 0.25, 0.5, 0, 0.25, 0], [0, 1, 2, 0, 1, 0]] as [[Float]] {
      #expect(WeightedSelection.draw(probabilities.span, unit) == token)
      // Far ones are found by the sums of stretches.
      let far =
        [Float](repeating: 0, count: 1000) + probabilities + [Float](repeating: 0, count: 600)
      #expect(WeightedSelection.draw(far.span, unit) == 1000 + token)
    }
  }
}
