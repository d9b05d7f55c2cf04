import Foundation
import Testing
import Training

@Suite("LearningRateSchedule")
struct LearningRateScheduleTests {
  private func factors(_ schedule: LearningRateSchedule, warmup: Int, total: Int) -> [Double] {
    (0..<total).map { schedule.factor(step: $0, warmupSteps: warmup, total: total) }
  }

  private func expectClose(
    _ values: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(values.count == expected.count, sourceLocation: sourceLocation)
    #expect(
      zip(values, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(values) is not \(expected)",
      sourceLocation: sourceLocation)
  }

  /// The values of torch's schedulers for 12 steps, 3 of warm-up.
  @Test("goes up from 0 during warm-up and down along a line")
  func linear() {
    expectClose(
      factors(.linear, warmup: 3, total: 12),
      [0, 1 / 3, 2 / 3, 1, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9])
    expectClose(factors(.linear, warmup: 0, total: 4), [1, 0.75, 0.5, 0.25])
  }

  @Test("a run shorter than its warm-up only rises, and is never negative")
  func shortRun() {
    expectClose(factors(.linear, warmup: 500, total: 3), [0, 0.002, 0.004])
    #expect(LearningRateSchedule.linear.factor(step: 20, warmupSteps: 0, total: 10) == 0)
    #expect(LearningRateSchedule.linear.factor(step: 5, warmupSteps: 5, total: 5) == 0)
  }

  @Test("goes down along half a cosine wave")
  func cosine() {
    let root = 3.0.squareRoot()
    expectClose(
      factors(.cosine, warmup: 2, total: 8),
      [0, 0.5, 1, (2 + root) / 4, 0.75, 0.5, 0.25, (2 - root) / 4])
  }

  @Test("stays the same, with warm-up or without")
  func constant() {
    expectClose(factors(.constant, warmup: 2, total: 4), [1, 1, 1, 1])
    expectClose(factors(.constantWithWarmup, warmup: 2, total: 4), [0, 0.5, 1, 1])
  }

  @Test("the names are those of get_scheduler")
  func names() {
    #expect(
      LearningRateSchedule.allCases.map(\.rawValue)
        == ["linear", "cosine", "constant", "constant_with_warmup"])
  }

  /// 5.23 of transformers takes the share rounded up, `math.ceil`.
  @Test(
    "the share of warm-up is rounded up to steps, and counts only where no steps are given",
    arguments: [(0, 0.13, 4), (0, 0.1, 3), (0, 0, 0), (0, 1, 30), (5, 0.5, 5)])
  func ratio(steps: Int, ratio: Double, expected: Int) throws {
    var settings = TrainingFixture.settings
    settings.warmupSteps = steps
    settings.warmupRatio = ratio
    settings.maximumSteps = 30
    settings.learningRate = 1
    let fixture = try TrainingFixture()
    let trainer = try fixture.trainer { $0 = settings }
    var rates: [Double] = []
    try trainer.run { event in
      if case .progress(let progress) = event { rates.append(progress.learningRate) }
    }
    let factors = (0..<30).map {
      LearningRateSchedule.linear.factor(step: $0, warmupSteps: expected, total: 30)
    }
    #expect(rates == factors)
  }
}
