import CheckpointFormat
import FileSupport
import Glibc
import JSONSupport
import TextSupport

/// What the folder of a training run says about it, finished or not.
struct ComparedRun {
  /// The path of the folder.
  let path: String
  let state: TrainerState
  /// Whether there is a finished model.
  let isFinished: Bool
  /// The settings, the shape of the model and what it was trained on, in the order of the file.
  let settings: [(name: String, value: String)]
  /// Stand for the tokenizer and for the posts that are held back.
  let tokenizer: JSONValue?
  let validationData: JSONValue?
  /// The size of all files in the folder, in bytes.
  let bytesOnDisk: Int

  /// Reads the finished model in the folder at `path`, or else the newest checkpoint.
  ///
  /// - Throws: ``InputError`` if the folder holds no run; ``FileError``.
  init(path: String) throws {
    self.path = path
    let folder = RunFolder(path: path)
    isFinished = folder.isFinished
    let newest =
      isFinished ? folder.finalPath : try folder.checkpointSteps().last.map(folder.checkpointPath)
    guard let newest else {
      throw InputError(path, "holds neither a finished model nor a checkpoint of a run")
    }
    state = try TrainerState(checkpoint: newest)
    let resumeState = try JSONObject(path: "\(newest)/\(CheckpointFile.resumeState)")
    tokenizer = resumeState["tokenizer"]
    validationData = resumeState["validation_data"]
    settings = Self.settings(resumeState)
    bytesOnDisk = Self.size(of: path)
  }

  private static func settings(_ resumeState: JSONObject) -> [(name: String, value: String)] {
    var settings: [(name: String, value: String)] = []
    for section in ["settings", "adapter", "model", "origin"] {
      for member in resumeState[section]?.members ?? [] where member.value != .null {
        let name =
          switch (section, member.key) {
          case ("adapter", "kind"): "adapter"
          case ("origin", "weights"): "first weights"
          default: member.key
          }
        // The checksum of the model that was fine-tuned.
        let checksum = section == "origin" ? member.value.integer : nil
        settings.append(
          (
            name,
            checksum.map { "model " + NumberText.hexadecimal(UInt32(truncatingIfNeeded: $0)) }
              ?? member.value.string ?? member.value.text()
          ))
      }
    }
    for (name, key) in [("training data", "data"), ("validation data", "validation_data")] {
      guard let shards = resumeState[key]?.elements, !shards.isEmpty else { continue }
      let tokens = shards.reduce(0) { $0 + ($1["tokens"]?.integer ?? 0) }
      let checksums = shards.compactMap { $0["crc32"]?.integer }.map {
        NumberText.hexadecimal(UInt32(truncatingIfNeeded: $0))
      }
      settings.append(
        (name, "\(NumberText.count(tokens)) tokens, \(checksums.joined(separator: " "))"))
    }
    return settings
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: status.st_size
    case S_IFDIR: ((try? Folder.list(path)) ?? []).reduce(0) { $0 + size(of: "\(path)/\($1)") }
    default: 0
    }
  }

  // MARK: - Figures

  /// The value of `setting`; `nil` if the run does not have it.
  func value(of setting: String) -> String? { settings.first { $0.name == setting }?.value }

  /// The values of `key` at the validation with the lowest loss, or at the last one without any best.
  func atBest(_ key: String) -> Double? {
    let entries = state.log.filter { $0.values[key] != nil }
    return (entries.last { $0.step == state.best?.step } ?? entries.last)?.values[key]
  }

  /// How many bits per byte a loss of 1 is, by the validations; `nil` if they do not say.
  var bitsPerByteOfLoss: Double? {
    guard let loss = atBest("eval_loss"), let bits = atBest("eval_bits_per_byte"), loss > 0
    else { return nil }
    return bits / loss
  }

  /// How long all steps take at the speed of the last session, in seconds; `nil` before its end.
  var seconds: Double? {
    let key = "train_steps_per_second"
    return state.lastEntry(with: key)?.values[key].flatMap {
      $0 > 0 ? Double(state.globalStep) / $0 : nil
    }
  }
}
