import Testing
import Training

@Suite("What a run costs")
struct RunCostsTests {
  private static func costs(_ change: (inout RunCosts) -> Void = { _ in }) -> RunCosts {
    var costs = RunCosts()
    (costs.step, costs.validation, costs.checkpoint, costs.ending) = (2, 5, 3, 7)
    (costs.evaluationSteps, costs.saveSteps) = (10, 25)
    change(&costs)
    return costs
  }

  /// The seconds of a run, step by step, as ``Trainer`` goes through them.
  private func simulated(_ costs: RunCosts, from first: Int, to last: Int) -> Double {
    var (seconds, step) = (0.0, first)
    while step < last {
      step += 1
      seconds += costs.step
      let validates = costs.evaluationSteps.map { step % $0 == 0 || step == last } ?? false
      if validates { seconds += costs.validation }
      guard step < last else { break }
      if step % costs.saveSteps == 0 || costs.savesBest && validates { seconds += costs.checkpoint }
    }
    return seconds + costs.ending
  }

  @Test("is the sum of its parts, from any step to any other", arguments: [1, 9, 10, 11, 50, 103])
  func seconds(_ last: Int) {
    for first in 0..<last {
      let costs = Self.costs()
      #expect(
        costs.seconds(of: last - first, after: first) == simulated(costs, from: first, to: last))
      let never = Self.costs { $0.evaluationSteps = nil }
      #expect(
        never.seconds(of: last - first, after: first) == simulated(never, from: first, to: last))
      let best = Self.costs { ($0.savesBest, $0.saveSteps) = (true, 1000) }
      #expect(
        best.seconds(of: last - first, after: first) == simulated(best, from: first, to: last))
    }
  }

  @Test("checkpoints of the clock count if there are fewer others")
  func clock() {
    let costs = Self.costs { ($0.saveMinutes, $0.saveSteps, $0.evaluationSteps) = (1, 1000, nil) }
    // 100 steps take 200 seconds.
    #expect(costs.occasions(in: 100, after: 0).checkpoints == 3)
    #expect(costs.seconds(of: 100, after: 0) == 200 + 3 * 3 + 7)
  }

  @Test("as many steps are planned as there is time for, and not one more")
  func steps() {
    let costs = Self.costs()
    for seconds in stride(from: 15.0, through: 400, by: 0.5) {
      for first in [0, 3, 10, 24] {
        let steps = costs.steps(within: seconds, after: first, bound: 1000)
        if steps > 0 { #expect(costs.seconds(of: steps, after: first) <= seconds) }
        #expect(costs.seconds(of: steps + 1, after: first) > seconds)
      }
    }
    #expect(costs.steps(within: 1e6, after: 0, bound: 12) == 12)
    #expect(costs.steps(within: -1, after: 5, bound: 12) == 0)
  }

  @Test(
    "validations that are fitted to the steps leave time for them", arguments: [50.0, 600, 50_000])
  func fitted(_ seconds: Double) {
    let costs = Self.costs { $0.savesBest = true }
    let (steps, interval) = costs.fittedSteps(within: seconds, after: 0, bound: 1 << 40)
    #expect(interval == FittedSchedule(steps: steps).evaluationSteps)
    var found = costs
    found.evaluationSteps = interval
    let used = found.seconds(of: steps, after: 0)
    #expect(used <= 1.05 * seconds && used > 0.8 * seconds)
  }
}
