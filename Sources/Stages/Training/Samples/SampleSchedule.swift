import GPT2
import TextGeneration

/// How many texts are written at validations, and at which of them.
///
/// Both follow from sizes and not from a clock, so that a run has the same texts on every machine.
package struct SampleSchedule: Equatable {
  /// How many texts are written at a time.
  package let count: Int
  /// They are written at every validation, every second one and so on.
  package let interval: Int

  /// The numbers of texts from which ``init(fitting:)`` chooses.
  private static let counts = [64, 32, 16, 8, 4]

  /// `count` texts at every validation.
  package init(count: Int) {
    (self.count, interval) = (count, 1)
  }

  /// As many texts, from 4 to 64, as take about a hundredth of the run; if even 4 take longer, they are
  /// written less often.
  package init(fitting run: Run) {
    let budget = run.trainedTokens / 100
    let count = Self.counts.first { run.cost(of: $0) * run.validations <= budget } ?? 4
    self.count = count
    interval = max(
      1, (run.cost(of: count) * run.validations + budget - 1) / max(1, budget))
  }

  /// What a run costs, counted in tokens that are trained on.
  package struct Run {
    /// The number of validations.
    package var validations: Int
    /// The number of tokens that the run trains on, repetitions included.
    package var trainedTokens: Int
    /// The mean length of a post, and the length at which a text is cut off.
    package var postLength, maximumLength: Int
    /// How many texts there is memory for.
    package var batchSize: Int
    /// Whether the model is merged with an adapter each time.
    package var merges: Bool

    package init(
      validations: Int, trainedTokens: Int, postLength: Int, maximumLength: Int, batchSize: Int,
      merges: Bool = false
    ) {
      (self.validations, self.trainedTokens) = (max(1, validations), trainedTokens)
      (self.postLength, self.maximumLength) = (min(postLength, maximumLength), maximumLength)
      (self.batchSize, self.merges) = (batchSize, merges)
    }

    /// What `count` texts cost.
    ///
    /// Reading all weights once, for a step of all texts or for a prompt, takes about as long as
    /// training on 4 tokens; the arithmetic for a token of a text, as training on one. The last of
    /// several texts to end has about twice the mean length. Merging takes as long as training on 500.
    func cost(of count: Int) -> Int {
      let rounds = (count + batchSize - 1) / batchSize
      let reads = count + rounds * min(maximumLength, 2 * postLength)
      return 4 * reads + count * postLength + (merges ? 500 : 0)
    }
  }
}
