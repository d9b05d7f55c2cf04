import CheckpointFormat
import CommandLineSupport
import Communication
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing
import Training

/// A training that several processes share, here threads of one.
@Suite("Several processes")
struct ProcessesTests {
  /// Read by several threads, and written by none.
  private nonisolated(unsafe) let fixture: TrainingFixture

  init() throws { fixture = try TrainingFixture() }

  /// Four batches a step, of which the last of an epoch has only one, and validations.
  private static func settings(
    _ deterministic: Bool, precision: Precision = .fp32, sharded: Bool = false
  ) -> @Sendable (inout TrainingSettings) -> Void {
    { settings in
      settings.shardsOptimizer = sharded
      settings.gradientAccumulationSteps = 4
      settings.evaluationSteps = 3
      settings.evaluationBatchSize = 1
      settings.sumsDeterministically = deterministic
      settings.precision = precision
    }
  }

  private static var dropout: GPT2Configuration {
    var configuration = TrainingFixture.configuration
    (configuration.attentionDropout, configuration.residualDropout) = (0.1, 0.1)
    return configuration
  }

  /// Trains with `size` processes until after `step`, and returns the state of each.
  private func train(
    _ run: String, size: Int, until step: Int = .max, resuming: Bool = false,
    _ change: @escaping @Sendable (inout TrainingSettings) -> Void
  ) throws -> [TrainerState] {
    nonisolated(unsafe) let shared = fixture
    return try withRanks(size) { ranks in
      let trainer = try shared.trainer(
        ranks.isRoot ? run : "\(run)-\(ranks.rank)", configuration: Self.dropout,
        seed: resuming && !ranks.isRoot ? 9 : 1, communicator: ranks, change)
      try trainer.checkProcesses()
      if resuming {
        #expect(
          try trainer.start(.init(resumes: true, restarts: false)) == .resumed(step: 5))
        #expect(trainer.state.globalStep == 5)
      }
      do {
        try trainer.run { event in
          if case .progress(let progress) = event, progress.step == step {
            throw TrainingFixture.Stop()
          }
        }
      } catch is TrainingFixture.Stop {} catch is PeerFailure {}
      return trainer.state.withoutTimes
    }.map { try $0.get() }
  }

  private func weights(_ run: String) throws -> [UInt8] {
    try fixture.bytes("\(run)/final/model.safetensors")
  }

  @Test(
    "in a fixed order of sums, any number of processes gives the same bits as one",
    arguments: [2, 4])
  func sameBits(size: Int) throws { try compare(size, .fp32) }

  @Test("the same if each process has a part of the moments", arguments: [2, 4])
  func sharedMoments(size: Int) throws { try compare(size, .fp32, sharded: true) }

  @Test(
    "the same in bfloat16",
    .enabled(if: ThreadPool.multipliesBFloat16, "this processor has no bfloat16 products"))
  func sameBitsInBFloat16() throws {
    try compare(2, .bf16)
    try compare(2, .bf16, sharded: true)
  }

  private func compare(_ size: Int, _ precision: Precision, sharded: Bool = false) throws {
    let (run, many) = sharded ? ("one-sharded", "many-sharded") : ("one", "many")
    let change = Self.settings(true, precision: precision, sharded: sharded)
    let one = try train(run, size: 1, change)
    let states = try train(many, size: size, change)
    for state in states { #expect(state == one[0]) }
    #expect(try weights(many) == weights(run))
    let moments = "checkpoint-10/optimizer.safetensors"
    #expect(try fixture.bytes("\(many)/\(moments)") == fixture.bytes("\(run)/\(moments)"))
    // Only the first writes.
    for rank in 1..<size { #expect(!Folder.exists(fixture.folder.path("\(many)-\(rank)"))) }
  }

  @Test("otherwise, the losses are those of one process but for rounding", arguments: [2, 4])
  func sameLosses(size: Int) throws {
    let one = try train("one", size: 1, Self.settings(false))[0]
    let many = try train("many", size: size, Self.settings(false))[0]
    #expect(many.log.count == one.log.count)
    for (entry, other) in zip(one.log, many.log) {
      #expect(entry.values.keys == other.values.keys)
      for (key, value) in entry.values {
        #expect(abs(value - (other.values[key] ?? .nan)) <= 1e-6 * max(1, abs(value)), "\(key)")
      }
    }
  }

  @Test("a process that shares the moments has only its part of them in memory")
  func memory() throws {
    nonisolated(unsafe) let shared = fixture
    let counts = try withRanks(4) { ranks in
      let trainer = try shared.trainer(communicator: ranks) {
        $0.gradientAccumulationSteps = 4
        $0.shardsOptimizer = true
      }
      return (trainer.momentCount, trainer.model.trainable.floats.count)
    }.map { try $0.get() }
    let total = counts[0].1
    #expect(counts.reduce(0) { $0 + $1.0 } == total)
    for (count, _) in counts { #expect(count <= total / 4 + 16) }
  }

  @Test("gradients that are exchanged in bfloat16 hardly change the losses, and all weights agree")
  func halfTraffic() throws {
    let one = try train("one", size: 1, Self.settings(false))[0]
    let many = try train("many", size: 2) {
      Self.settings(false)(&$0)
      $0.exchangesBFloat16 = true
    }[0]
    #expect(try weights("many") != weights("one"))
    for (entry, other) in zip(one.log, many.log) {
      guard let loss = entry.values["loss"] else { continue }
      #expect(abs(loss - (other.values["loss"] ?? .nan)) < 0.01 * loss)
    }
  }

  @Test("a run is resumed by another number of processes, to the same bits")
  func resuming() throws {
    let change = Self.settings(true)
    _ = try train("whole", size: 1, change)
    for (index, (before, after)) in [(2, 4), (4, 1), (1, 2)].enumerated() {
      for (sharded, remainsSharded) in [(false, false), (true, false), (true, true)] {
        let run = "run-\(index)-\(sharded)-\(remainsSharded)"
        _ = try train(run, size: before, until: 5, Self.settings(true, sharded: sharded))
        _ = try train(
          run, size: after, resuming: true, Self.settings(true, sharded: remainsSharded))
        #expect(try weights(run) == weights("whole"), "\(before) and \(after), \(sharded)")
      }
    }
  }

  @Test("without a fixed order, another number of processes is pointed out")
  func resumingWithoutOrder() throws {
    _ = try train("run", size: 2, until: 5, Self.settings(false))
    let trainer = try fixture.trainer("run", Self.settings(false))
    #expect(try trainer.start(.init(resumes: true, restarts: false)) == .resumed(step: 5))
    #expect(trainer.warnings.count == 1)
    #expect(trainer.warnings.first?.contains("had 2 processes and has 1") == true)
  }

  @Test(
    "an adapter is trained by three processes to the bits of one",
    arguments: [AdapterConfiguration.InitialWeights.standard, .pissa])
  func adapter(initialWeights: AdapterConfiguration.InitialWeights) throws {
    let base = fixture.folder.path("base")
    try Folder.create(base)
    try GPT2Model(TrainingFixture.configuration, seed: 3, threadPool: ThreadPool(count: 1))
      .write(to: base)
    var adapter = AdapterConfiguration(
      rank: 2, alpha: 4, dropout: 0.1, targets: .names(["c_attn"]))
    adapter.initialWeights = initialWeights
    nonisolated(unsafe) let fixture = fixture
    for size in [1, 3] {
      let results = withRanks(size) { [adapter] ranks in
        let threadPool = ThreadPool(count: 1)
        let model = try AdapterTraining(
          adapter, base: StoredModel(folder: base, threadPool), weights: .fp32, merges: true,
          seed: 5,
          threadPool: threadPool)
        // Another processor may decompose a matrix into other factors.
        if !ranks.isRoot, let factors = model.initialFactors { factors.floats[0] += 1 }
        let trainer = try fixture.trainer(of: model, "adapter-\(size)", communicator: ranks) {
          $0.gradientAccumulationSteps = 3
          $0.sumsDeterministically = true
        }
        _ = try trainer.start(.init(resumes: false, restarts: false))
        try trainer.run { _ in }
      }
      for result in results { try result.get() }
    }
    for file in ["adapter/adapter_model.safetensors", "model.safetensors"] {
      #expect(
        try fixture.bytes("adapter-1/final/\(file)") == fixture.bytes("adapter-3/final/\(file)"))
    }
  }

  @Test("an error of one process ends all, after a checkpoint")
  func stopping() throws {
    nonisolated(unsafe) let fixture = fixture
    let results = withRanks(2) { ranks in
      try fixture.trainer("run", communicator: ranks).run { event in
        if ranks.rank == 1, case .progress(let progress) = event, progress.step == 3 {
          throw TrainingFixture.Stop()
        }
      }
    }
    let errors = results.map { result in #expect(throws: PeerFailure.self) { try result.get() } }
    #expect(
      errors.map { $0?.status } == [ExitStatus.software.rawValue, ExitStatus.software.rawValue])
    #expect(errors[0]?.description.hasPrefix("rank 1 on node1: ") == true)
    #expect(Folder.hasFile(fixture.folder.path("run/checkpoint-3/model.safetensors")))
  }

  @Test("a process with other settings, data or weights is named")
  func differences() throws {
    try fixture.writeShards(to: "other", offset: 1)
    nonisolated(unsafe) let fixture = fixture
    for (difference, tokens, rate, seed) in [
      ("other settings", "tokens", 0.01, 1), ("other data", "other", 0.02, 1),
      ("other weights", "tokens", 0.02, 2),
    ] as [(String, String, Double, UInt64)] {
      let results = withRanks(2) { ranks in
        let trainer = try fixture.trainer(
          "run", tokens: ranks.rank == 1 ? tokens : "tokens", seed: ranks.rank == 1 ? seed : 1,
          communicator: ranks
        ) {
          if ranks.rank == 1 { $0.learningRate = rate }
        }
        try trainer.checkProcesses()
        try trainer.run { _ in }
      }
      let error = #expect(throws: InputError.self) { try results[0].get() }
      #expect(error?.path == "rank 1 on node1")
      #expect(error?.problem.contains(difference) == true)
      #expect(throws: PeerFailure.self) { try results[1].get() }
    }
  }
}
