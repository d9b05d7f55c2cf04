import FileSupport

/// How long the parts of a run take, in seconds, and how often they are due.
package struct RunCosts: Equatable, Sendable {
  package var step = 0.0
  package var validation = 0.0
  package var checkpoint = 0.0
  /// What follows the last step and its validation: the final model is written.
  package var ending = 0.0
  /// The number of steps between two validations; `nil` if there are none.
  package var evaluationSteps: Int?
  package var saveSteps = Int.max
  package var saveMinutes: Double?
  /// Whether every validation is taken to find a new lowest loss, after which there is a checkpoint.
  package var savesBest = false

  package init() {}

  /// How many validations and checkpoints there are in `count` steps after step `first`, but for what
  /// follows the last one.
  package func occasions(in count: Int, after first: Int) -> (validations: Int, checkpoints: Int) {
    func due(_ interval: Int) -> Int {
      max(0, first + count - 1) / interval - first / interval
    }
    guard count > 0 else { return (0, 0) }
    let validations = evaluationSteps.map(due) ?? 0
    let seconds = Double(count) * step + Double(validations) * validation
    let byClock = saveMinutes.map { Int(min(seconds / (60 * $0), 1e9)) } ?? 0
    return (validations, max(byClock, due(saveSteps) + (savesBest ? validations : 0)))
  }

  /// How long `count` steps after step `first` take, and the end of the run after them.
  package func seconds(of count: Int, after first: Int) -> Double {
    let occasions = occasions(in: count, after: first)
    return Double(count) * step + Double(occasions.validations) * validation
      + Double(occasions.checkpoints) * checkpoint + (evaluationSteps == nil ? 0 : validation)
      + ending
  }

  /// How many steps after step `first`, at most `bound`, can be done in `seconds`, so that there is
  /// time for the end of the run.
  package func steps(within seconds: Double, after first: Int, bound: Int) -> Int {
    (0..<max(0, bound)).partitioningIndex { self.seconds(of: $0 + 1, after: first) > seconds }
  }

  /// The same for a run whose validations are fitted to its number of steps: that and the number of
  /// steps between two validations.
  package func fittedSteps(
    within seconds: Double, after first: Int, bound: Int
  ) -> (steps: Int, evaluationSteps: Int) {
    var costs = self
    var steps = bound
    // Each round brings the two closer to each other.
    for _ in 0..<4 {
      if evaluationSteps != nil {
        costs.evaluationSteps = FittedSchedule(steps: first + steps).evaluationSteps
      }
      steps = costs.steps(within: seconds, after: first, bound: bound)
    }
    return (steps, FittedSchedule(steps: first + steps).evaluationSteps)
  }
}
