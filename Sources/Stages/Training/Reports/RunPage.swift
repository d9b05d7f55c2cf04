import CheckpointFormat
import FileSupport

/// Writes `report.html` into the folder of a run: how the training goes, for a browser.
///
/// The page needs no network and no script. It is replaced at each line of the log, and reloads itself
/// for as long as the training lasts. While the folder still holds an earlier run, the page
/// is that run's.
public final class RunPage {
  /// The name of the file.
  public static let fileName = "report.html"

  /// How far a training is, for the reader of the page.
  enum Status {
    case running, stopped, finished
  }

  let trainer: Trainer
  /// What the page says about the program and the machine, by name.
  let surroundings: [(name: String, value: String)]
  private(set) var status = Status.running
  private let start = ContinuousClock.now
  private let firstStep: Int
  private var rate = TokenRate()
  /// The targets per second between the last two lines of the log; `nil` before the first.
  private(set) var tokensPerSecond: Double?

  /// The page of the training that `trainer` has started; `surroundings` are shown on it.
  public init(_ trainer: Trainer, surroundings: [(name: String, value: String)]) {
    self.trainer = trainer
    self.surroundings = surroundings
    firstStep = trainer.state.globalStep
  }

  /// Takes `event` into account, and writes the page if it is a line of the log.
  ///
  /// - Throws: ``FileError``.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .progress(let step): rate.add(step)
    case .logged(let entry):
      if entry.values["loss"] != nil { tokensPerSecond = rate.take() }
      try write()
    case .saved: try write()
    case .sampling, .completingRound: break
    }
  }

  /// Writes the page of a training that has ended, at its last step or before.
  ///
  /// - Throws: ``FileError``.
  public func end(isFinished: Bool) throws {
    status = isFinished ? .finished : .stopped
    try write()
  }

  private func write() throws {
    guard !trainer.replacesEarlierRun else { return }
    try replaceFile(at: "\(trainer.folder.path)/\(Self.fileName)", with: html)
  }

  /// How long this session has lasted, in seconds.
  var elapsed: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// How long it takes from one line of the log to the next at the speed of this session; `nil` if that
  /// is not known, or the training has ended.
  var secondsBetweenWrites: Double? {
    let done = trainer.state.globalStep - firstStep
    guard status == .running, done > 0 else { return nil }
    return max(1, elapsed / Double(done) * Double(trainer.state.loggingSteps))
  }

  /// How long the rest takes at the speed of this session, validations and checkpoints included;
  /// `nil` if nothing is known about that.
  var remaining: Double? {
    let done = trainer.state.globalStep - firstStep
    guard status == .running, done > 0 else { return nil }
    if let timeLeft = trainer.timeLeft, trainer.isBoundByTime { return max(0, timeLeft) }
    return elapsed / Double(done) * Double(trainer.totalSteps - trainer.state.globalStep)
  }
}
