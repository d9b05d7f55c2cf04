import CheckpointFormat
import CommandLineSupport
import Communication
import FileSupport
import GPT2
import Glibc
import ModelHub
import TextSupport
import Threading
import Training

/// What several processes that share a training do together before it begins.
extension GPTFinetune {
  /// Calls `body` in all processes while no other run may write to the output, which only the first one
  /// needs.
  func holdingOutput(_ communicator: Communicator, _ body: () throws -> Void) throws {
    var isHeld = !communicator.isRoot
    func start() throws {
      isHeld = true
      try communicator.together {}
      try body()
    }
    guard communicator.isRoot else { return try start() }
    do {
      try checkOutput()
      try OutputFolder.holding(output, start)
    } catch {
      throw isHeld ? error : communicator.agree(on: error) ?? error
    }
  }

  /// Says what the processes are that share the training.
  func reportProcesses(
    _ communicator: Communicator, _ trainer: Trainer, _ processors: Processors
  ) {
    guard communicator.size > 1 else {
      for (isGiven, name) in [
        (processes.shardOptimizer, "shard-optimizer"), (processes.localSteps != nil, "local-steps"),
      ] where isGiven {
        Log.info("--\(name) has no effect on a step: there is only one process")
      }
      return
    }
    let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let isBound = processors.logicalCount * communicator.countOnThisMachine < online
    communicator.warn(
      isBound
        ? "this process may use \(processors.logicalCount) of \(online) processors; mpirun --bind-to "
          + "none allows it all" : nil)
    let settings = trainer.settings
    Log.info(
      "\(communicator.places), by \(communicator.description); a step has "
        + "\(settings.gradientAccumulationSteps) batches of \(settings.batchSize) examples, an epoch "
        + "\(NumberText.count(Double(trainer.stepsPerEpoch))) steps")
  }

  /// The folder of the model to fine-tune, on every machine; on each, one process fetches it.
  func fetchModel(_ communicator: Communicator) throws -> String? {
    var base: String?
    for isFirst in [true, false] {
      try communicator.together {
        guard communicator.isFirstOnThisMachine == isFirst else { return }
        base = try model.map { model in
          try ModelHub.folder(for: model, .whole) {
            _ = try GPT2Configuration(path: "\($0)/\(CheckpointFile.configuration)")
          }
        }
      }
    }
    return base
  }
}
