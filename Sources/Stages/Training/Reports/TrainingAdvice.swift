import CheckpointFormat

/// Notices in the log of a training what its user may want to change, each once.
///
/// The numbers are rules of thumb: rare enough that a good run is left in peace.
public struct TrainingAdvice {
  private enum Topic: Hashable {
    case overfitting, notFalling, clipping
  }

  /// How many validations in a row must be worse than the best.
  private static let worseValidations = 3
  /// How many lines of the log are looked at together.
  private static let lines = 10

  private var given: Set<Topic> = []

  public init() {}

  /// New advice on the log of `trainer`, which has a new line.
  public mutating func advice(on trainer: Trainer) -> [String] {
    let settings = trainer.settings
    let warmup = trainer.warmupSteps
    return advice(
      on: trainer.state, warmupSteps: warmup, maximumNorm: settings.maximumGradientNorm)
  }

  /// What the log of `state` gives reason to say; gradients with a larger norm than `maximumNorm` are
  /// scaled down, unless that is 0.
  package mutating func advice(
    on state: TrainerState, warmupSteps: Int, maximumNorm: Double
  ) -> [String] {
    let entries = state.log.filter { $0.values["loss"] != nil && $0.step > warmupSteps }
    let losses = entries.compactMap { $0.values["loss"] }
    func mean(_ values: some Collection<Double>) -> Double {
      values.reduce(0, +) / Double(max(1, values.count))
    }
    let recent = losses.suffix(Self.lines)
    // Whether the loss of training fell between the two halves of its last lines.
    let isFalling =
      recent.count < 4
      || mean(recent.suffix(recent.count / 2)) < mean(recent.prefix(recent.count / 2))
    var advice: [String] = []
    func add(_ topic: Topic, _ text: String) {
      if given.insert(topic).inserted { advice.append(text) }
    }
    let validations = state.log.filter { $0.values["eval_loss"] != nil }
    if let best = state.best, isFalling,
      validations.count(where: { $0.step > best.step }) >= Self.worseValidations
    {
      add(
        .overfitting,
        "the validation loss was lowest after step \(best.step) and has risen since, while the training "
          + "loss falls: the model begins to repeat its corpus; more posts, more --dropout or fewer "
          + "--max-steps help")
    }
    if losses.count >= 2 * Self.lines, mean(recent) >= mean(losses.prefix(Self.lines)) {
      add(
        .notFalling,
        "the loss is not falling: try another --learning-rate, ten times lower or higher")
    }
    let norms = entries.compactMap { $0.values["grad_norm"] }
    if maximumNorm > 0, norms.count >= 2 * Self.lines, norms.allSatisfy({ $0 > maximumNorm }) {
      add(
        .clipping,
        "every gradient so far was scaled down to the norm \(maximumNorm): a lower --learning-rate, or a "
          + "larger --max-grad-norm, may learn faster")
    }
    return advice
  }
}
