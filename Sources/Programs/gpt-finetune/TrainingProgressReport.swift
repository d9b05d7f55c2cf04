import CheckpointFormat
import CommandLineSupport
import TextSupport
import Training

/// Reports the progress of a training to the user.
final class TrainingProgressReport {
  private let progress: Progress
  private var tokens = 0
  private var seconds = 0.0
  private var smoothedLoss: Double?
  private var isSampling = false
  private let trainer: Trainer
  private var advisor = TrainingAdvice()
  private let start = ContinuousClock.now

  init(_ trainer: Trainer, firstStep: Int) {
    self.trainer = trainer
    progress = Progress(
      "training", total: trainer.plannedSteps, unit: .items("steps"), initial: firstStep)
  }

  func report(_ event: TrainingEvent) throws {
    switch event {
    case .progress(let step):
      tokens += step.tokens
      seconds += step.seconds
      // With a time budget it may have changed; before the first step nothing is known.
      progress.total = trainer.plannedSteps
      smoothedLoss = smoothedLoss.map { 0.95 * $0 + 0.05 * step.loss } ?? step.loss
      try progress.update(
        step.step,
        detail: "loss \(NumberText.decimal(smoothedLoss ?? step.loss, digits: 3)), "
          + "\(NumberText.count(Double(tokens) / max(seconds, 1e-9))) tokens/s")
    case .logged(let entry):
      var text = "step \(entry.step), epoch \(NumberText.decimal(entry.epoch, digits: 2))"
      if let loss = entry.values["loss"] { text += ", loss \(NumberText.decimal(loss, digits: 4))" }
      if let rate = entry.values["learning_rate"] { text += ", learning rate \(Float(rate))" }
      if let norm = entry.values["grad_norm"] {
        text += ", gradient norm \(NumberText.decimal(norm, digits: 3))"
      }
      if let loss = entry.values["eval_loss"], let perplexity = entry.values["eval_perplexity"] {
        text +=
          ", validation loss \(NumberText.decimal(loss, digits: 4)), "
          + "perplexity \(NumberText.decimal(perplexity, digits: 2))"
        if let bits = entry.values["eval_bits_per_byte"] {
          text += ", \(NumberText.decimal(bits, digits: 3)) bits per byte"
        }
        if trainer.state.best?.step == entry.step { text += ", the lowest so far" }
        if let stopping = trainer.state.earlyStopping, stopping.count > 0 {
          text += ", \(stopping.count) of \(stopping.patience) without improvement"
        }
      }
      if let left = trainer.timeLeft, let budget = trainer.settings.timeBudget {
        text += ", \(NumberText.duration(max(0, left))) left (\(budget.text))"
      }
      if ContinuousClock.now - start >= .seconds(3600) { text += ", at \(ClockTime.now)" }
      Log.info(text)
      for advice in advisor.advice(on: trainer) { Log.warning(advice) }
    case .sampling(let isFinal):
      if isFinal, !isSampling { Log.info("writing samples for the model card") }
      isSampling = isFinal
      try Interruption.check()
    case .completingRound(let step):
      Log.info(
        "stopping after step \(step), when the processes average their weights; "
          + "a second signal stops at once"
      )
    case .saved(let path):
      Log.info("saved \(path)")
    }
  }
}
