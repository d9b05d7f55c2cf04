import JSONSupport
import Testing
import Training

@Suite("The plan of a run with a time budget")
struct TimePlanTests {
  private static let falling = [LearningRateSchedule.linear, .cosine]

  @Test(
    "follows the schedule as long as nothing changes", arguments: LearningRateSchedule.allCases,
    [0, 1, 7])
  func unchanged(_ schedule: LearningRateSchedule, _ warmup: Int) {
    let plan = TimePlan(warmupSteps: warmup, totalSteps: 40)
    for step in 0..<40 {
      let expected = schedule.factor(step: step, warmupSteps: warmup, total: 40)
      #expect(abs(plan.factor(step: step, schedule) - expected) < 1e-12)
    }
  }

  @Test(
    "goes on from where the learning rate is, and reaches its end", arguments: falling,
    // A change in the warm-up, one at its end, one after it; to fewer steps and to more.
    [[4, 30], [4, 200], [10, 30], [10, 400], [60, 70], [60, 300], [60, 61]])
  func change(_ schedule: LearningRateSchedule, _ change: [Int]) {
    let (step, total) = (change[0], change[1])
    var plan = TimePlan(warmupSteps: 10, totalSteps: 100)
    let before = plan.factor(step: step, schedule)
    plan.change(after: step, warmupSteps: total / 10, totalSteps: total)
    #expect(plan.totalSteps == total)
    #expect(abs(plan.factor(step: step, schedule) - before) < 1e-12)
    let factors = (step..<total).map { plan.factor(step: $0, schedule) }
    let top = factors.firstIndex(of: factors.max() ?? 0) ?? 0
    #expect(step + top <= max(step, plan.warmupEnd))
    #expect(Array(factors[..<top]) == factors[..<top].sorted())
    #expect(Array(factors[top...]) == factors[top...].sorted(by: >))
    #expect(abs(plan.factor(step: total, schedule)) < 1e-12)
    if step < 10 { #expect(factors.max() == 1) }
  }

  @Test("a shorter warm-up is not jumped over")
  func shorterWarmup() {
    var plan = TimePlan(warmupSteps: 100, totalSteps: 1000)
    plan.change(after: 50, warmupSteps: 10, totalSteps: 100)
    // Half of the warm-up was left, so half of the shorter one is.
    #expect(plan.warmupEnd == 55)
    #expect((50...55).map { plan.factor(step: $0, .linear) } == [0.5, 0.6, 0.7, 0.8, 0.9, 1])
  }

  @Test("is read as it was written, and not if it is damaged")
  func json() {
    var plan = TimePlan(warmupSteps: 3, totalSteps: 1 << 40)
    plan.change(after: 1, warmupSteps: 7, totalSteps: 90)
    plan.change(after: 33, warmupSteps: 7, totalSteps: 81)
    #expect(TimePlan(plan.json) == plan)
    #expect(TimePlan(nil) == nil)
    #expect(TimePlan([]) == nil)
    #expect(TimePlan([[1, 0.5, 3]]) == nil)
    #expect(TimePlan([[1, 1.5, 3, 90]]) == nil)
    #expect(TimePlan([[1, 0.5, 3, 90], [1, "0.5", 3, 90]]) == nil)
  }
}
