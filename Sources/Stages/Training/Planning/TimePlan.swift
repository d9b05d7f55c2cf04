import FileSupport
import JSONSupport

/// The course of the learning rate of a run that has a ``TimeBudget``.
///
/// The number of steps is planned again whenever the speed shows that it was wrong. A change applies
/// to what remains: the learning rate continues from where it is, and reaches its end with the last
/// step of the new plan. All changes are kept, so the learning rate of each step follows from the plan.
package struct TimePlan: Equatable, Sendable {
  /// What holds from a step on.
  package struct Change: Equatable, Sendable {
    /// The number of steps done before.
    package let step: Int
    /// How much of the warm-up is done, or, after it, of what follows; from 0 to 1.
    package let position: Double
    /// The step after which the warm-up ends, and the one after which the run does.
    package let warmupEnd, totalSteps: Int
  }

  package private(set) var changes: [Change]

  /// The plan before anything is known about the speed.
  package init(warmupSteps: Int, totalSteps: Int) {
    changes = [Change(step: 0, position: 0, warmupEnd: warmupSteps, totalSteps: totalSteps)]
  }

  private var last: Change { changes[changes.count - 1] }

  /// The number of steps of the whole run.
  package var totalSteps: Int { last.totalSteps }

  /// The step after which the warm-up ends.
  package var warmupEnd: Int { last.warmupEnd }

  /// What the learning rate is multiplied by in step `step`, counted from 0, which is not before the
  /// last change.
  package func factor(step: Int, _ schedule: LearningRateSchedule) -> Double {
    if schedule == .constant { return 1 }
    let position = position(after: step)
    return step < warmupEnd ? position : schedule.decay(position)
  }

  /// How much of the warm-up is done after `step` steps, or, after it, of what follows.
  private func position(after step: Int) -> Double {
    let begin = step < warmupEnd ? last.step : max(last.step, warmupEnd)
    let end = step < warmupEnd ? warmupEnd : totalSteps
    // The part that the change began in may have ended since.
    let isSamePart = (last.step < warmupEnd) == (step < warmupEnd)
    let done = isSamePart ? last.position : 0
    return done + (1 - done) * Double(step - begin) / Double(max(1, end - begin))
  }

  /// Changes the plan after `step` steps: the run has `totalSteps`, and if its warm-up is not over,
  /// the whole of it would take `warmupSteps`.
  package mutating func change(after step: Int, warmupSteps: Int, totalSteps: Int) {
    var end = warmupEnd
    let position = position(after: step)
    if step < end { end = step + Int(((1 - position) * Double(warmupSteps)).rounded(.up)) }
    changes.append(
      Change(
        step: step, position: step < warmupEnd && end == step ? 0 : position, warmupEnd: end,
        totalSteps: totalSteps))
  }

  // MARK: - In files

  /// The changes, each as `[step, position, warmupEnd, totalSteps]`.
  package var json: JSONValue {
    .array(
      changes.map {
        .array([
          .integer($0.step), .number($0.position), .integer($0.warmupEnd), .integer($0.totalSteps),
        ])
      })
  }

  /// Reads what ``json`` wrote; `nil` if it is damaged.
  package init?(_ json: JSONValue?) {
    changes = (json?.elements ?? []).compactMap { change in
      guard let parts = change.elements, parts.count == 4, let step = parts[0].integer,
        let position = parts[1].number, let warmupEnd = parts[2].integer,
        let totalSteps = parts[3].integer, (0...1).contains(position)
      else { return nil }
      return Change(
        step: step, position: position, warmupEnd: warmupEnd, totalSteps: totalSteps)
    }
    guard let count = json?.elements?.count, count > 0, changes.count == count else { return nil }
  }
}
