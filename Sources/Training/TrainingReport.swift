import CheckpointFormat
import Foundation
import GPT2

/// The curves and the report of a training.
struct TrainingReport {
  private let trainer: Trainer
  private var log: [TrainerState.LogEntry] { trainer.state.log }

  init(_ trainer: Trainer) {
    self.trainer = trainer
  }

  /// The log as CSV, a line an entry.
  var table: String {
    let columns = ["loss", "eval_loss", "eval_perplexity", "learning_rate", "grad_norm"]
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
    return LineChart(
      title: "loss", xLabel: "step",
      lines: [
        .init(name: "training", color: "#1f77b4", points: points("loss")),
        .init(name: "validation", color: "#d62728", points: points("eval_loss")),
      ]
    ).svg
  }

  /// The report for people, as Markdown.
  var text: String {
    let (settings, model) = (trainer.settings, trainer.model.configuration)
    func number(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "–" }
    let losses = log.compactMap { $0.values["loss"] }
    let validation = log.last { $0.values["eval_loss"] != nil }?.values
    let command = CommandLine.arguments.map { argument in
      argument.contains { !$0.isLetter && !$0.isNumber && !"-_./=:".contains($0) }
        ? "'\(argument)'" : argument
    }.joined(separator: " ")
    return """
      # \(trainer.folder.path)

      ![loss](curves.svg)

      | | |
      | --- | --- |
      | model | \(model.layers) layers, \(model.width) wide, \(model.heads) heads, context \(model.contextLength), vocabulary \(model.vocabularySize) |
      | parameters | \(trainer.model.layout.count) |
      | steps | \(trainer.state.globalStep) of \(settings.batchSize) × \(settings.gradientAccumulationSteps) blocks of \(settings.blockSize) tokens |
      | epochs | \(number(log.last?.epoch)) |
      | learning rate | \(settings.learningRate), \(settings.schedule.rawValue), \(settings.warmupSteps) steps of warm-up |
      | seed | \(settings.seed) |
      | first logged loss | \(number(losses.first)) |
      | last logged loss | \(number(losses.last)) |
      | validation loss | \(number(validation?["eval_loss"])) |
      | validation perplexity | \(number(validation?["eval_perplexity"])) |

      Made by

          \(command)

      """
  }
}
