import CheckpointFormat

/// How long something took, in the Trainer's terms.
struct SpeedMetrics {
  private let samples: Int
  private let steps: Int
  private let seconds: Double

  init(samples: Int, steps: Int, since start: ContinuousClock.Instant) {
    (self.samples, self.steps) = (samples, steps)
    seconds = max((ContinuousClock.now - start) / .seconds(1), 1e-9)
  }

  /// `<prefix>_runtime` in seconds, `_samples_per_second`, `_steps_per_second`.
  func values(prefix: String) -> [String: Double] {
    func rounded(_ value: Double, _ scale: Double) -> Double { (value * scale).rounded() / scale }
    return [
      "\(prefix)_runtime": rounded(seconds, 1e4),
      "\(prefix)_samples_per_second": rounded(Double(samples) / seconds, 1e3),
      "\(prefix)_steps_per_second": rounded(Double(steps) / seconds, 1e3),
    ]
  }
}

/// What the Trainer reports at the end of the steps of one call, which may be the remainder of a
/// run.
struct SessionMetrics {
  private let start = ContinuousClock.now
  private let firstStep: Int
  private let firstTokens: Int

  init(after state: TrainerState) {
    (firstStep, firstTokens) = (state.globalStep, state.inputTokensSeen)
  }

  func summary(of state: TrainerState, blockSize: Int) -> [String: Double] {
    let speed = SpeedMetrics(
      samples: (state.inputTokensSeen - firstTokens) / blockSize,
      steps: state.globalStep - firstStep, since: start)
    var values = speed.values(prefix: "train")
    values["total_flos"] = state.floatingPointOperations
    values["train_loss"] = state.lossSum / Double(max(1, state.globalStep))
    return values
  }
}

/// The targets per second between two lines of the log.
struct TokenRate {
  private var (tokens, seconds) = (0, 0.0)

  mutating func add(_ step: TrainingProgress) {
    tokens += step.tokens
    seconds += step.seconds
  }

  /// The rate since the last call.
  mutating func take() -> Double {
    defer { (tokens, seconds) = (0, 0) }
    return Double(tokens) / max(seconds, 1e-9)
  }
}
