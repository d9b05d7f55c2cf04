import CheckpointFormat
import Communication
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TokenShardFormat

/// What several processes that share a training have to know of each other.
extension Trainer {
  /// The number of steps in an epoch.
  public var stepsPerEpoch: Int { plan.stepsPerEpoch }

  /// Checks that all processes have the same settings, data, model and kernels.
  ///
  /// - Throws: ``InputError`` that names one that differs; `PeerFailure`.
  public func checkProcesses() throws {
    guard communicator.size > 1 else { return }
    let facts: [(JSONValue, String, remedy: String)] = [
      (
        .string("\(settings) \(totalSteps)"), "other settings",
        "give all processes the same arguments"
      ),
      (
        .object([
          .init("train", data.digest(of: .train)),
          .init("validation", data.digest(of: .validation)),
          .init("tokenizer", .integer(Int(data.manifest.tokenizerDigest))),
        ]), "other data", "copy the folder of the shards to all machines"
      ),
      (
        .object([
          .init("configuration", model.configuration.json), .init("model", model.resumeKey),
          .init("origin", origin.resumeKey),
        ]), "another model", "copy the folder of --model to all machines"
      ),
      (
        .string(ThreadPool.kernels), "kernels for another kind of processor",
        "hold all to those of the oldest: BUGURT_KERNELS=haswell, avx512, vnni or bfloat16 in the environment"
      ),
    ]
    for (fact, difference, remedy) in facts {
      try communicator.checkSame(
        CRC32.checksum(Array(fact.text().utf8)), difference, remedy: remedy)
    }
  }

  /// Checks that all processes have the same weights, to the last bit.
  ///
  /// - Throws: ``InputError`` that names one that has others; `PeerFailure`.
  func checkWeights() throws {
    guard communicator.size > 1 else { return }
    try communicator.checkSame(
      model.threadPool.checksum(of: model.trainable.floats.floats), "other weights",
      remedy:
        "its processor or memory gives different results; resume without that machine")
  }

  /// Gives all processes what the first has found: how the training starts, and if it is resumed, the
  /// state, the weights and the moments.
  func shared(_ start: TrainingStart) throws -> TrainingStart {
    guard communicator.size > 1 else { return start }
    let message: JSONValue =
      switch start {
      case .new: ["start": "new"]
      case .finished: ["start": "finished"]
      case .replacing(let differences):
        ["start": "replacing", "differences": .array(differences.map { .string($0) })]
      case .resumed:
        [
          "start": "resumed", "state": state.json(bestCheckpoint: nil), "sums": state.sums,
          "time": timeline?.json(used: usedTime) ?? nil,
        ]
      }
    let bytes = communicator.broadcast(Array(message.text().utf8))
    var result = start
    try communicator.together {
      guard !communicator.isRoot else { return }
      let source = communicator.name(of: 0)
      let value = try bytes.withUnsafeBytes {
        var reader = JSONReader(bytes: $0, path: source)
        return try JSONValue(&reader)
      }
      let message = try JSONObject(value, path: source)
      switch message["start"]?.string {
      case "resumed":
        try timeline?.restore(message["time"], path: source)
        resume(try TrainerState(message.object("state"), sums: message.object("sums")))
        result = .resumed(step: state.globalStep)
      case "replacing":
        result = .replacing(
          differences: (message["differences"]?.elements ?? []).compactMap(\.string))
      case "finished": result = .finished
      default: result = .new
      }
    }
    try shareInitialFactors(result)
    guard case .resumed = result else { return result }
    // If they are shared, each process has got its moments from the first.
    let whole = moments.isShared ? [] : [moments.first, moments.second]
    for arena in [model.trainable.floats] + whole {
      communicator.broadcast(UnsafeMutableRawBufferPointer(arena.floats.buffer))
    }
    return result
  }

  /// Gives all processes the factors of the first, which may differ in their last bits between
  /// processors.
  private func shareInitialFactors(_ start: TrainingStart) throws {
    guard start != .finished, let factors = model.initialFactors else { return }
    let own = model.threadPool.checksum(of: factors.floats)
    for arena in [factors, model.trainable.floats] {
      communicator.broadcast(UnsafeMutableRawBufferPointer(arena.floats.buffer))
    }
    try communicator.together {
      guard model.threadPool.checksum(of: factors.floats) != own else { return }
      try model.takeInitialFactors {}
    }
  }
}
