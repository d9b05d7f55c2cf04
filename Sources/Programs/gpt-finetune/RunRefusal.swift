import CommandLineSupport
import FileSupport
import TensorKernels
import TextSupport
import Threading
import Training

/// A run that cannot fit on this machine, so that it is better not begun.
struct RunRefusal: StatusError, CustomStringConvertible {
  let exitStatus: ExitStatus
  let description: String
}

extension GPTFinetune {
  /// A warning if there is not enough memory for what has been allocated, unless swap space is used: the
  /// system grants it at first, and kills the program when it is used.
  ///
  /// - Throws: ``RunRefusal`` if there is too little even with swap space.
  func memoryWarning() throws -> String? {
    let needed = ArenaMemory.byteCount - ProcessMemory.residentBytes
    // The limit of the process counts what is allocated, which was granted.
    guard let available = AvailableMemory.byteCount(root: ""), needed > available else {
      return nil
    }
    let text =
      "the training needs another \(NumberText.bytes(Double(needed))) of memory, but only "
      + "\(NumberText.bytes(Double(available))) are free"
    if needed > available + AvailableMemory.freeSwap {
      throw RunRefusal(exitStatus: .unavailable, description: "\(text). \(Self.memoryAdvice)")
    }
    return "\(text), so that it will be very slow. \(Self.memoryAdvice)"
  }

  /// Checks that there is enough room on the disk for what the run certainly writes.
  ///
  /// - Throws: ``RunRefusal``; ``FileError``.
  func checkDisk(_ trainer: Trainer) throws {
    guard let (needed, free) = try trainer.diskShortage() else { return }
    throw diskRefusal(needed: needed, free: free)
  }

  /// The refusal of a run that certainly needs more room than is free.
  func diskRefusal(needed: Int, free: Int) -> RunRefusal {
    RunRefusal(
      exitStatus: .cannotCreate,
      description:
        "the run needs \(NumberText.bytes(Double(needed))) on the disk for its checkpoints and "
        + "the final model, but only \(NumberText.bytes(Double(free))) are free in \(output): "
        + "--save-total-limit 1, \(adapterOptions.isUsed ? "--merge no" : "--adapter lora") or another "
        + "--output need less")
  }
}
