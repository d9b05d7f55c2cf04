import CheckpointFormat
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import Training

@Suite("Training an adapter")
struct AdapterTrainingTests {
  private let fixture: TrainingFixture
  private let base: String
  private let resume = EarlierRunPolicy(resumes: true, restarts: false)

  init() throws {
    fixture = try TrainingFixture()
    base = fixture.folder.path("base")
    try Folder.create(base)
    try GPT2Model(TrainingFixture.configuration, seed: 3, threadPool: ThreadPool(count: 1))
      .write(to: base)
  }

  private static var adapter: AdapterConfiguration {
    AdapterConfiguration(
      rank: 2, alpha: 4, dropout: 0.1, targets: .names(["c_attn", "c_proj", "c_fc"]))
  }

  private static let variants: [(String, AdapterConfiguration)] = {
    var (magnitudes, principal, others) = (adapter, adapter, adapter)
    (magnitudes.hasMagnitudes, magnitudes.dropout) = (true, 0)
    (principal.initialWeights, principal.alpha) = (.pissa, 2)
    (others.biases, others.replacedModules, others.initialWeights) = ("all", ["ln_f"], .gaussian)
    return [
      ("lora", adapter), ("dora", magnitudes), ("pissa", principal), ("biases and ln_f", others),
    ]
  }()

  private func model(
    _ adapter: AdapterConfiguration = adapter, weights: WeightType = .fp32, merges: Bool = true,
    threads: Int = 1, seed: UInt64 = 5
  ) throws -> AdapterTraining {
    try AdapterTraining(
      adapter, base: stored(), weights: weights, merges: merges, seed: seed,
      threadPool: ThreadPool(count: threads))
  }

  private func stored() throws -> StoredModel {
    try StoredModel(folder: base, ThreadPool(count: 1))
  }

  private func final(_ run: String) throws -> [[UInt8]] {
    try ["final/adapter/adapter_model.safetensors", "final/model.safetensors"].map {
      try fixture.bytes("\(run)/\($0)")
    }
  }

  @Test(
    "stopped after any step and resumed, it gives the same bytes as in one go",
    arguments: variants.indices)
  func resuming(variant: Int) throws {
    let (name, adapter) = Self.variants[variant]
    try fixture.trainer(of: model(adapter), "whole").run { _ in }
    for step in [1, 5, 11] {
      let run = "run-\(step)"
      try fixture.stop(fixture.trainer(of: model(adapter), run), after: step)
      let resumed = try fixture.trainer(of: model(adapter), run)
      #expect(try resumed.start(resume) == .resumed(step: step))
      try resumed.run { _ in }
      #expect(try final(run) == final("whole"), "\(name), stopped after step \(step)")
    }
  }

  @Test(
    "PiSSA is resumed with the factors that it began with, which another processor would not find",
    arguments: WeightType.allCases)
  func otherFactors(weights: WeightType) throws {
    var adapter = Self.adapter
    (adapter.initialWeights, adapter.alpha, adapter.dropout) = (.pissa, 2, 0)
    func run(_ name: String) throws -> Trainer {
      try fixture.trainer(of: model(adapter, weights: weights), name)
    }
    try fixture.stop(run("run"), after: 5)
    let checkpoint = fixture.folder.path("run/checkpoint-5")
    let factors = try initialFactors(in: checkpoint) { 2 * $0 }
    let (merged, restored) = (fixture.folder.path("merged"), try model(adapter, weights: weights))
    try Folder.create(merged)
    try Adapter(folder: checkpoint, base: base, threadPool: restored.threadPool).writeMerged(
      with: base, to: merged, threadPool: restored.threadPool)
    try restored.restore(from: checkpoint) {}
    let expected = try loss(GPT2Model(folder: merged, threadPool: restored.threadPool))
    // In int4, weights are off by up to a fourteenth of the largest.
    #expect(abs(loss(restored) - expected) < (weights == .fp32 ? 1e-6 : 1e-3) * expected)
    let resumed = try run("run")
    #expect(try resumed.start(resume) == .resumed(step: 5))
    try resumed.run { _ in }
    #expect(try initialFactors(in: fixture.folder.path("run/final/adapter")) == factors)
  }

  private func loss(_ model: any TrainableModel) -> Double {
    let pass = TrainingPass(model, batchSize: 1, sequenceLength: TrainingFixture.blockSize)
    let tokens = (0...Int32(TrainingFixture.blockSize)).map { $0 * $0 % 11 }
    return pass.loss(inputs: Array(tokens.dropLast()), targets: Array(tokens.dropFirst()))
  }

  /// The factors that PiSSA began with, of the adapter in the folder `path`, in which each number is
  /// changed.
  private func initialFactors(
    in path: String, after change: (Float) -> Float = { $0 }
  ) throws -> [Float] {
    let adapter = try Adapter(
      folder: path, for: stored().configuration, threadPool: ThreadPool(count: 1))
    let factors = adapter.layout.parameters.flatMap { parameter in
      let rank = parameter.shape[parameter.name.contains("lora_A") ? 0 : 1] / 2
      return parameter.range.filter { element in
        let place = element - parameter.range.lowerBound
        let (row, column) = (place / parameter.shape[1], place % parameter.shape[1])
        return (parameter.name.contains("lora_A") ? row : column) >= rank
      }
    }
    for index in factors {
      adapter.parameters.floats[index] = change(adapter.parameters.floats[index])
    }
    try adapter.write(to: path)
    return factors.map { adapter.parameters.floats[$0] }
  }

