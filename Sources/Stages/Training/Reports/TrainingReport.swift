import CheckpointFormat
import CorpusFormat
import GPT2
import JSONSupport
import TextSupport
import TokenShardFormat

/// The curves and the report of a training run.
struct TrainingReport {
  private let trainer: Trainer
  private var log: [TrainerState.LogEntry] { trainer.state.log }

  init(_ trainer: Trainer) {
    self.trainer = trainer
  }

  /// The log as CSV, one line per entry.
  var table: String {
    let columns = [
      "loss", "eval_loss", "eval_perplexity", "eval_bits_per_byte", "learning_rate", "grad_norm",
    ]
    let lines = log.filter { entry in columns.contains { entry.values[$0] != nil } }.map { entry in
      (["\(entry.step)", "\(entry.epoch)"] + columns.map { entry.values[$0].map { "\($0)" } ?? "" })
        .joined(separator: ",")
    }
    return (["step,epoch," + columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }

  /// The curves of training and validation loss as SVG.
  var picture: String {
    func points(_ name: String) -> [(x: Double, y: Double)] {
      log.compactMap { entry in entry.values[name].map { (Double(entry.step), $0) } }
    }
    let best = trainer.state.best.map { [(x: Double($0.step), y: $0.loss)] } ?? []
    return LineChart(
      title: "loss", xLabel: "step",
      lines: [
        .init(name: "training", color: "#1f77b4", points: points("loss")),
        .init(name: "validation", color: "#d62728", points: points("eval_loss")),
        .init(name: "best", color: "#2ca02c", points: best),
      ]
    ).svg
  }

  /// The command that was typed.
  static var command: String {
    CommandLine.arguments.map { argument in
      argument.contains { !$0.isLetter && !$0.isNumber && !"-_./=:".contains($0) }
        ? "'\(argument)'" : argument
    }.joined(separator: " ")
  }

  /// The human-readable report, as Markdown.
  var text: String {
    """
    # \(trainer.folder.path)

    ![loss](curves.svg)

    \(summary)
    \(sources)\(samples)
    Made by

        \(Self.command)

    """
  }

  /// What the cleaning did, if its funnel is where the corpus was when it was encoded.
  var funnel: Funnel? {
    trainer.data.manifest.settings["corpus"]?.elements?.first?.string.flatMap {
      try? Funnel(path: Funnel.path(besideText: $0))
    }
  }

  /// The part of each text in a corpus that was joined, as a table in Markdown between empty lines.
  private var sources: String {
    guard let funnel, !funnel.sources.isEmpty else { return "" }
    let rows = [Funnel.sourceTitles, ["---", "---:", "---:", "---:"]] + funnel.sourceRows
    return "\n" + rows.map { "| \($0.joined(separator: " | ")) |\n" }.joined()
  }

  /// What the texts of each validation are like, as a table in Markdown; empty if there are none.
  private var samples: String {
    let entries = log.filter { $0.values["eval_texts"] != nil }
    guard !entries.isEmpty else { return "" }
    func percent(_ value: Double?) -> String { value.map { NumberText.percent($0) } ?? "–" }
    let rows = entries.map { entry in
      let values = entry.values
      return "| \(entry.step) | \(NumberText.count(values["eval_texts"] ?? 0)) "
        + "| \(percent(values["eval_texts_well_formed"])) | \(percent(values["eval_texts_copied"])) "
        + "| \(percent(values["eval_texts_distinct_1"])) "
        + "| \(percent(values["eval_texts_distinct_2"])) "
        + "| \(NumberText.decimal(values["eval_texts_words"] ?? 0, digits: 1)) |\n"
    }
    return """

      | step | texts | well-formed bugurts | copies of posts | different words | different pairs of words | words in a text |
      | --- | --- | --- | --- | --- | --- | --- |
      \(rows.joined())
      """
  }

  /// The settings and the results, as a table in Markdown.
  var summary: String {
    let settings = trainer.settings
    func number(_ value: Double?) -> String {
      value.map { NumberText.decimal($0, digits: 4) } ?? "–"
    }
    let losses = log.compactMap { $0.values["loss"] }
    let validation = trainer.state.lastEntry(with: "eval_loss")?.values
    let best = trainer.state.best
    let warmup = trainer.warmupSteps
    let steps = trainer.state.globalStep
    let time = trainer.timeText.map { "\n| time | \($0) |" } ?? ""
    let ending = steps < trainer.totalSteps ? ", stopped early (\(trainer.totalSteps) planned)" : ""
    return """
      | | |
      | --- | --- |
      | model | \(trainer.model.configuration.summary) |
      | parameters | \(trainer.model.parameterCount) |
      | steps | \(steps) of \(settings.batchSize) × \(settings.gradientAccumulationSteps) blocks of \(settings.blockSize) tokens\(ending) |
      | epochs | \(number(log.last?.epoch)) |
      | learning rate | \(settings.learningRate), \(settings.schedule.rawValue), \(warmup) steps of warm-up |\(time)
      | seed | \(settings.seed) |
      | first logged loss | \(number(losses.first)) |
      | last logged loss | \(number(losses.last)) |
      | validation loss | \(number(validation?["eval_loss"])) |
      | validation perplexity | \(number(validation?["eval_perplexity"])) |
      | validation bits per byte | \(number(validation?["eval_bits_per_byte"])) |
      | lowest validation loss | \(number(best?.loss))\(best.map { ", after step \($0.step)" } ?? "") |
      | finished model | after step \(finishedStep), the \(finishedStep == steps ? "last" : "best") |
      """
  }

  /// The step after which the weights of the final model were saved.
  private var finishedStep: Int {
    let best = trainer.settings.loadsBestModelAtEnd ? trainer.state.best?.step : nil
    return best ?? trainer.state.globalStep
  }

  /// How well the final model does on the validation data; `nil` without any.
  var finishedValidation: (loss: Double, perplexity: Double, bitsPerByte: Double?)? {
    let entry = log.last { $0.step == finishedStep && $0.values["eval_loss"] != nil }
    guard let loss = entry?.values["eval_loss"], let perplexity = entry?.values["eval_perplexity"]
    else { return nil }
    return (loss, perplexity, entry?.values["eval_bits_per_byte"])
  }
}
