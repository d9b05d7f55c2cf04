import CheckpointFormat
import GPT2
import JSONSupport
import TensorBoardFormat

/// Writes the progress of a training for TensorBoard, under the tags of the Hugging Face Trainer.
///
/// While the folder still holds an earlier run, everything is kept in memory, so that a run that
/// never saves anything leaves the earlier one as it was.
public final class TensorBoardLog {
  /// The folder in that of a run that has the events.
  public static let folderName = "runs"

  private struct Entry {
    let values: [EventValue]
    let step: Int
    let time: Double
  }

  private let trainer: Trainer
  /// The first step of this session.
  private let firstStep: Int
  private var file: EventFile?
  private var waiting: [Entry] = []
  private var rate = TokenRate()

  /// Begins the session that `trainer` has started.
  public init(_ trainer: Trainer) {
    self.trainer = trainer
    firstStep = trainer.state.globalStep
    let settings = trainer.settings.json(steps: trainer.totalSteps)
    waiting = [
      Entry(
        values: [
          .text(tag: "args/text_summary", Self.block(settings)),
          .text(tag: "model_config/text_summary", Self.block(trainer.model.configuration.json)),
          .settings(Self.values(of: settings), start: EventFile.now),
        ], step: firstStep, time: EventFile.now)
    ]
  }

  /// Writes what `event` says.
  ///
  /// - Throws: ``FileError``.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .progress(let step): rate.add(step)
    case .logged(let entry):
      var values = Self.values(of: entry)
      if entry.values["loss"] != nil {
        values.append(.scalar(tag: "train/tokens_per_second", rate.take()))
      }
      if let samples = trainer.state.samples.last, samples.step == entry.step,
        entry.values["eval_texts"] != nil
      {
        values.append(.text(tag: "samples/text_summary", Self.text(of: samples)))
      }
      try append(values, step: entry.step)
    case .saved, .sampling, .completingRound: try writeWaiting()
    }
  }

  /// Writes what the trainer reports at the end of a run.
  ///
  /// - Throws: ``FileError``.
  public func finish() throws {
    guard let summary = trainer.state.log.last else { return }
    try append(
      Self.values(of: summary) + [.success(end: EventFile.now)], step: summary.step)
  }

  private func append(_ values: [EventValue], step: Int) throws {
    waiting.append(Entry(values: values, step: step, time: EventFile.now))
    try writeWaiting()
  }

  private func writeWaiting() throws {
    guard !trainer.replacesEarlierRun else { return }
    let file = try self.file ?? makeFile()
    self.file = file
    for entry in waiting { try file.append(entry.values, step: entry.step, time: entry.time) }
    waiting = []
  }

  /// A resumed run continues in the folder of its earlier sessions.
  private func makeFile() throws -> EventFile {
    let runs = "\(trainer.folder.path)/\(Self.folderName)"
    let earlier = firstStep > 0 ? try EventFolder(newestIn: runs) : nil
    return try (earlier ?? EventFolder(newIn: runs))
      .makeFile(firstStep: firstStep == 0 ? 0 : firstStep + 1)
  }

  // MARK: - Values

  /// The scalars of a line of the log: `eval_loss` is `eval/loss`, and `loss` is `train/loss`.
  private static func values(of entry: TrainerState.LogEntry) -> [EventValue] {
    let scalars = entry.values.sorted { $0.key < $1.key }.map { name, value in
      let tag = name.hasPrefix("eval_") ? "eval/\(name.dropFirst(5))" : "train/\(name)"
      return EventValue.scalar(tag: tag, value)
    }
    return scalars + [.scalar(tag: "train/epoch", entry.epoch)]
  }

  private static func values(of settings: JSONValue) -> [(name: String, value: EventValue.Setting)]
  {
    (settings.members ?? []).compactMap { member in
      switch member.value {
      case .string(let text): (member.key, .text(text))
      case .boolean(let flag): (member.key, .flag(flag))
      default: member.value.number.map { (member.key, .number($0)) }
      }
    }
  }

  private static func text(of samples: TrainerState.Samples) -> String {
    samples.texts.map { ModelCard.block($0.text) }.joined(separator: "\n\n")
  }

  private static func block(_ value: JSONValue) -> String {
    "```json\n\(value.text(indent: 2))\n```"
  }
}
