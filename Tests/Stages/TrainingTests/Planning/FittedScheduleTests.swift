import CheckpointFormat
import TestSupport
import Testing
import Training

@Suite("Settings that fit the corpus")
struct FittedScheduleTests {
  @Test(
    "warm-up takes at most 6 % of a run, which has about 100 lines of the log and 20 validations",
    arguments: [(300, 18, 3, 15), (1, 0, 1, 1), (24_000, 500, 240, 1200), (99, 5, 1, 4)])
  func fitted(steps: Int, warmup: Int, logging: Int, evaluation: Int) {
    let fitted = FittedSchedule(steps: steps)
    #expect(fitted.warmupSteps == warmup)
    #expect(fitted.loggingSteps == logging)
    #expect(fitted.evaluationSteps == evaluation)
  }

  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  /// The checkpoints that there are after each that was saved.
  private func checkpoints(_ change: (inout TrainingSettings) -> Void) throws -> [[Int]] {
    let trainer = try fixture.trainer("run", change)
    var steps: [[Int]] = []
    try trainer.run { event in
      if case .saved = event { steps.append(try trainer.folder.checkpointSteps()) }
    }
    return steps
  }

  @Test("a checkpoint that the clock asked for goes when there is another; those of steps stay")
  func saveMinutes() throws {
    // No time at all passes between two.
    let steps = try checkpoints { $0.saveMinutes = 0 }
    #expect(
      steps == [
        [1], [2], [3], [4], [5], [5, 6], [5, 7], [5, 8], [5, 9], [5, 10], [5, 10, 11], [5, 10, 11],
      ])
  }

  @Test("a checkpoint that the clock asked for does not push out one of the steps")
  func limit() throws {
    let steps = try checkpoints {
      $0.saveMinutes = 0
      $0.saveTotalLimit = 2
      // The last is the best.
      $0.evaluationSteps = 12
    }
    #expect(steps[5...] == [[5, 6], [5, 7], [5, 8], [5, 9], [5, 10], [10, 11], [10, 11]])
  }

  @Test("the clock asks for nothing before its time")
  func notYet() throws {
    #expect(try checkpoints { $0.saveMinutes = 1e6 } == [[5], [5, 10], [5, 10]])
  }
}
