import CheckpointFormat
import Testing
import Training

@Suite("Advice while a model is trained")
struct TrainingAdviceTests {
  /// The advice after all lines of a log: the losses of training, and those of validation at every
  /// second step.
  private func advice(
    losses: [Double], validations: [Double] = [], norm: Double = 0.5, warmupSteps: Int = 0
  ) -> [String] {
    var (state, advisor, advice) = (TrainerState(), TrainingAdvice(), [String]())
    for (index, loss) in losses.enumerated() {
      state.log.append(.init(step: index + 1, epoch: 0, values: ["loss": loss, "grad_norm": norm]))
      if index % 2 == 1, index / 2 < validations.count {
        let validation = validations[index / 2]
        state.log.append(.init(step: index + 1, epoch: 0, values: ["eval_loss": validation]))
        if validation < state.best?.loss ?? .infinity { state.best = (validation, index + 1) }
      }
      advice += advisor.advice(on: state, warmupSteps: warmupSteps, maximumNorm: 1)
    }
    return advice
  }

  private let falling = (0..<40).map { 5 - 0.1 * Double($0) }

  @Test("a good run is left in peace")
  func good() {
    #expect(advice(losses: falling, validations: (0..<20).map { 5 - 0.1 * Double($0) }) == [])
  }

  @Test("a validation loss that rises while the other falls is reported once, with the best step")
  func overfitting() {
    let advice = advice(losses: falling, validations: [5, 4, 3, 3.1, 3.2, 3.3, 3.4, 3.5])
    #expect(advice.count == 1)
    #expect(advice[0].contains("lowest after step 6 and has risen since"))
  }

  @Test("two worse validations are no reason yet")
  func noise() {
    #expect(advice(losses: falling, validations: [5, 4, 4.1, 4.2, 3, 3.1, 3.2, 2.9]) == [])
  }

  @Test("a loss that does not fall is reported once, but not during warm-up")
  func notFalling() {
    let flat = Array(repeating: 5.0, count: 40)
    #expect(advice(losses: flat).map { $0.hasPrefix("the loss is not falling") } == [true])
    #expect(advice(losses: flat, warmupSteps: 30) == [])
  }

  @Test("gradients that are scaled down at every step are reported once")
  func clipping() {
    let advice = advice(losses: falling, norm: 1.5)
    #expect(advice.map { $0.contains("scaled down to the norm 1.0") } == [true])
  }
}
