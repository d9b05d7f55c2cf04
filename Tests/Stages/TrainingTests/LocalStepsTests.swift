import CheckpointFormat
import CommandLineSupport
import Communication
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import TokenShardFormat
import Training

/// Processes that take steps of their own and average their weights now and then, here threads of one.
@Suite("Local steps")
struct LocalStepsTests {
  /// Read by several threads, and written by none.
  private nonisolated(unsafe) let fixture: TrainingFixture

  init() throws { fixture = try TrainingFixture() }

  /// Twelve steps, averages after every second or so.
  private static func settings(
    _ localSteps: Int?, validating: Bool = true
  ) -> @Sendable (inout TrainingSettings) -> Void {
    { settings in
      settings.localSteps = localSteps
      settings.samplingStrategy = .sequential
      settings.saveSteps = 4
      settings.evaluationSteps = validating ? 4 : 1000
      settings.loggingSteps = 1
    }
  }

  /// A model without dropout, whose masks depend on the place of a batch in the whole step.
  private static var plain: GPT2Configuration {
    var configuration = TrainingFixture.configuration
    (configuration.attentionDropout, configuration.residualDropout) = (0, 0)
    configuration.embeddingDropout = 0
    return configuration
  }

  /// Trains with `size` processes until after `step`, and returns the weights and the state of each.
  private func train(
    _ run: String, size: Int, until step: Int = .max, resumesAfter: Int? = nil,
    configuration: GPT2Configuration = TrainingFixture.configuration,
    _ change: @escaping @Sendable (inout TrainingSettings) -> Void
  ) throws -> [(weights: [Float], state: TrainerState, warnings: [String])] {
    nonisolated(unsafe) let shared = fixture
    return try withRanks(size) { ranks in
      let trainer = try shared.trainer(
        ranks.isRoot ? run : "\(run)-\(ranks.rank)", configuration: configuration,
        communicator: ranks, change)
      try trainer.checkProcesses()
      if let resumesAfter {
        let start = try trainer.start(.init(resumes: true, restarts: false))
        #expect(start == .resumed(step: resumesAfter))
      }
      do {
        try trainer.run { event in
          if case .progress(let progress) = event, progress.step == step {
            throw TrainingFixture.Stop()
          }
        }
      } catch is TrainingFixture.Stop {} catch is PeerFailure {}
      return (
        Array(trainer.model.trainable.floats.floats), trainer.state.withoutTimes, trainer.warnings
      )
    }.map { try $0.get() }
  }

  /// Shards with those blocks of the fixture's whose indices are in `blocks`.
  private func writeShards(_ name: String, blocks: [Int]) throws {
    let (size, vocabularySize) = (TrainingFixture.blockSize, TrainingFixture.vocabularySize)
    let ids = TrainingFixture.ids(.train, count: 10 * size)
    let path = fixture.folder.path(name)
    let writer = TokenShardWriter(
      folder: path, split: .train, vocabularySize: vocabularySize, endOfText: 2,
      tokenizerDigest: 7, tokensPerShard: 37)
    for block in blocks { try writer.append(Array(ids[block * size..<(block + 1) * size])) }
    let split = TokenManifest.Split(posts: nil, textBytes: nil, shards: try writer.finish())
    try TokenManifest(
      vocabularySize: vocabularySize, tokenizerDigest: 7, endOfTextToken: "</s>", endOfText: 2,
      splits: [.train: split], settings: .null, statistics: .null
    ).write(to: path)
    try fixture.folder.write("{}", to: "\(name)/tokenizer/vocab.json")
    try fixture.folder.write("#version: 0.2\n", to: "\(name)/tokenizer/merges.txt")
  }

  @Test("a round gives the mean of what each process would have got by itself with its batches")
  func mean() throws {
    // Of batches of two, a process takes every second one.
    try writeShards("first", blocks: [0, 1, 4, 5])
    try writeShards("second", blocks: [2, 3, 6, 7])
    let many = try train("many", size: 2, configuration: Self.plain) {
      Self.settings(2, validating: false)(&$0)
      $0.maximumSteps = 2
    }
    let own = try ["first", "second"].map { tokens in
      let trainer = try fixture.trainer(
        "run-\(tokens)", tokens: tokens, configuration: Self.plain
      ) {
        Self.settings(nil, validating: false)(&$0)
        $0.maximumSteps = 2
        $0.gradientAccumulationSteps = 1
      }
      try trainer.run { _ in }
      return Array(trainer.model.trainable.floats.floats)
    }
    #expect(own[0] != own[1])
    for index in own[0].indices {
      let expected = (own[0][index] + own[1][index]) / 2
      guard abs(many[0].weights[index] - expected) <= 1e-6 else {
        Issue.record("weight \(index) is \(many[0].weights[index]), expected \(expected)")
        return
      }
    }
  }

  @Test(
    "all processes end with the same weights, other ones than by steps together", arguments: [2, 3])
  func sameWeights(size: Int) throws {
    func change(_ localSteps: Int?) -> @Sendable (inout TrainingSettings) -> Void {
      {
        Self.settings(localSteps)(&$0)
        $0.gradientAccumulationSteps = 6
        $0.maximumSteps = 11
      }
    }
    let local = try train("local", size: size, change(2))
    let together = try train("together", size: size, change(nil))
    for other in local {
      #expect(other.weights == local[0].weights)
      #expect(other.state == local[0].state)
    }
    #expect(local[0].weights != together[0].weights)
    // It is the same training, but for where the weights are averaged.
    for (entry, other) in zip(local[0].state.log, together[0].state.log) {
      guard let loss = entry.values["loss"] else { continue }
      #expect(abs(loss - (other.values["loss"] ?? .nan)) < 0.2 * loss)
    }
  }

  @Test("a run that is stopped completes the round, and is resumed to the same bits")
  func resuming() throws {
    let change = Self.settings(2)
    let whole = try train("whole", size: 2, change)
    _ = try train("run", size: 2, until: 5, change)
    #expect(Folder.exists(fixture.folder.path("run/checkpoint-6")))
    let resumed = try train("run", size: 2, resumesAfter: 6, change)
    #expect(resumed[0].weights == whole[0].weights)
    #expect(resumed[0].state == whole[0].state)
    #expect(resumed[0].warnings.isEmpty)
  }

  @Test("another number of processes may continue, and is told that the result depends on it")
  func otherNumber() throws {
    _ = try train("run", size: 2, until: 6, Self.settings(2))
    let resumed = try train("run", size: 1, resumesAfter: 6, Self.settings(2))
    #expect(resumed[0].state.globalStep == 12)
    #expect(resumed[0].warnings.first?.contains("--local-steps") == true)
  }

  @Test("validations and checkpoints are due after whole rounds only")
  func rounds() throws {
    let state = try train("run", size: 2) {
      Self.settings(3)(&$0)
      $0.saveSteps = $0.wholeRounds(4)
    }[0].state
    let validated = state.log.filter { $0.values["eval_loss"] != nil }.map(\.step)
    #expect(validated == [6, 12])
    #expect(try RunFolder(path: fixture.folder.path("run")).checkpointSteps() == [6])
  }
}
