import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("Merged adapter")
struct MergedAdapterTests {
  private let base: TemporaryFolder
  private let folder: TemporaryFolder
  private let model = tinyModel()
  private let threadPool = ThreadPool(count: 2)

  private static let variants: [@Sendable (inout AdapterConfiguration) -> Void] = [
    { _ in },
    { $0.targets = .allLinear },
    {
      $0.targets = .names(["mlp.c_fc", "c_proj"])
      $0.usesRootOfRank = true
      $0.biases = "lora_only"
    },
    {
      $0.targets = .allLinear
      $0.hasMagnitudes = true
      $0.biases = "all"
      $0.replacedModules = ["ln_f"]
    },
  ]

  init() throws {
    base = try TemporaryFolder()
    folder = try TemporaryFolder()
    try model.write(to: base.path)
  }

  /// The parameters of the model after `adapter`, by the plain formula in double precision.
  private func expected(_ adapter: Adapter) -> [String: [Double]] {
    var values: [String: [Double]] = [:]
    for parameter in model.layout.parameters {
      values[parameter.name] = model.parameters[parameter.range].map(Double.init)
    }
    var own: [String: [Double]] = [:]
    for parameter in adapter.layout.parameters {
      own[parameter.name] = adapter.parameters[parameter.range].map(Double.init)
    }
    for module in adapter.plan.modules {
      let name = "transformer.h.\(module.block).\(module.matrix.rawValue)"
      let prefix = "base_model.model.\(name)."
      let (a, b) = (own[prefix + "lora_A.weight"] ?? [], own[prefix + "lora_B.weight"] ?? [])
      let (inputs, outputs) = (a.count / module.rank, b.count / module.rank)
      var w = values[name + ".weight"] ?? []
      for input in 0..<inputs {
        for output in 0..<outputs {
          for k in 0..<module.rank {
            w[input * outputs + output] +=
              Double(module.scaling) * b[output * module.rank + k] * a[k * inputs + input]
          }
        }
      }
      if let magnitudes = own[prefix + "lora_magnitude_vector"] {
        for output in 0..<outputs {
          let column = stride(from: output, to: w.count, by: outputs)
          let length = column.reduce(0) { $0 + w[$1] * w[$1] }.squareRoot()
          for index in column { w[index] *= magnitudes[output] / length }
        }
      }
      values[name + ".weight"] = w
    }
    for (name, value) in own where !name.contains("lora_") {
      let plain = name.replacing("base_model.model.", with: "").replacing("base_layer.", with: "")
      values[plain] = value
    }
    return values
  }

  private func expectClose(
    _ merged: GPT2Model, _ expected: [String: [Double]],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for parameter in merged.layout.parameters {
      let difference = zip(merged.parameters[parameter.range], expected[parameter.name] ?? []).map {
        abs(Double($0) - $1)
      }.max()
      #expect(difference ?? 1 < 2e-6, "\(parameter.name)", sourceLocation: sourceLocation)
    }
  }

  private func logits(_ model: InferenceModel) -> [Float] {
    let pass = InferencePass(model, capacity: 8)
    return Array(pass.logits(after: [1, 22, 3], KeyValueCache(pass.model, capacity: 8)))
  }

  private func expectClose(
    _ a: [Float], _ b: [Float], _ tolerance: Float,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let difference = zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < tolerance, sourceLocation: sourceLocation)
  }

  @Test("a merged folder has the weights of the formula", arguments: variants.indices)
  func folder(variant: Int) throws {
    let adapter = try randomAdapter(for: model.configuration, Self.variants[variant])
    var reports: [(Int, Int)] = []
    try adapter.writeMerged(with: base.path, to: folder.path, threadPool: threadPool) {
      reports.append(($0, $1))
    }
    let merged = try GPT2Model(folder: folder.path, threadPool: threadPool)
    #expect(merged.configuration == model.configuration)
    #expect(reports.last?.0 == 4 * model.layout.count && reports.last?.1 == reports.last?.0)
    #expect(
      try folder.names() == ["config.json", "generation_config.json", "model.safetensors"])
    expectClose(merged, expected(adapter))
  }

  @Test(
    "a model read with an adapter is the merged one, with weights of any type",
    arguments: WeightType.allCases, variants.indices)
  func inference(weights: WeightType, variant: Int) throws {
    let adapter = try randomAdapter(for: model.configuration, Self.variants[variant])
    try adapter.write(to: folder.path)
    try adapter.writeMerged(with: base.path, to: folder.path, threadPool: threadPool)
    let merged = try InferenceModel(folder: folder.path, weights: weights, threadPool: threadPool)
    for threads in [1, 3] {
      let adapted = try InferenceModel(
        folder: base.path, adapter: folder.path, weights: weights,
        threadPool: ThreadPool(count: threads))
      // A weight that is rounded may be rounded the other way.
      expectClose(logits(adapted), logits(merged), weights == .fp32 ? 1e-5 : 0.1)
    }
    let plain = try InferenceModel(folder: base.path, weights: weights, threadPool: threadPool)
    #expect(logits(plain) != logits(merged))
  }

  @Test("the bits of merged weights do not depend on threads")
  func threads() throws {
    let large = tinyModel(embeddingSize: 66, layers: 1)
    try large.write(to: base.path)
    let adapter = try randomAdapter(for: large.configuration, Self.variants[3])
    var checksums: Set<UInt32> = []
    for threads in 1...3 {
      let threadPool = ThreadPool(count: threads)
      try adapter.writeMerged(with: base.path, to: folder.path, threadPool: threadPool)
      checksums.insert(try GPT2Model(folder: folder.path, threadPool: threadPool).checksum)
    }
    #expect(checksums.count == 1)
  }

  @Test("a base of other sizes is refused, and so is an adapter of another model")
  func otherBase() throws {
    let other = tinyModel(embeddingSize: 24)
    let adapter = try randomAdapter(for: other.configuration)
    #expect(throws: InputError.self) {
      try adapter.writeMerged(with: base.path, to: folder.path, threadPool: threadPool)
    }
    try adapter.write(to: folder.path)
    let error = #expect(throws: InputError.self) {
      try InferenceModel(folder: base.path, adapter: folder.path, threadPool: threadPool)
    }
    #expect(error?.problem.contains("has the shape [3, 24], expected [3, 12]") == true)
  }

  @Test("an adapter of PiSSA as it was trained starts from the model's own weights")
  func unconverted() throws {
    // peft writes A and B alone; what they were at the start follows from the model.
    var configuration = AdapterConfiguration(rank: 3, alpha: 5, targets: .allLinear)
    configuration.initialWeights = .pissa
    let adapter = try Adapter.principal(
      configuration, for: StoredModel(folder: base.path, threadPool), threadPool: threadPool)
    try adapter.write(to: folder.path)
    let read = try Adapter(folder: folder.path, base: base.path, threadPool: threadPool)
    #expect(read.plan.modules.allSatisfy { $0.rank == 6 })
    try read.writeMerged(with: base.path, to: folder.path, threadPool: threadPool)
    let merged = try GPT2Model(folder: folder.path, threadPool: threadPool)
    expectClose(Array(merged.parameters.floats), Array(model.parameters.floats), 1e-6)
  }
}
