import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import TensorKernels
import TokenShardFormat

func perplexity(ofLoss loss: Double) -> Double { exp(loss) }

/// How a training begins.
public enum TrainingStart: Equatable, Sendable {
  /// From the first step; there is no earlier run.
  case new
  /// From the first step, in place of an earlier run that differs in what is listed.
  case replacing(differences: [String])
  /// After the step of the checkpoint that was read.
  case resumed(step: Int)
  /// The run is finished already.
  case finished
}

/// What to do with an earlier run in the same folder.
public struct EarlierRunPolicy: Sendable {
  /// Continue where it stopped, and leave a finished one with the same settings as it is.
  public var resumes: Bool
  /// Replace it, where it is not continued or left.
  public var restarts: Bool

  public init(resumes: Bool, restarts: Bool) {
    self.resumes = resumes
    self.restarts = restarts
  }
}

extension Trainer {
  /// Looks for an earlier run in the folder and begins as `policy` says.
  ///
  /// An earlier run that is replaced stays until this one saves something, and is then kept as
  /// ``RunFolder/previousPath`` until this one is finished. `progress` is called now and then while a
  /// checkpoint is read.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there is an earlier run and the policy forbids to
  ///   replace it, or its newest checkpoint is damaged; what `progress` throws.
  public func start(
    _ policy: EarlierRunPolicy, progress: () throws -> Void = {}
  ) throws -> TrainingStart {
    // A folder that cannot be written to must show itself before hours of training, not after.
    _ = try OutputFile(path: "\(folder.path)/report.md")
    try folder.removeLeftovers()
    try folder.restorePrevious()
    guard try folder.holdsRun() else { return .new }
    var differences: [String] = []
    if policy.resumes {
      if folder.isFinished {
        differences = try self.differences(from: folder.finalPath)
        if differences.isEmpty { return .finished }
      } else {
        let step = try folder.checkpointSteps().last ?? 0
        differences = try readable(step) { try self.differences(from: $0) }
        if differences.isEmpty {
          try readable(step) { try readCheckpoint($0, step: step, progress) }
          return .resumed(step: step)
        }
      }
    }
    guard policy.restarts else {
      throw InputError(
        folder.path,
        differences.isEmpty
          ? "holds an earlier run; --resume continues it, --restart replaces it"
          : "holds a run with other settings (\(differences.joined(separator: "; "))); "
            + "--restart replaces it")
    }
    try folder.checkCanBeSetAside()
    replacesEarlierRun = true
    return .replacing(differences: differences)
  }

  /// Makes room for the first thing that this run saves.
  private func setEarlierRunAside() throws {
    guard replacesEarlierRun else { return }
    try folder.setAside()
    replacesEarlierRun = false
  }

  /// Calls `read` with the path of the checkpoint after `step` steps; its error tells what to do.
  private func readable<Result>(_ step: Int, _ read: (String) throws -> Result) throws -> Result {
    let path = folder.checkpointPath(step: step)
    do {
      return try read(path)
    } catch let error where !isDamage(error) {
      throw error
    } catch let error as any CustomStringConvertible {
      let older = try folder.checkpointSteps().last { $0 < step }
      let remedy =
        older.map { "remove \(path), and --resume goes on after step \($0)" }
        ?? "there is no older checkpoint; --restart alone starts over"
      let (file, place, problem) =
        switch error {
        case let error as InputError: (error.path, error.place, error.problem)
        case let error as FileError:
          (error.path, .whole, String("\(error)".dropFirst(error.path.count + 2)))
        default: (path, InputError.Place.whole, "\(error)")
        }
      throw InputError(file, place, "\(problem); the checkpoint is damaged: \(remedy)")
    }
  }

  /// Whether `error` says something of the file that was read: a signal and no memory do not.
  private func isDamage(_ error: any Error) -> Bool {
    error is InputError || (error as? FileError).map { $0.code != ENOMEM } ?? false
  }

  // MARK: - Reading

  /// What decides the course of the run.
  private var course: JSONValue {
    [
      "settings": settings.course(steps: totalSteps),
      "model": model.configuration.json,
      "origin": origin,
      "data": data.digest(of: .train),
      "validation_data": settings.dependsOnValidation ? data.digest(of: .validation) : nil,
    ]
  }

  /// In what the run of the checkpoint at `path` differs from this one.
  private func differences(from path: String) throws -> [String] {
    let then = try JSONValue(path: "\(path)/\(CheckpointFile.resumeState)")
    var differences: [String] = []
    for section in course.members ?? [] {
      for member in section.value.members ?? [] {
        // Runs of the time before there was a choice do not tell their precision.
        let absent: JSONValue =
          member.key == "precision" ? .string(Precision.fp32.rawValue) : .null
        let earlier = then[section.key]?[member.key] ?? absent
        // Numbers may be written as whole ones.
        if earlier != member.value, earlier.number == nil || earlier.number != member.value.number {
          differences.append("\(member.key) was \(earlier.text()), is \(member.value.text())")
        }
      }
      if section.value.members == nil, then[section.key] ?? .null != section.value {
        let name = section.key == "data" ? "training" : "validation"
        differences.append("the \(name) data is another")
      }
    }
    return differences
  }

