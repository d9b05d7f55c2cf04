import CommandLineSupport
import Communication
import FileSupport
import GPT2
import CheckpointFormat
import TensorKernels
import TextSupport
import Threading
import Training

/// A run from its beginning to its end.
extension GPTFinetune {
  /// Trains, or completes the card of a finished run.
  func train(_ communicator: Communicator) throws {
    let (trainer, processors) = try prepareResuming(TrainingClock(), communicator)
    logSummary(of: trainer, processors)
    reportProcesses(communicator, trainer, processors)
    communicator.warn(try communicator.together { try memoryWarning() })
    let policy = EarlierRunPolicy(resumes: resume, restarts: restart)
    let start = try trainer.start(policy, progress: Interruption.check)
    for warning in trainer.warnings { Log.warning(warning) }
    if start == .finished { return try completeCard(of: trainer, communicator) }
    try communicator.together { try checkInputsStay(start, trainer.folder) }
    log(start, of: trainer)
    try communicator.together { if communicator.isRoot { try checkDisk(trainer) } }
    // A resumed run takes its weights from the checkpoint.
    if trainer.state.globalStep == 0 { drawWeights(of: trainer) }
    guard communicator.isRoot else {
      return try trainer.run { _ in try Interruption.check() }
    }
    try runAsRoot(trainer, processors, communicator)
    if trainer.state.globalStep < trainer.totalSteps {
      Log.info("stopped early after step \(trainer.state.globalStep)")
    }
    if trainer.settings.loadsBestModelAtEnd, let best = trainer.state.best {
      Log.info("final/ is the model after step \(best.step), the best by validation loss")
    }
    print("\(output)/final")
  }

  /// The trainer that the options describe, in the precision of the run that is resumed if none is given:
  /// the default may have been another, or that of another processor.
  private func prepareResuming(
    _ clock: TrainingClock, _ communicator: Communicator
  ) throws -> (trainer: Trainer, processors: Processors) {
    let prepared = try prepare(clock, communicator)
    guard training.precision == nil, resume,
      communicator.root(prepared.trainer.differsInPrecisionAlone)
    else { return prepared }
    training.precision = prepared.trainer.settings.precision == .fp32 ? .bf16 : .fp32
    return try prepare(clock, communicator)
  }

  private func logSummary(of trainer: Trainer, _ processors: Processors) {
    let (data, settings, threadPool) = (trainer.data, trainer.settings, trainer.model.threadPool)
    let (parameters, trained) = (
      Double(trainer.model.parameterCount), Double(trainer.model.trainable.floats.count)
    )
    let fraction =
      trained < parameters
      ? " (\(NumberText.count(trained)) of them trained, "
        + "\(NumberText.decimal(100 * trained / parameters, digits: 2)) %)" : ""
    let steps = trainer.plannedSteps.map { "\(NumberText.count($0)) steps" }
    Log.info(
      "\(NumberText.count(parameters)) parameters\(fraction), "
        + "\(NumberText.count(Double(data.blockCount))) blocks of \(settings.blockSize) tokens, "
        + (steps ?? "as many steps as there is time for,")
        + (settings.timeBudget.map { "\(steps == nil ? "" : ", at most") \($0.text)" } ?? ""))
    Log.info(
      "\(threadPool.count) thread\(threadPool.count == 1 ? "" : "s") on \(processors); "
        + "\(ThreadPool.matrixKernels); products in \(settings.precision.rawValue)")
    if settings.precision == .fp32, ThreadPool.multipliesBFloat16 {
      Log.info("this processor multiplies bfloat16: --precision bf16 is about twice as fast")
    }
  }

  /// Says how a run starts that is not finished.
  private func log(_ start: TrainingStart, of trainer: Trainer) {
    switch start {
    case .finished, .new: break
    case .resumed(let step): Log.info("resuming after step \(step)")
    case .replacing(let differences):
      if !differences.isEmpty {
        Log.info("the earlier run differs: \(differences.joined(separator: "; "))")
      }
      Log.info(
        "the earlier run is kept until the first checkpoint, then as "
          + "\(trainer.folder.previousPath) until this run is finished")
    }
  }

  /// Writes the samples of a finished model's card if they are missing.
  private func completeCard(of trainer: Trainer, _ communicator: Communicator) throws {
    Log.info(
      "\(output) is already finished, with the same settings, model and data; it is left unchanged")
    try communicator.together {
      guard communicator.isRoot else { return }
      let progress = TrainingProgressReport(trainer, firstStep: trainer.totalSteps)
      try trainer.completeCard { try progress.report(.sampling(isFinal: true)) }
      try Interruption.check()
    }
  }

  /// Runs the training in the process that reports it: in the log, on the page, for TensorBoard.
  private func runAsRoot(
    _ trainer: Trainer, _ processors: Processors, _ communicator: Communicator
  ) throws {
    let progress = TrainingProgressReport(trainer, firstStep: trainer.state.globalStep)
    let machine =
      "\(trainer.model.threadPool.count) of \(processors); \(ThreadPool.matrixKernels)"
    let page = RunPage(
      trainer,
      surroundings: [("program", "\(Self.name) \(packageVersion)"), ("machine", machine)]
        + (communicator.size > 1 ? [("processes", communicator.places)] : []))
    let tensorBoard = checkpoints.reportTo == .tensorboard ? TensorBoardLog(trainer) : nil
    do {
      try trainer.run { event in
        try tensorBoard?.record(event)
        try page.record(event)
        try progress.report(event)
      }
    } catch {
      // The reason why the training has stopped matters more.
      try? page.end(isFinished: false)
      throw error
    }
    try tensorBoard?.finish()
    try page.end(isFinished: true)
  }

  /// Checks that nothing is removed that the new run begins with: parts of the run that is replaced, or
  /// of one that was set aside.
  private func checkInputsStay(_ start: TrainingStart, _ run: RunFolder) throws {
    var removed = [RunFolder(path: run.previousPath)]
    if case .replacing = start { removed.append(run) }
    for case let input? in [model, adapterOptions.adapterFrom] {
      let files = [input] + CheckpointFile.parts(of: input)
      guard removed.contains(where: { files.contains(where: $0.isPart) }) else { continue }
      throw UsageError(
        "'\(input)' is part of the run that would be replaced; choose another --output")
    }
  }
}
