import CheckpointFormat
import FileSupport
import GPT2
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
  /// `nil` if the writing of samples was interrupted.
  let samples: [String]?
  /// Whether the model was trained on Russian text.
  private let isRussian: Bool

  /// The card of `model`, which `trainer` has trained; without samples if `progress`, which is called
  /// while they are written, throws.
  init(
    _ trainer: Trainer, _ report: TrainingReport, _ model: InferenceModel,
    _ progress: () throws -> Void
  ) {
    self.trainer = trainer
    self.report = report
    isRussian = trainer.vocabulary?.isRussian(trainer.data.training) ?? false
    // A model without samples is worth keeping.
    samples =
      trainer.vocabulary.map { vocabulary in
        try? TextSamples(vocabulary, trainer.data, seed: trainer.settings.seed)
          .texts(3, by: model, progress)
      } ?? []
  }

  /// A comment in place of samples whose writing was interrupted.
  private static let interruption =
    "<!-- The writing of samples was interrupted: gpt-finetune --resume writes them. -->"

  /// Whether the card in the folder `path` has no samples because their writing was interrupted.
  static func isInterrupted(in path: String) -> Bool {
    guard let card = try? MappedFile(path: "\(path)/\(CheckpointFile.card)") else { return false }
    return withExtendedLifetime(card) {
      String(decoding: card.bytes, as: UTF8.self).contains(interruption)
    }
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
    guard let samples else { return [Self.interruption] }
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

extension Trainer {
  /// Writes the card of the finished model again if the writing of its samples was interrupted.
  ///
  /// It replaces this trainer's state with that of the model. `progress` is called while the samples
  /// are written; if it throws, the card stays as it is.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model is damaged.
  public func completeCard(_ progress: () throws -> Void) throws {
    let path = folder.finalPath
    guard ModelCard.isInterrupted(in: path) else { return }
    resume(try TrainerState(checkpoint: path))
    try restoreTime(from: path)
    let card = ModelCard(
      self, TrainingReport(self), try model.inferenceModel(final: path), progress)
    try replaceFile(at: "\(path)/\(CheckpointFile.card)", with: card.text)
  }
}