  private func readCheckpoint(
    _ path: String, step: Int, _ progress: () throws -> Void
  ) throws {
    let state = try TrainerState(checkpoint: path)
    guard state.globalStep == step else {
      throw InputError(
        "\(path)/\(CheckpointFile.trainerState)",
        "global_step is \(state.globalStep), expected \(step)")
    }
    if settings.loadsBestModelAtEnd, let best = state.best?.step, best != step {
      // Better now than at the end.
      _ = try SafetensorsFile(path: bestWeightsPath(best))
    }
    let weights = try SafetensorsFile(path: "\(path)/\(CheckpointFile.weights)")
    let moments = try SafetensorsFile(path: "\(path)/\(CheckpointFile.optimizer)")
    try model.workers.copy(
      destinations(of: weights, in: model.parameters)
        + destinations(of: moments, prefix: "exp_avg.", in: firstMoments)
        + destinations(of: moments, prefix: "exp_avg_sq.", in: secondMoments),
      progress: progress)
    resume(state)
  }

  private func bestWeightsPath(_ step: Int) -> String {
    "\(folder.checkpointPath(step: step))/\(CheckpointFile.weights)"
  }

  /// Replaces the weights by those with the lowest validation loss, if the settings say so.
  func loadBestModel() throws {
    guard settings.loadsBestModelAtEnd, let best = state.best?.step, best != state.globalStep
    else { return }
    let weights = try SafetensorsFile(path: bestWeightsPath(best))
    try model.workers.copy(destinations(of: weights, in: model.parameters))
  }

  /// The tensors of `file` for all parameters, and where in `arena` each belongs.
  ///
  /// - Throws: ``InputError`` if one is missing, or has another shape or type.
  private func destinations(
    of file: SafetensorsFile, prefix: String = "", in arena: FloatArena
  ) throws -> [(StoredTensor, to: UnsafeMutableBufferPointer<Float>)] {
    try model.layout.parameters.map {
      let tensor = try file.tensor(prefix + $0.name, shape: $0.shape)
      try tensor.checkIsFloatingPoint()
      return (tensor, to: arena[$0.range])
    }
  }

  // MARK: - Writing

  /// Writes a checkpoint of the last step and returns its path.
  func saveCheckpoint() throws -> String {
    try setEarlierRunAside()
    let path = folder.checkpointPath(step: state.globalStep)
    try RunFolder.write(path) { partial in
      try writeModel(to: partial, isFinal: false)
      try SafetensorsWriter.write(
        model.tensors(of: firstMoments, prefix: "exp_avg.")
          + model.tensors(of: secondMoments, prefix: "exp_avg_sq."),
        to: "\(partial)/\(CheckpointFile.optimizer)")
    }
    if let limit = settings.saveTotalLimit {
      try folder.removeOldCheckpoints(limit: limit, keeping: Set([state.best?.step ?? -1]))
    }
    return path
  }

  /// Writes the finished model, the curves and the report, and returns the model's path.
  func saveFinal() throws -> String {
    try setEarlierRunAside()
    let report = TrainingReport(self)
    try replaceFile(at: "\(folder.path)/curves.csv", with: report.table)
    try replaceFile(at: "\(folder.path)/curves.svg", with: report.picture)
    try replaceFile(at: "\(folder.path)/report.md", with: report.text)
    try RunFolder.write(folder.finalPath) { try writeModel(to: $0, isFinal: true) }
    try folder.removePrevious()
    return folder.finalPath
  }

  private func writeModel(to path: String, isFinal: Bool) throws {
    try model.write(to: path)
    try CheckpointFile.copyTokenizer(from: data.tokenizerFolder, to: path)
    let resumeState = JSONValue.object((course.members ?? []) + [.init("sums", state.sums)])
    try replaceFile(
      at: "\(path)/\(CheckpointFile.resumeState)", with: resumeState.text(indent: 2) + "\n")
    try replaceFile(
      at: "\(path)/\(CheckpointFile.trainerState)",
      with: state.json(bestCheckpoint: bestCheckpoint(isFinal: isFinal)).text(indent: 2) + "\n")
  }

  /// The path of the best checkpoint, where there is one, while another or the final model is
  /// written.
  private func bestCheckpoint(isFinal: Bool) -> String? {
    guard let step = state.best?.step else { return nil }
    let path = folder.checkpointPath(step: step)
    if step == state.globalStep { return isFinal ? folder.finalPath : path }
    return Folder.exists(path) ? path : nil
  }
}
