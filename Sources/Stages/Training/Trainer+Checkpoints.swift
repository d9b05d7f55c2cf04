import CheckpointFormat
import Communication
import FileSupport
import GPT2
import Glibc
import JSONSupport
import TensorKernels
import TextSupport
import TokenShardFormat

extension Trainer {
  /// Looks for an earlier run in the folder and starts as `policy` says.
  ///
  /// An earlier run that is replaced stays until this one saves something, and is then kept as
  /// ``RunFolder/previousPath`` until this one is finished. `progress` is called from time to time
  /// while a checkpoint is read.
  ///
  /// The first process looks and reads for all.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the policy forbids replacing an earlier run, or if all
  ///   its checkpoints are damaged; what `progress` throws; `PeerFailure` for what another process
  ///   throws.
  public func start(
    _ policy: EarlierRunPolicy, progress: () throws -> Void = {}
  ) throws -> TrainingStart {
    let start = try communicator.together {
      try moments.serving(others: .new) { try startAlone(policy, progress) }
    }
    return try shared(start)
  }

  private func startAlone(
    _ policy: EarlierRunPolicy, _ progress: () throws -> Void
  ) throws -> TrainingStart {
    // If the folder is not writable, that must become apparent before hours of training, not after.
    // Opening a file also removes what a killed process left of it.
    _ = try OutputFile(path: "\(folder.path)/report.md")
    _ = try OutputFile(path: "\(folder.path)/\(RunPage.fileName)")
    try folder.removeLeftovers()
    try folder.restorePrevious()
    try folder.checkNoOtherModel()
    guard try folder.holdsRun() else { return .new }
    var differences: [String] = []
    if policy.resumes {
      if folder.isFinished {
        differences = try self.differences(from: folder.finalPath, isFinished: true)
        if differences.isEmpty {
          try checkFinalModel()
          // The process may have ended before it could do so.
          try folder.removePrevious()
          return .finished
        }
      } else {
        let newest = try restoreNewest(progress)
        differences = newest.differences
        if differences.isEmpty { return .resumed(step: newest.step) }
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

  /// Checks that the finished model is complete.
  ///
  /// - Throws: ``InputError`` with the remedy; ``FileError``.
  private func checkFinalModel() throws {
    do {
      try model.checkFinal(folder.finalPath)
    } catch {
      guard let damage = InputError(damageBehind: error) else { throw error }
      throw InputError(
        damage.path, damage.place,
        "\(damage.problem); the finished model is damaged: remove \(folder.finalPath), and --resume "
          + "makes it again from the newest checkpoint")
    }
  }

  /// Restores the newest complete checkpoint, unless its run differs from this one; damaged ones
  /// stay where they are and are reported in ``warnings``.
  ///
  /// - Returns: The step of the checkpoint, and how its run differs.
  /// - Throws: ``InputError`` about the newest if none is complete; ``FileError``.
  private func restoreNewest(
    _ progress: () throws -> Void
  ) throws -> (step: Int, differences: [String]) {
    var damages: [InputError] = []
    for step in try folder.checkpointSteps(includingDamaged: true).reversed() {
      let path = folder.checkpointPath(step: step)
      do {
        let differences = try self.differences(from: path)
        if differences.isEmpty { try readCheckpoint(path, step: step, progress) }
        warnings += damages.map { "\($0); the checkpoint is damaged: using \(path) instead" }
        return (step, differences)
      } catch {
        guard let damage = InputError(damageBehind: error) else { throw error }
        damages.append(damage)
      }
    }
    let damage = damages[0]
    throw InputError(
      damage.path, damage.place,
      "\(damage.problem); the checkpoint is damaged, and there is no complete older one; --restart "
        + "without --resume starts over")
  }

  // MARK: - Reading

  /// Whether the earlier run in the folder differs from this one in its precision, and in that alone.
  public var differsInPrecisionAlone: Bool {
    var other = settings
    other.precision = settings.precision == .fp32 ? .bf16 : .fp32
    let steps = (try? folder.checkpointSteps()) ?? []
    for path in [folder.finalPath] + steps.reversed().map(folder.checkpointPath) {
      let isFinished = path == folder.finalPath
      guard let differences = try? differences(from: path, isFinished: isFinished, settings: other)
      else { continue }
      return differences.isEmpty
    }
    return false
  }

  /// What must be equal for a run to be resumed.
  private func resumeKey(_ settings: TrainingSettings) -> JSONValue {
    [
      "settings": settings.resumeKey(steps: settings.totalSteps(on: data)),
      "model": model.configuration.json,
      "adapter": model.resumeKey,
      "origin": origin.resumeKey,
      "tokenizer": .integer(Int(data.manifest.tokenizerDigest)),
      "data": data.digest(of: .train),
      "validation_data": settings.dependsOnValidation ? data.digest(of: .validation) : nil,
    ]
  }

  /// How the run of the checkpoint at `path` differs from this one, or from this one with `settings`.
  ///
  /// Until it is finished, a run may get another time budget: the rest is planned again.
  private func differences(
    from path: String, isFinished: Bool = false, settings: TrainingSettings? = nil
  ) throws -> [String] {
    let statePath = "\(path)/\(CheckpointFile.resumeState)"
    let then = try JSONValue(path: statePath)
    var differences: [String] = []
    for section in resumeKey(settings ?? self.settings).members ?? [] {
      // Runs that predate adapters do not say that they have none.
      guard
        section.value.members == nil || then[section.key]?.members != nil
          || section.key == "adapter"
      else {
        throw InputError(statePath, "'\(section.key)' is missing or not an object")
      }
      for member in section.value.members ?? [] {
        // Runs that predate the choice of precision or of adapters do not name theirs.
        let absent: JSONValue =
          switch member.key {
          case "precision": .string(Precision.fp32.rawValue)
          case "kind": "none"
          default: .null
          }
        let earlier = then[section.key]?[member.key] ?? absent
        if member.key == "time_budget", !isFinished, earlier != .null, member.value != .null {
          continue
        }
        // A number may be written as an integer.
        if earlier != member.value, earlier.number == nil || earlier.number != member.value.number {
          differences.append("\(member.key) was \(earlier.excerpt), is \(member.value.excerpt)")
        }
      }
      // Runs that predate this check do not name their tokenizer.
      if section.key == "tokenizer" {
        if then[section.key] ?? section.value != section.value {
          differences.append("the tokenizer is different")
        }
      } else if section.value.members == nil, then[section.key] ?? .null != section.value {
        let name = section.key == "data" ? "training" : "validation"
        differences.append("the \(name) data is different")
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
    let resumeState = try JSONValue(path: "\(path)/\(CheckpointFile.resumeState)")
    let processes = resumeState["processes"]?.integer ?? 1
    if processes != communicator.size, !settings.sumsDeterministically {
      warnings.append(
        "the run had \(processes) process\(processes == 1 ? "" : "es") and has \(communicator.size) from "
          + "here on: "
          + (settings.localSteps == nil
            ? "the last bits of sums may differ (--deterministic-reduction keeps them equal)"
            : "with --local-steps, the result depends on their number"))
    }
    if settings.loadsBestModelAtEnd, let best = state.best?.step, best != step {
      // A missing file should be noticed now, not at the end.
      try model.check(folder.checkpointPath(step: best))
    }
    let optimizer = try SafetensorsFile(path: "\(path)/\(CheckpointFile.optimizer)")
    try restoreTime(from: path)
    try model.restore(from: path, progress: progress)
    try moments.read(optimizer, model.threadPool, progress: progress)
    resume(state)
  }

  /// Replaces the weights with those that have the lowest validation loss, if the settings ask for
  /// it.
  func loadBestModel() throws {
    guard settings.loadsBestModelAtEnd, let best = state.best?.step, best != state.globalStep
    else { return }
    try model.restore(from: folder.checkpointPath(step: best)) {}
  }

  // MARK: - Writing

  /// Writes a checkpoint of the last step in place of those after the steps `superseded`, and returns
  /// its path.
  func saveCheckpoint(superseding superseded: [Int] = []) throws -> String {
    try checkWeights()
    try communicator.together {
      try moments.serving(others: ()) { try writeCheckpoint(superseding: superseded) }
    }
    lastSave = .now
    return folder.checkpointPath(step: state.globalStep)
  }

  /// Calls `write` with the folder of this run, or with a folder that replaces an earlier run.
  private func save(_ write: (RunFolder) throws -> Void) throws {
    guard replacesEarlierRun else { return try write(folder) }
    try folder.replace(write)
    replacesEarlierRun = false
  }

  private func writeCheckpoint(superseding superseded: [Int]) throws {
    try save { folder in
      try RunFolder.write(folder.checkpointPath(step: state.globalStep)) { partial in
        try model.write(to: partial)
        try writeState(to: partial, isFinal: false)
        try SafetensorsWriter.write(
          moments.tensors, to: "\(partial)/\(CheckpointFile.optimizer)")
      }
    }
    for step in superseded { try folder.removeCheckpoint(step: step) }
    if let limit = settings.saveTotalLimit {
      // Damaged checkpoints from steps that this run has not reached again do not count.
      let damaged = try folder.checkpointSteps().count { $0 > state.globalStep }
      try folder.removeOldCheckpoints(
        limit: limit + damaged, keeping: Set([state.best?.step ?? -1]))
    }
  }

  /// Writes the final model, the curves and the report, and returns the model's path.
  ///
  /// `progress` is called while texts are written for the model's card; if it throws, the card has
  /// none.
  func saveFinal(_ progress: () throws -> Void) throws -> String {
    let report = TrainingReport(self)
    try save { folder in
      try replaceFile(at: "\(folder.path)/curves.csv", with: report.table)
      try replaceFile(at: "\(folder.path)/curves.svg", with: report.picture)
      try replaceFile(at: "\(folder.path)/report.md", with: report.text)
      try RunFolder.write(folder.finalPath) { partial in
        try model.writeFinal(to: partial)
        try writeState(to: partial, isFinal: true)
        let card = try ModelCard(self, report, model.inferenceModel(final: partial), progress)
        samples = card.samples ?? []
        try replaceFile(at: "\(partial)/\(CheckpointFile.card)", with: card.text)
      }
    }
    try folder.removePrevious()
    return folder.finalPath
  }

  private func writeState(to path: String, isFinal: Bool) throws {
    try CheckpointFile.copyTokenizer(from: data.tokenizerFolder, to: path)
    var members =
      (resumeKey(settings).members ?? []) + [
        .init("sums", state.sums), .init("processes", .integer(communicator.size)),
      ]
    if let timeline { members.append(.init("time", timeline.json(used: usedTime))) }
    // The final model is made to be published, and a sample may be a post.
    if !isFinal { members.append(.init("samples", state.samplesJSON)) }
    let resumeState = JSONValue.object(members)
    try replaceFile(
      at: "\(path)/\(CheckpointFile.resumeState)", with: resumeState.text(indent: 2) + "\n")
    try replaceFile(
      at: "\(path)/\(CheckpointFile.trainerState)",
      with: state.json(bestCheckpoint: bestCheckpoint(isFinal: isFinal)).text(indent: 2) + "\n")
  }

  /// The path of the best checkpoint, if there is one, while another or the final model is written.
  ///
  /// The final model is made to be published, so for it the path begins in the folder of the run.
  private func bestCheckpoint(isFinal: Bool) -> String? {
    guard let step = state.best?.step else { return nil }
    let path = folder.checkpointPath(step: step)
    let isLast = step == state.globalStep
    guard isLast || Folder.exists(path) else { return nil }
    return isFinal ? Folder.name(of: isLast ? folder.finalPath : path) : path
  }
}

extension InputError {
  /// What is wrong with a file if it is damaged or missing; `nil` if it could not be read for another
  /// reason, such as missing permissions or memory.
  fileprivate init?(damageBehind error: any Error) {
    switch error {
    case let error as InputError: self = error
    case let error as FileError where [ENOENT, ENOTDIR, EISDIR, EIO].contains(error.code):
      self.init(error.path, String("\(error)".dropFirst(error.path.count + 2)))
    default: return nil
    }
  }
}
