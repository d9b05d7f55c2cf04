import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("AdaptedModel")
struct AdaptedModelTests {
  private let tokens = someTokens(14)
  private let targets = someTokens(14, seed: 4)

  private func plan(
    _ matrices: [AdaptableMatrix] = AdaptableMatrix.allCases, rank: Int = 4,
    hasMagnitudes: Bool = false, biases: AdapterPlan.Biases = .none,
    replacesFinalNorm: Bool = false
  ) -> AdapterPlan {
    AdapterPlan(
      modules: (0..<2).flatMap { block in
        matrices.map { .init(block: block, matrix: $0, rank: rank, scaling: 0.5) }
      }, hasMagnitudes: hasMagnitudes, biases: biases, replacesFinalNorm: replacesFinalNorm)
  }

  private func loss(_ model: any TrainableModel) -> Double {
    TrainingPass(model, batchSize: 2, sequenceLength: 7, forGradients: false)
      .loss(tokens, targets)
  }

  private func parameter(_ model: AdaptedModel, _ name: String) throws -> [Float] {
    let parameter = try #require(
      model.trainable.parameters.first { $0.name == "base_model.model.transformer.\(name)" })
    return Array(model.trainable.floats[parameter.range])
  }

  @Test(
    "over a folder computes the same as over the model in memory",
    arguments: WeightType.allCases, [true, false])
  func folder(type: WeightType, tied: Bool) throws {
    let base = tinyModel { $0.tiesWordEmbeddings = tied }
    let folder = try TemporaryFolder()
    try base.write(to: folder.path)
    let plan = plan(hasMagnitudes: true, biases: .all)
    let stored = try AdaptedModel(
      StoredModel(folder: folder.path, base.threadPool), plan, .uniform(seed: 3), weights: type,
      threadPool: base.threadPool)
    let inMemory = try AdaptedModel(base, plan, .uniform(seed: 3), weights: type)
    #expect(stored.configuration == inMemory.configuration)
    let bits = [stored, inMemory].map { model in
      let pass = TrainingPass(model, batchSize: 2, sequenceLength: 7)
      let loss = pass.lossAndGradients(tokens, targets)
      return [loss.bitPattern] + pass.gradients.floats.map { UInt64($0.bitPattern) }
    }
    #expect(bits[0] == bits[1])
  }

  @Test("a new adapter changes nothing", arguments: [false, true])
  func neutral(hasMagnitudes: Bool) throws {
    let base = tinyModel()
    let plan = plan(hasMagnitudes: hasMagnitudes, biases: .all, replacesFinalNorm: true)
    let expected = loss(base)
    for start in [AdapterStart.uniform(seed: 1), .gaussian(seed: 1)] {
      #expect(abs(loss(try AdaptedModel(base, plan, start)) - expected) < 1e-6 * expected)
    }
  }

  @Test("what the adapter replaces begins as it is in the model")
  func replaced() throws {
    let base = tinyModel()
    let model = try AdaptedModel(
      base, plan([.mlpFC], biases: .all, replacesFinalNorm: true), .uniform(seed: 1))
    for name in ["ln_f.weight", "ln_f.bias", "h.1.ln_2.bias", "h.0.attn.c_proj.bias"] {
      let own = try #require(base.layout.parameters.first { $0.name == "transformer.\(name)" })
      #expect(try parameter(model, name) == Array(base.parameters[own.range]))
    }
    let own = try #require(
      base.layout.parameters.first { $0.name == "transformer.h.1.mlp.c_fc.bias" })
    #expect(
      try parameter(model, "h.1.mlp.c_fc.base_layer.bias") == Array(base.parameters[own.range]))
  }

  @Test("A is uniform between ±1/√inputs or normal with deviation 1/rank, and B is 0")
  func initialValues() throws {
    let base = tinyModel(embeddingSize: 48)
    func values(_ start: AdapterStart, _ name: String) throws -> [Double] {
      try parameter(AdaptedModel(base, plan(rank: 32), start), name).map(Double.init)
    }
    func deviation(_ numbers: [Double]) -> Double {
      (numbers.reduce(0) { $0 + $1 * $1 } / Double(numbers.count)).squareRoot()
    }
    for (name, inputs) in [("h.0.attn.c_attn", 48), ("h.1.mlp.c_proj", 192)] {
      let bound = 1 / Double(inputs).squareRoot()
      let uniform = try values(.uniform(seed: 1), name + ".lora_A.weight")
      #expect(uniform.allSatisfy { abs($0) <= bound })
      #expect(abs(deviation(uniform) / (bound / 3.0.squareRoot()) - 1) < 0.05)
      let normal = try values(.gaussian(seed: 1), name + ".lora_A.weight")
      #expect(abs(deviation(normal) * 32 - 1) < 0.07)
      #expect(try values(.gaussian(seed: 1), name + ".lora_B.weight").allSatisfy { $0 == 0 })
      #expect(try values(.uniform(seed: 1), name + ".lora_B.weight").allSatisfy { $0 == 0 })
    }
    let first = try values(.uniform(seed: 1), "h.0.attn.c_attn.lora_A.weight")
    #expect(try values(.uniform(seed: 1), "h.1.attn.c_attn.lora_A.weight") != first)
    #expect(try values(.uniform(seed: 2), "h.0.attn.c_attn.lora_A.weight") != first)
    #expect(try values(.uniform(seed: 1), "h.0.attn.c_attn.lora_A.weight") == first)
  }

  @Test("factors that are subtracted from the weights change nothing", arguments: [false, true])
  func principal(hasMagnitudes: Bool) throws {
    let base = tinyModel()
    let plan = plan(hasMagnitudes: hasMagnitudes)
    let start = FloatArena(count: AdapterLayout(plan, for: base.layout).count)
    var generator = PhiloxGenerator(seed: 6, .sampling, stream: 3)
    for index in start.floats.indices { start.floats[index] = Float(generator.nextUnit() - 0.5) }
    let expected = loss(base)
    #expect(abs(loss(try AdaptedModel(base, plan, .given(start))) - expected) > 1e-2 * expected)
    // What is left of the weights is rounded, and the factors are not.
    let tolerances: [(WeightType, Double)] = [(.fp32, 1e-5), (.bf16, 1e-2), (.int8, 2e-2)]
    for (type, tolerance) in tolerances {
      let model = try AdaptedModel(base, plan, .principal(start), weights: type)
      #expect(abs(loss(model) - expected) < tolerance * expected, "\(type)")
      let factor = try parameter(model, "h.1.mlp.c_proj.lora_B.weight")
      #expect(factor.contains { $0 != 0 })
    }
  }

  @Test(
    "refuses weights that are not numbers, and names the tensor", arguments: WeightType.allCases)
  func damaged(type: WeightType) throws {
    let base = tinyModel()
    for name in ["h.1.mlp.c_fc.weight", "h.0.attn.c_attn.bias", "wte.weight", "ln_f.weight"] {
      let parameter = try #require(
        base.layout.parameters.first { $0.name == "transformer.\(name)" })
      let place = parameter.range.upperBound - 1
      let earlier = base.parameters.floats[place]
      base.parameters.floats[place] = .nan
      let folder = try TemporaryFolder()
      try base.write(to: folder.path)
      base.parameters.floats[place] = earlier
      let error = #expect(throws: InputError.self) {
        try AdaptedModel(
          StoredModel(folder: folder.path, base.threadPool), plan(), .uniform(seed: 1),
          weights: type, threadPool: base.threadPool)
      }
      #expect(error.map { "\($0)" }?.contains(name) == true)
    }
  }
}
