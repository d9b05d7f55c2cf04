import CheckpointFormat
import JSONSupport
import TextSupport
import TokenShardFormat

/// The card of a final model, in Markdown with the front matter that the Hugging Face Hub reads.
///
/// It says what the model was trained from and on how much, how well it does, and shows what it
/// writes. A card is published with the model, so it names no path and no channel.
package struct ModelCard {
  private let trainer: Trainer
  private let report: TrainingReport
  let samples: [String]
  /// Whether the model was trained on Russian text.
  private let isRussian: Bool

  /// The card of the model that `trainer` holds; without samples if `progress`, which is called
  /// while they are written, throws.
  init(_ trainer: Trainer, _ report: TrainingReport, _ progress: () throws -> Void) {
    self.trainer = trainer
    self.report = report
    isRussian = trainer.vocabulary?.isRussian(trainer.data.training) ?? false
    // A model without samples is worth keeping.
    samples =
      trainer.vocabulary.flatMap { vocabulary in
        try? TextSamples(vocabulary, trainer.data, seed: trainer.settings.seed)
          .texts(3, by: trainer.model, progress)
      } ?? []
  }

  var text: String {
    let sections = ["# \(title)", introduction, report.summary] + sampleSections
    return frontMatter + sections.map { "\n\($0)\n" }.joined()
  }

  // MARK: - Front matter

  private var frontMatter: String {
    var lines: [String] = []
    if let base {
      lines += ["base_model: \(Self.quoted(base))", "base_model_relation: finetune"]
    }
    if isRussian { lines.append("language: ru") }
    lines += [
      "library_name: transformers", "pipeline_tag: text-generation", "tags:", "- gpt2",
      "- bugurt-gpt",
    ]
    if let validation = report.finishedValidation {
      lines += [
        "metrics:", "- perplexity",
        "model-index:",
        "- name: \(Self.quoted(title))",
        "  results:",
        "  - task:",
        "      type: text-generation",
        "    dataset:",
        "      type: posts",
        "      name: Posts held back for validation",
        "    metrics:",
        "    - type: loss",
        "      name: Validation loss",
        "      value: \(validation.loss)",
        "    - type: perplexity",
        "      name: Validation perplexity",
        "      value: \(validation.perplexity)",
      ]
      if let bits = validation.bitsPerByte {
        lines += [
          "    - type: bits_per_byte",
          "      name: Validation bits per byte",
          "      value: \(bits)",
        ]
      }
    }
    return "---\n" + lines.map { $0 + "\n" }.joined() + "---\n"
  }

  /// `text` as a scalar of YAML, of which JSON is a part.
  private static func quoted(_ text: String) -> String { JSONValue.string(text).text() }

  // MARK: - Text

  /// The name of the model that was fine-tuned, if it is known.
  private var base: String? {
    if case .model(_, let name) = trainer.origin { return name }
    return nil
  }

  private var title: String {
    switch trainer.origin {
    case .random: return "GPT-2, trained from random weights"
    case .model(_, let name):
      return "\(name?.split(separator: "/").last ?? "GPT-2"), fine-tuned"
    }
  }

  private var introduction: String {
    let tokens = "\(NumberText.count(trainer.data.training.count)) tokens"
    let data = trainer.data.manifest.splits[.train]?.posts.map {
      "\(NumberText.count($0)) post\($0 == 1 ? "" : "s") (\(tokens))"
    }
    let what =
      switch trainer.origin {
      case .random: "A model of the GPT-2 architecture, trained from random weights"
      case .model(_, let name?): "[\(name)](https://huggingface.co/\(name)), fine-tuned"
      case .model(_, nil): "A model of the GPT-2 family, fine-tuned"
      }
    return """
      \(what) on \(data ?? tokens) with gpt-finetune of bugurt-gpt. A text begins after the token \
      `\(trainer.data.manifest.endOfTextToken)`, and ends with it.
      """
  }

  private var sampleSections: [String] {
    guard !samples.isEmpty else { return [] }
    return [
      "## Samples",
      "Written by the model, at temperature \(TextSamples.temperature); none of them is in the "
        + "training data.",
    ] + samples.map(Self.block)
  }

  /// `text` as a block of code, whose fence is longer than any in the text.
  package static func block(_ text: String) -> String {
    var fence = "```"
    while text.contains(fence) { fence += "`" }
    return "\(fence)text\n\(text)\n\(fence)"
  }
}
