import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("Adapter")
struct AdapterTests {
  private let base: TemporaryFolder
  private let folder: TemporaryFolder
  private let model = tinyModel()
  private let threadPool = ThreadPool(count: 1)

  init() throws {
    base = try TemporaryFolder()
    folder = try TemporaryFolder()
    try model.write(to: base.path)
  }

  /// An adapter none of whose parameters is special.
  private func adapter(
    _ change: (inout AdapterConfiguration) -> Void = { _ in }
  ) throws -> Adapter {
    try randomAdapter(for: model.configuration, change)
  }

  private func read() throws -> Adapter {
    try Adapter(folder: folder.path, for: model.configuration, threadPool: threadPool)
  }

  private func expectProblem(
    _ problem: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { try read() }
    #expect(
      error?.description.contains(problem) == true, "\(error?.description ?? "")",
      sourceLocation: sourceLocation)
  }

  /// Writes `adapter` with tensors that `change` may change.
  private func write(
    _ adapter: Adapter, _ change: (inout [SafetensorsWriter.Tensor]) -> Void
  ) throws {
    try adapter.write(to: folder.path)
    var tensors = adapter.tensors(of: adapter.parameters)
    change(&tensors)
    try SafetensorsWriter.write(tensors, to: folder.path("adapter_model.safetensors"))
  }

  @Test("a written adapter reads back to the last bit")
  func roundTrip() throws {
    let written = try adapter {
      $0.targets = .allLinear
      $0.hasMagnitudes = true
      $0.biases = "all"
      $0.replacedModules = ["ln_f"]
    }
    try written.write(to: folder.path)
    let read = try read()
    #expect(read.plan == written.plan)
    #expect(read.configuration == written.configuration)
    #expect(Array(read.parameters.floats) == Array(written.parameters.floats))
    #expect(try folder.names() == ["adapter_config.json", "adapter_model.safetensors"])
  }

  @Test("names and shapes are peft's")
  func names() throws {
    let written = try adapter {
      $0.biases = "lora_only"
      $0.hasMagnitudes = true
    }
    try written.write(to: folder.path)
    let file = try SafetensorsFile(path: folder.path("adapter_model.safetensors"))
    let block = "base_model.model.transformer.h.1.attn.c_attn."
    #expect(file.metadata == ["format": "pt"])
    #expect(file.tensors.count == 2 * 4)
    #expect(file.tensors[block + "lora_A.weight"]?.shape == [3, 12])
    #expect(file.tensors[block + "lora_B.weight"]?.shape == [36, 3])
    #expect(file.tensors[block + "lora_magnitude_vector"]?.shape == [36])
    #expect(file.tensors[block + "base_layer.bias"]?.shape == [36])
  }

  @Test(
    "reads the names of GPT2Model, and those with the adapter's own name",
    arguments: [
      { $0.replacing("transformer.", with: "") },
      { $0.replacing("lora_A.weight", with: "lora_A.default.weight") },
      { $0.replacing("magnitude_vector", with: "magnitude_vector.default.weight") },
    ] as [@Sendable (String) -> String])
  func otherNames(rename: @Sendable (String) -> String) throws {
    let written = try adapter { $0.hasMagnitudes = true }
    try write(written) { tensors in
      tensors = tensors.map { .init(name: rename($0.name), shape: $0.shape, read: $0.read) }
    }
    let read = try read()
    #expect(Array(read.parameters.floats) == Array(written.parameters.floats))
    #expect(read.plan == written.plan)
  }

  @Test("tensors and configuration must name the same modules")
  func otherModules() throws {
    let written = try adapter()
    try write(written) { $0.removeLast() }
    expectProblem(
      "adapter_model.safetensors: tensor 'base_model.model.transformer.h.1.attn.c_attn.lora_B.weight'"
        + " is missing")
    try write(written) { tensors in
      tensors = tensors.map {
        .init(name: $0.name.replacing("h.1", with: "h.7"), shape: $0.shape, read: $0.read)
      }
    }
    expectProblem("h.7.attn.c_attn.lora_A.weight' is not part of the adapter")
    try adapter { $0.targets = .allLinear }.write(to: folder.path)
    try folder.write(
      AdapterConfiguration(rank: 3).text, to: "adapter_config.json")
    expectProblem("h.0.attn.c_proj.lora_A.weight' is not part of the adapter")
    try write(written) { tensors in
      tensors = tensors.map {
        .init(
          name: $0.name.replacing("base_model.model.", with: ""), shape: $0.shape, read: $0.read)
      }
    }
    expectProblem("does not begin with 'base_model.model.', so peft would load nothing")
  }

  @Test("ranks, layouts and numbers must be right")
  func damage() throws {
    let written = try adapter()
    try written.write(to: folder.path)
    try folder.write(AdapterConfiguration(rank: 4).text, to: "adapter_config.json")
    expectProblem("has the shape [3, 12], expected [4, 12] by r and rank_pattern")
    try write(written) { tensors in
      let first = tensors[0]
      tensors[0] = .init(name: first.name, shape: first.shape.reversed(), read: first.read)
    }
    expectProblem("has the shape [12, 3], expected [3, 12]")
    written.parameters.floats[5] = .nan
    try written.write(to: folder.path)
    expectProblem("lora_A.weight' is nan at [0, 5], expected a finite number")
    try write(written) { $0 = [] }
    expectProblem("holds no tensors")
    try Folder.remove(folder.path("adapter_model.safetensors"))
    expectProblem("expected adapter_model.safetensors or adapter_model.bin")
  }

  @Test(
    "a configuration that does not fit the model is refused by name",
    arguments: [
      (["c_attn", "wte"], "target_modules selects 'transformer.wte', which cannot be adapted"),
      (["attn"], "selects 'transformer.h.0.attn', which cannot"),
      (["lm_head"], "selects 'lm_head'"),
      (["q_proj"], "selects no module of a model of 2 blocks"),
    ])
  func unfit(targets: [String], problem: String) {
    let error = #expect(throws: InputError.self) { try adapter { $0.targets = .names(targets) } }
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  @Test(
    "blocks that do not exist, and modules that cannot be replaced, are refused by name")
  func otherUnfit() {
    let blocks = #expect(throws: InputError.self) { try adapter { $0.blocks = [2] } }
    #expect(blocks?.problem.contains("selects no module of a model of 2 blocks") == true)
    let modules = #expect(throws: InputError.self) {
      try adapter { $0.replacedModules = ["ln_f", "wte"] }
    }
    #expect(modules?.problem.contains("modules_to_save names 'wte'") == true)
  }

  @Test("an adapter of PiSSA is two halves of the LoRA that it becomes, to the last bit")
  func halves() throws {
    let change = { (configuration: inout AdapterConfiguration) in
      configuration.initialWeights = .pissa
      configuration.targets = .allLinear
      configuration.biases = "all"
      configuration.hasMagnitudes = true
    }
    let (trained, initial) = (try adapter(change), try adapter(change))
    for index in initial.parameters.floats.indices { initial.parameters.floats[index] *= -0.3 }
    let converted = trained.convertedFromPiSSA(initial: initial, for: model.configuration)
    #expect(converted.configuration.initialWeights == .standard)
    #expect(converted.plan.modules.map(\.scaling) == trained.plan.modules.map(\.scaling))
    try converted.write(to: folder.path)
    let halves = try read().pissaHalves(
      trained.configuration, for: model.configuration, path: folder.path)
    #expect(Array(halves.trained.parameters.floats) == Array(trained.parameters.floats))
    for (parameter, other) in zip(initial.layout.parameters, halves.initial.layout.parameters)
    where parameter.name.contains("lora_A") || parameter.name.contains("lora_B") {
      #expect(
        Array(halves.initial.parameters[other.range]) == Array(initial.parameters[parameter.range]))
    }
    #expect(throws: InputError.self) {
      try trained.pissaHalves(trained.configuration, for: model.configuration, path: folder.path)
    }
  }
}

/// An adapter of rank 3 for `model`, none of whose parameters is special.
func randomAdapter(
  for model: GPT2Configuration, _ change: (inout AdapterConfiguration) -> Void = { _ in }
) throws -> Adapter {
  var configuration = AdapterConfiguration(rank: 3, alpha: 5)
  change(&configuration)
  let adapter = try Adapter(configuration, for: model)
  var generator = PhiloxGenerator(seed: 5, .sampling, stream: 2)
  for index in adapter.parameters.floats.indices {
    adapter.parameters.floats[index] = Float(generator.nextUnit() - 0.4)
  }
  return adapter
}