  @Test("the number of threads does not change it", arguments: WeightType.allCases)
  func threads(weights: WeightType) throws {
    for threads in 1...3 {
      try fixture.trainer(of: model(weights: weights, threads: threads), "run-\(threads)").run {
        _ in
      }
      #expect(try final("run-\(threads)") == final("run-1"), "\(threads) threads")
    }
  }

  @Test("a checkpoint is the adapter and what resuming needs, without the model's own weights")
  func checkpoint() throws {
    try fixture.stop(fixture.trainer(of: model(), "run"), after: 5)
    #expect(
      try Folder.list(fixture.folder.path("run/checkpoint-5")) == [
        "adapter_config.json", "adapter_model.safetensors", "merges.txt", "optimizer.safetensors",
        "resume_state.json", "trainer_state.json", "vocab.json",
      ])
  }

  @Test(
    "the final model is the base merged with the adapter beside it", arguments: variants.indices)
  func merged(variant: Int) throws {
    try fixture.trainer(of: model(Self.variants[variant].1), "run").run { _ in }
    let threadPool = ThreadPool(count: 1)
    let adapter = try Adapter(
      folder: fixture.folder.path("run/final/adapter"), base: base, threadPool: threadPool)
    try Folder.create(fixture.folder.path("merged"))
    try adapter.writeMerged(
      with: base, to: fixture.folder.path("merged"), threadPool: threadPool)
    #expect(
      try fixture.bytes("merged/model.safetensors") == fixture.bytes("run/final/model.safetensors"))
    #expect(
      try fixture.bytes("merged/model.safetensors") != fixture.bytes("base/model.safetensors"))
  }

  @Test("without merging, the final folder has only the adapter, and is complete")
  func unmerged() throws {
    try fixture.trainer(of: model(merges: false), "run").run { _ in }
    #expect(!Folder.hasFile(fixture.folder.path("run/final/model.safetensors")))
    let again = try fixture.trainer(of: model(merges: false), "run")
    #expect(try again.start(resume) == .finished)
  }

  @Test("a damaged adapter of a finished run is reported")
  func damaged() throws {
    try fixture.trainer(of: model(), "run").run { _ in }
    try fixture.folder.write("damaged", to: "run/final/adapter/adapter_model.safetensors")
    let again = try fixture.trainer(of: model(), "run")
    #expect(throws: InputError.self) { try again.start(resume) }
  }

  @Test("the loss falls", arguments: variants.indices)
  func learning(variant: Int) throws {
    let trainer = try fixture.trainer(of: model(Self.variants[variant].1)) {
      $0.maximumSteps = 60
    }
    try trainer.run { _ in }
    let losses = trainer.state.log.compactMap { $0.values["loss"] }
    #expect(try #require(losses.last) < #require(losses.first) - 0.02)
  }

  @Test("an adapter that is trained further begins where it ended")
  func further() throws {
    try fixture.trainer(of: model(), "first").run { _ in }
    let path = fixture.folder.path("first/final/adapter")
    let further = try AdapterTraining(
      from: path, base: stored(), weights: .fp32, merges: false, threadPool: ThreadPool(count: 1))
    try Folder.create(fixture.folder.path("again"))
    try further.write(to: fixture.folder.path("again"))
    #expect(
      try fixture.bytes("again/adapter_model.safetensors")
        == fixture.bytes("first/final/adapter/adapter_model.safetensors"))
  }

  @Test("a run of another adapter, or of all weights, is not resumed")
  func differences() throws {
    try fixture.stop(fixture.trainer(of: model(), "run"), after: 5)
    var other = Self.adapter
    other.alpha = 8
    func differences(_ model: any CheckpointableModel) throws -> [String] {
      let trainer = try fixture.trainer(of: model, "run")
      guard
        case .replacing(let differences) = try trainer.start(
          EarlierRunPolicy(resumes: true, restarts: true))
      else { return [] }
      return differences
    }
    #expect(try differences(model(other)).count == 1)
    #expect(try differences(model(weights: .bf16)) == ["base_weights was \"fp32\", is \"bf16\""])
    let all = try GPT2Model(folder: base, threadPool: ThreadPool(count: 1))
    #expect(try differences(all) == ["kind was \"lora\", is \"none\""])
  }

  @Test("parameters of the base do not count as trained, but as parameters")
  func counts() throws {
    let model = try model()
    let all = try GPT2Model(folder: base, threadPool: ThreadPool(count: 1))
    #expect(model.parameterCount == all.parameterCount + model.trainable.floats.count)
    #expect(model.trainable.parameters.allSatisfy { $0.name.contains(".lora_") })
  }
}
