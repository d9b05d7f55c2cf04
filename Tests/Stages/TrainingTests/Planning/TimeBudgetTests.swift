import CheckpointFormat
import FileSupport
import Foundation
import Synchronization
import TestSupport
import Testing
import Training

/// A clock that only the events of a training move.
private final class EventClock: Sendable {
  private let time = Mutex(0.0)
  /// How long a step takes at a time, a validation and a checkpoint.
  let step: @Sendable (Double) -> Double
  let validation, checkpoint: Double

  init(
    validation: Double = 0.5, checkpoint: Double = 0.25,
    step: @escaping @Sendable (Double) -> Double = { _ in 1 }
  ) {
    (self.step, self.validation, self.checkpoint) = (step, validation, checkpoint)
  }

  var now: Double { time.withLock { $0 } }

  func take(_ event: TrainingEvent) {
    time.withLock { time in
      switch event {
      case .progress: time += step(time)
      case .logged(let entry) where entry.values["eval_loss"] != nil: time += validation
      case .saved: time += checkpoint
      default: break
      }
    }
  }

  var clock: TrainingClock { TrainingClock { self.now } }
}

@Suite("A time budget")
struct TimeBudgetTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private static let budget = fitted(.run(seconds: 100), "100 seconds")

  private static func fitted(_ limit: TimeBudget.Limit, _ text: String) -> TimeBudget {
    var budget = TimeBudget(limit, text: text)
    (budget.fitsWarmup, budget.fitsLogging, budget.fitsEvaluation) = (true, true, true)
    return budget
  }

  private func trainer(
    _ clock: EventClock, _ run: String = "run", budget: TimeBudget? = budget, seed: UInt64 = 1,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Trainer {
    try fixture.trainer(run, seed: seed, clock: clock.clock) {
      ($0.maximumSteps, $0.timeBudget) = (nil, budget)
      ($0.saveSteps, $0.loadsBestModelAtEnd) = (1000, true)
      change(&$0)
    }
  }

  private let resume = EarlierRunPolicy(resumes: true, restarts: false)

  /// Runs to the end and returns the learning rate of each step.
  @discardableResult
  private func run(_ trainer: Trainer, _ clock: EventClock) throws -> [Double] {
    var rates: [Double] = []
    try trainer.run { event in
      clock.take(event)
      if case .progress(let progress) = event { rates.append(progress.learningRate) }
    }
    return rates
  }

  /// Checks that a run has ended in time, validated, with the learning rate at its end.
  private func expectEnd(
    _ trainer: Trainer, _ rates: [Double], _ used: Double, within range: ClosedRange<Double>
  ) {
    #expect(range.contains(used), "\(used)")
    let state = trainer.state
    #expect(state.globalStep == trainer.totalSteps)
    #expect(state.log.last { $0.values["eval_loss"] != nil }?.step == state.globalStep)
    #expect(trainer.folder.isFinished)
    #expect((rates.last ?? 1) < 0.1 * trainer.settings.learningRate)
  }

  @Test("ends when the time does, with a warm-up, a log and validations that fit")
  func evenSpeed() throws {
    let clock = EventClock()
    let trainer = try trainer(clock)
    #expect(trainer.plannedSteps == nil)
    let rates = try run(trainer, clock)
    expectEnd(trainer, rates, clock.now, within: 95...101)
    // As if the number of steps had been known from the beginning.
    let fitted = FittedSchedule(steps: rates.count)
    #expect(abs(trainer.state.evaluationSteps - fitted.evaluationSteps) <= 1)
    #expect(trainer.state.loggingSteps == fitted.loggingSteps)
    #expect(abs(trainer.warmupSteps - fitted.warmupSteps) <= 2)
    let top = rates.firstIndex(of: rates.max() ?? 0) ?? 0
    #expect(Array(rates[top...]) == rates[top...].sorted(by: >))
    #expect(try fixture.folder.text(of: "run/report.md").contains("| time | 100 seconds; 1 min "))
  }

  @Test(
    "holds when the load of the machine changes, and the learning rate goes on from where it is",
    arguments: [0.25, 3], [10.0, 50, 90])
  func changingLoad(_ factor: Double, _ change: Double) throws {
    let clock = EventClock(validation: 1, checkpoint: 0.5) { $0 < change ? 0.5 : 0.5 * factor }
    let trainer = try trainer(clock)
    let rates = try run(trainer, clock)
    expectEnd(trainer, rates, clock.now, within: 94...102)
    let top = rates.firstIndex(of: rates.max() ?? 0) ?? 0
    for (rate, next) in zip(rates[top...], rates[top...].dropFirst()) {
      #expect(next < rate && rate - next < 0.1 * trainer.settings.learningRate)
    }
  }

  @Test("at an even speed the plan is made once, and then its end moves by less than a hundredth")
  func steadyPlan() throws {
    let clock = EventClock(validation: 0.05, checkpoint: 0) { _ in 0.125 }
    let trainer = try trainer(clock)
    try run(trainer, clock)
    let changes = try #require(trainer.timeline).plan.changes
    let plan = try #require(changes.first { $0.step > 0 })
    #expect(plan.step <= 3)
    for change in changes.drop(while: { $0.step <= 3 }) {
      #expect(change.warmupEnd == plan.warmupEnd)
      #expect(abs(change.totalSteps - plan.totalSteps) < plan.totalSteps / 100)
    }
    #expect(changes.count < 10)
  }

  @Test("a run stopped after any step and resumed gives the same bytes as one in one go")
  func resumed() throws {
    func results(_ run: String) throws -> [[UInt8]] {
      try ["final/model.safetensors", "curves.csv"].map { try fixture.bytes("\(run)/\($0)") }
    }
    let budget = Self.fitted(.run(seconds: 30), "30 seconds")
    let clock = EventClock(validation: 0.5, checkpoint: 0)
    try run(trainer(clock, "whole", budget: budget), clock)
    let expected = try results("whole")
    for step in 1...12 {
      let name = "run-\(step)"
      let first = EventClock(validation: 0.5, checkpoint: 0)
      let stopped = try trainer(first, name, budget: budget)
      stop(stopped, first, after: step)
      let second = EventClock(validation: 0.5, checkpoint: 0)
      let resumed = try trainer(second, name, budget: budget, seed: 99)
      #expect(try resumed.start(resume) == .resumed(step: step))
      try run(resumed, second)
      #expect(try results(name) == expected, "stopped after step \(step)")
      #expect(first.now + second.now == clock.now)
    }
  }

  private func stop(_ trainer: Trainer, _ clock: EventClock, after step: Int) {
    #expect(throws: TrainingFixture.Stop.self) {
      try trainer.run { event in
        clock.take(event)
        if case .progress(let progress) = event, progress.step == step {
          throw TrainingFixture.Stop()
        }
      }
    }
  }

  @Test("an unfinished run may get another budget, and a finished one has its own")
  func anotherBudget() throws {
    let first = EventClock()
    try stop(trainer(first), first, after: 40)
    // Without a budget it would be another run.
    let error = #expect(throws: InputError.self) {
      try trainer(EventClock(), budget: nil) { $0.maximumSteps = 90 }.start(resume)
    }
    #expect(error?.problem.contains("time_budget was \"100 seconds\", is null") == true)
    let session = Self.fitted(.session(seconds: 50), "until 07:30")
    let second = EventClock()
    let resumed = try trainer(second, budget: session)
    #expect(try resumed.start(resume) == .resumed(step: 40))
    expectEnd(resumed, try run(resumed, second), second.now, within: 46...51)

    #expect(try trainer(EventClock(), budget: session).start(resume) == .finished)
    #expect(throws: InputError.self) { try trainer(EventClock()).start(resume) }
  }

  @Test("a run whose time is up when it is resumed is validated and finished at once")
  func overdue() throws {
    let first = EventClock()
    try stop(trainer(first), first, after: 40)
    let second = EventClock()
    let resumed = try trainer(second, budget: Self.fitted(.session(seconds: 1), "until 07:30"))
    #expect(try resumed.start(resume) == .resumed(step: 40))
    #expect(try run(resumed, second) == [])
    #expect(resumed.state.log.last { $0.values["eval_loss"] != nil }?.step == 40)
    #expect(resumed.folder.isFinished)
  }

  @Test(
    "a number of steps that is given bounds the run, whose course is then that without a budget")
  func bound() throws {
    let budget = TimeBudget(.run(seconds: 1000), text: "1000 seconds")
    let rates = try [budget, nil].map { budget in
      let clock = EventClock()
      return try run(
        trainer(clock, budget == nil ? "free" : "run", budget: budget) { $0.maximumSteps = 30 },
        clock)
    }
    #expect(rates[0].count == 30 && rates[1].count == 30)
    #expect(zip(rates[0], rates[1]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test("damage of the plan is reported like that of any other part of a checkpoint")
  func damage() throws {
    let clock = EventClock()
    try stop(trainer(clock), clock, after: 4)
    let file = "run/checkpoint-4/resume_state.json"
    let text = try fixture.folder.text(of: file)
    try fixture.folder.write(text.replacing("\"plan\"", with: "\"plant\""), to: file)
    let error = #expect(throws: InputError.self) { try trainer(EventClock()).start(resume) }
    #expect(
      error?.problem.hasPrefix("'time' is missing or damaged; the checkpoint is damaged") == true)
  }
}
