import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import TensorKernels

func perplexity(ofLoss loss: Double) -> Double { exp(loss) }

/// How a training begins.
public enum TrainingStart: Equatable, Sendable {
  case anew
  /// After the step of the checkpoint that was read.
  case resumed(step: Int)
  /// The run is finished already.
  case finished
}

/// What to do with an earlier run in the same folder.
public struct EarlierRunPolicy: Sendable {
  /// Go on where it stopped.
  public var resumes: Bool
  /// Remove it, where it cannot be gone on with.
  public var restarts: Bool

  public init(resumes: Bool, restarts: Bool) {
    self.resumes = resumes
    self.restarts = restarts
  }
}

extension Trainer {
  /// Looks for an earlier run in the folder and begins as `policy` says.
  ///
  /// - Throws: ``FileError``; ``InputError`` if there is an earlier run and the policy forbids to
  ///   remove it, or its newest checkpoint is damaged.
  public func start(_ policy: EarlierRunPolicy) throws -> TrainingStart {
    // A folder that cannot be written to must show itself before hours of training, not after.
    _ = try OutputFile(path: "\(folder.path)/report.md")
    try folder.removeLeftovers()
    let newest = try folder.checkpointSteps().last
    let isFinished = Folder.exists(folder.finalPath)
    guard newest != nil || isFinished else { return .anew }
    var reason = "holds an earlier run; --resume goes on with it, --restart removes it"
    if policy.resumes {
      let path = isFinished ? folder.finalPath : folder.checkpointPath(step: newest ?? 0)
      let differences = try differences(from: path)
      if differences.isEmpty, isFinished, !policy.restarts { return .finished }
      if differences.isEmpty, !isFinished, let newest {
        try readCheckpoint(step: newest)
        return .resumed(step: newest)
      }
      reason =
        "holds a run with other settings (\(differences.joined(separator: "; "))); "
        + "--restart removes it"
    }
    guard policy.restarts else { throw InputError(folder.path, reason) }
    try removeEarlierRun()
    return .anew
  }

  private func removeEarlierRun() throws {
    try Folder.remove(folder.finalPath)
    for step in try folder.checkpointSteps() {
      try Folder.remove(folder.checkpointPath(step: step))
    }
  }

  // MARK: - Reading

  /// What decides the course of the run.
  private var course: JSONValue {
    [
      "settings": settings.course(steps: totalSteps),
      "model": model.configuration.json,
      "origin": origin,
      "data": data.digest,
    ]
  }

  /// In what the run of the checkpoint at `path` differs from this one.
  private func differences(from path: String) throws -> [String] {
    let then = try JSONValue(path: "\(path)/\(CheckpointFile.resumeState)")
    var differences: [String] = []
    for section in course.members ?? [] {
      for member in section.value.members ?? [] {
        let earlier = then[section.key]?[member.key] ?? .null
        // Numbers may be written as whole ones.
        if earlier != member.value, earlier.number == nil || earlier.number != member.value.number {
          differences.append("\(member.key) was \(earlier.text()), is \(member.value.text())")
        }
      }
      if section.value.members == nil, then[section.key] != section.value {
        differences.append("the training \(section.key) is another")
      }
    }
    return differences
  }

  private func readCheckpoint(step: Int) throws {
    let path = folder.checkpointPath(step: step)
    let weights = try SafetensorsFile(path: "\(path)/\(CheckpointFile.weights)")
    let moments = try SafetensorsFile(path: "\(path)/\(CheckpointFile.optimizer)")
    for parameter in model.layout.parameters {
      for (file, prefix, arena) in [
        (weights, "", model.parameters), (moments, "exp_avg.", firstMoments),
        (moments, "exp_avg_sq.", secondMoments),
      ] {
        let tensor = try file.tensor(prefix + parameter.name, shape: parameter.shape)
        try file.copy(tensor, to: arena[parameter.range])
      }
    }
    let statePath = "\(path)/\(CheckpointFile.trainerState)"
    let state = try TrainerState(path: statePath)
    guard state.globalStep == step else {
      throw InputError(statePath, "global_step is \(state.globalStep), expected \(step)")
    }
    resume(state)
  }

  // MARK: - Writing

  /// Writes a checkpoint of the last step and returns its path.
  func saveCheckpoint() throws -> String {
    let path = folder.checkpointPath(step: state.globalStep)
    try RunFolder.write(path) { partial in
      try writeModel(to: partial)
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
    let report = TrainingReport(self)
    try replaceFile(at: "\(folder.path)/curves.csv", with: report.table)
    try replaceFile(at: "\(folder.path)/curves.svg", with: report.picture)
    try replaceFile(at: "\(folder.path)/report.md", with: report.text)
    try RunFolder.write(folder.finalPath) { try writeModel(to: $0) }
    return folder.finalPath
  }

  private func writeModel(to path: String) throws {
    try model.write(to: path)
    try CheckpointFile.copyTokenizer(from: data.tokenizerFolder, to: path)
    try replaceFile(
      at: "\(path)/\(CheckpointFile.resumeState)", with: course.text(indent: 2) + "\n")
    // After the last step there is the final model instead of a checkpoint.
    let best = state.best.map {
      $0.step == totalSteps ? folder.finalPath : folder.checkpointPath(step: $0.step)
    }
    try replaceFile(
      at: "\(path)/\(CheckpointFile.trainerState)",
      with: state.json(bestCheckpoint: best).text(indent: 2) + "\n")
  }
}
