import CheckpointFormat
import Communication
import FileSupport
import Glibc
import GPT2

extension Trainer {
  /// Whether a validation is due after the last step and has not been done yet.
  var isValidationDue: Bool {
    let step = state.globalStep
    guard step > 0, data.validationBlockCount > 0 else { return false }
    guard step % state.evaluationSteps == 0 || step == totalSteps else { return false }
    return state.lastEntry(with: "eval_loss")?.step != step
  }

  /// Measures the loss on the validation data, logs it, and takes it into account for early
  /// stopping.
  func validate(_ report: (TrainingEvent) throws -> Void) throws {
    let start = ContinuousClock.now
    let count = data.validationBlockCount
    let batchSize = min(pass.batchSize, settings.evaluationBatchSize ?? pass.batchSize)
    let losses = communicator.inTurns((count + batchSize - 1) / batchSize) { index in
      let start = index * batchSize
      let batch = Batch((start..<min(count, start + batchSize)).map(data.validationBlock))
      return pass.loss(inputs: batch.inputs, targets: batch.targets)
    }
    let loss = losses.reduce(0, +) / Double(count * (settings.blockSize - 1))
    let speed = SpeedMetrics(
      samples: count, steps: (count + batchSize - 1) / batchSize, since: start)
    var values = speed.values(prefix: "eval")
    guard loss.isFinite else {
      throw communicator.shared(
        InputError(
          folder.path,
          "step \(state.globalStep): the validation loss is no longer finite; try a lower "
            + "--learning-rate or more --warmup-steps"))
    }
    let samples = try savingOnFailure(report) {
      try communicator.together { communicator.isRoot ? try writeSamples(report) : nil }
    }
    // Compared with the best earlier loss, as in transformers' Trainer.
    let best = state.best?.loss
    state.earlyStopping?.count(loss, best: best)
    if best.map({ loss < $0 }) ?? true { state.best = (loss, state.globalStep) }
    values["eval_loss"] = loss
    values["eval_perplexity"] = min(exp(loss), .greatestFiniteMagnitude)
    // The only one of the three that can be compared between vocabularies.
    values["eval_bits_per_byte"] = validationBytesPerToken.map { loss / log(2) / $0 }
    if let samples {
      state.samples.append(samples.shown)
      values.merge(samples.statistics.values) { $1 }
      values["eval_texts_runtime"] = (samples.seconds * 1e4).rounded() / 1e4
    }
    let logged = entry(values)
    state.log.append(logged)
    try notify(.logged(logged), report)
  }
}
