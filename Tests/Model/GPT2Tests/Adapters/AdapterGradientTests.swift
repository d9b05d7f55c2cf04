import GPT2
import TensorKernels
import Testing

/// An adapter of a small model.
private struct Case: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let plan: AdapterPlan
  var tiesWordEmbeddings = true

  init(_ description: String, tied: Bool = true, _ plan: AdapterPlan) {
    (testDescription, self.plan, tiesWordEmbeddings) = (description, plan, tied)
  }
}

private let layers = 3

/// Modules of the same rank and scaling.
private func modules(
  _ matrices: [AdaptableMatrix] = AdaptableMatrix.allCases, in blocks: [Int] = Array(0..<layers),
  rank: Int = 2, scaling: Float = 1.5
) -> [AdapterPlan.Module] {
  blocks.flatMap { block in
    matrices.map { .init(block: block, matrix: $0, rank: rank, scaling: scaling) }
  }
}

private let cases = [
  Case("c_attn", .init(modules: modules([.attnQKV]))),
  Case("all four", .init(modules: modules(rank: 3, scaling: 0.5))),
  Case("all four, separate head", tied: false, .init(modules: modules())),
  Case(
    "each with a rank and scaling of its own",
    .init(
      modules: modules().enumerated().map { index, module in
        var module = module
        module.rank = 1 + index % 5
        // rsLoRA.
        module.scaling = 4 / Float(module.rank).squareRoot()
        return module
      })),
  Case("magnitudes", .init(modules: modules(), hasMagnitudes: true)),
  Case(
    "magnitudes and all biases", .init(modules: modules(), hasMagnitudes: true, biases: .all)),
  Case("all biases", .init(modules: modules([.mlpProj], in: [1]), biases: .all)),
  Case(
    "their biases", .init(modules: modules([.attnProj, .mlpFC], in: [1, 2]), biases: .adaptedOnly)),
  Case(
    "the last layer normalization too",
    .init(modules: modules([.mlpProj], in: [2]), replacesFinalNorm: true)),
  Case("only the last layer normalization", .init(modules: [], replacesFinalNorm: true)),
  Case("c_attn of the last block", .init(modules: modules([.attnQKV], in: [2]))),
  Case("attn.c_proj of a block", .init(modules: modules([.attnProj], in: [1]))),
  Case("c_fc of a block", .init(modules: modules([.mlpFC], in: [1]))),
  Case(
    "mlp.c_proj with magnitudes of a block",
    .init(modules: modules([.mlpProj], in: [1]), hasMagnitudes: true)),
  Case("dropout", .init(modules: modules(), dropout: 0.4)),
  Case(
    "dropout of some", .init(modules: modules([.attnQKV, .mlpProj], in: [0, 2]), dropout: 0.3)),
]

/// The engine's gradients of an adapter, in single precision, against the slopes of a loss in double
/// precision.
@Suite("Gradients of adapters")
struct AdapterGradientTests {
  private static let seed = TrainingPass.DropoutSeed(seed: 9, pass: 4)
  private static let (batchSize, time) = (2, 7)

  private func base(_ example: Case, threads: Int = 1) -> GPT2Model {
    tinyModel(layers: layers, feedForwardSize: 20, threadPool: threads) {
      $0.tiesWordEmbeddings = example.tiesWordEmbeddings
      $0.embeddingDropout = 0
      $0.attentionDropout = 0
      $0.residualDropout = 0
    }
  }

  /// An adapter none of whose parameters is special.
  private func start(_ example: Case, _ model: GPT2Model) -> AdapterStart {
    let layout = AdapterLayout(example.plan, for: model.layout)
    let floats = FloatArena(count: layout.count)
    var generator = PhiloxGenerator(seed: 6, .sampling, stream: 3)
    for parameter in layout.parameters {
      let isFactor = parameter.name.contains("lora_A") || parameter.name.contains("lora_B")
      for index in parameter.range {
        floats.floats[index] = Float(generator.nextUnit() - 0.5) * (isFactor ? 1 : 0.4)
        if !isFactor, !parameter.name.hasSuffix(".bias") { floats.floats[index] += 1 }
      }
    }
    return .given(floats)
  }

  private var tokens: [Int32] { someTokens(Self.batchSize * Self.time) }
  private var targets: [Int32] {
    var targets = someTokens(Self.batchSize * Self.time, seed: 4)
    targets[3] = -1
    return targets
  }

  /// What each input of an adapter is multiplied by, by place; the same Philox numbers.
  private func masks(_ model: AdaptedModel) -> [Int: [Double]] {
    guard model.plan.dropout > 0 else { return [:] }
    let configuration = model.configuration
    var masks: [Int: [Double]] = [:]
    for module in model.plan.modules {
      let index = AdaptableMatrix.allCases.firstIndex(of: module.matrix) ?? 0
      let place = 1 + 3 * configuration.layers + 4 * module.block + index
      let columns =
        module.matrix == .mlpProj ? configuration.feedForwardSize : configuration.embeddingSize
      let rows = Self.batchSize * Self.time
      let ones = FloatArena(count: rows * columns)
      ones.floats.update(repeating: 1)
      model.threadPool.drop(
        ones.matrix(rows: rows, columns: columns),
        Dropout(
          probability: model.plan.dropout, seed: Self.seed.seed, pass: Self.seed.pass,
          place: UInt32(place)))
      masks[place] = ones.floats.map(Double.init)
    }
    return masks
  }

  private func loss(_ reference: ReferenceGPT2, _ masks: [Int: [Double]]) -> Double {
    var reference = reference
    return (0..<Self.batchSize).reduce(0) { sum, sequence in
      reference.mask = { place, rows, columns in
        masks[place].map { Array($0[sequence * rows * columns..<(sequence + 1) * rows * columns]) }
      }
      let range = sequence * Self.time..<(sequence + 1) * Self.time
      return sum
        + reference.loss(
          tokens: Array(tokens[range]), targets: Array(targets[range]), time: Self.time)
    }
  }

  /// Checks the slope of the loss along random directions in each parameter of the adapter, with
  /// and without gradient checkpointing; `decoded` is the model with the weights that are kept.
  private func check(_ model: AdaptedModel, over decoded: GPT2Model) {
    let masks = masks(model)
    let seed = masks.isEmpty ? nil : Self.seed
    let passes = [false, true].map {
      TrainingPass(
        model, batchSize: Self.batchSize, sequenceLength: Self.time, checkpointsGradients: $0)
    }
    var reference = ReferenceGPT2(decoded)
    let adapter = ReferenceAdapter(model)
    reference.adapter = adapter
    let expectedLoss = loss(reference, masks)
    for pass in passes {
      #expect(pass.gradients.count == model.layout.count)
      let loss = pass.lossAndGradients(tokens, targets, dropoutSeed: seed)
      #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
    }
    let step = 1e-5
    var generator = PhiloxGenerator(seed: 5, .sampling, stream: 2)
    for parameter in model.trainable.parameters {
      for _ in 0..<2 {
        let direction = parameter.range.map { _ in 2 * generator.nextUnit() - 1 }
        func loss(at distance: Double) -> Double {
          var changed = adapter
          for (index, part) in zip(parameter.range, direction) {
            changed.values[index] += distance * part
          }
          reference.adapter = changed
          return self.loss(reference, masks)
        }
        let expected = (loss(at: step) - loss(at: -step)) / (2 * step)
        for pass in passes {
          let gradient = pass.gradients[parameter.range].map(Double.init)
          let seen = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
          let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
          #expect(size > 1e-6, "\(parameter.name)")
          #expect(abs(seen - expected) < 1e-5 * max(1, size), "\(parameter.name)")
        }
      }
    }
  }

  @Test("are the slopes of the loss", arguments: cases)
  private func slopes(example: Case) throws {
    let base = base(example)
    check(try AdaptedModel(base, example.plan, start(example, base)), over: base)
  }

  @Test(
    "over weights that are kept in fewer bits", arguments: [WeightType.bf16, .int8, .int4],
    [cases[1], cases[2], cases[4], cases[14]])
  private func types(type: WeightType, example: Case) throws {
    let base = base(example)
    let model = try AdaptedModel(base, example.plan, start(example, base), weights: type)
    check(model, over: try base.keeping(type))
  }

  @Test("of several batches are added", arguments: cases)
  private func accumulation(example: Case) throws {
    let base = base(example)
    let model = try AdaptedModel(base, example.plan, start(example, base))
    let pass = TrainingPass(model, batchSize: 2, sequenceLength: Self.time)
    let seed = example.plan.dropout > 0 ? Self.seed : nil
    _ = pass.lossAndGradients(tokens, targets, dropoutSeed: seed)
    let once = Array(pass.gradients.floats)
    _ = pass.addGradients(tokens, targets, dropoutSeed: seed)
    for (twice, once) in zip(pass.gradients.floats, once) {
      #expect(abs(twice - 2 * once) <= 1e-5 * max(1, abs(once)))
    }
  }

  @Test("do not depend on the number of threads", arguments: [WeightType.fp32, .int8], cases)
  private func threads(type: WeightType, example: Case) throws {
    let bits = try [1, 2, 3].map { threads in
      let base = base(example, threads: threads)
      let model = try AdaptedModel(base, example.plan, start(example, base), weights: type)
      let pass = TrainingPass(model, batchSize: 2, sequenceLength: Self.time)
      let loss = pass.lossAndGradients(tokens, targets, dropoutSeed: Self.seed)
      return [loss.bitPattern] + pass.gradients.floats.map { UInt64($0.bitPattern) }
    }
    #expect(bits[1] == bits[0] && bits[2] == bits[0])
  }

  @Test(
    "in bfloat16 point where they do in single precision",
    .enabled(if: ThreadPool.multipliesBFloat16, "the processor does not multiply bfloat16"),
    arguments: [WeightType.fp32, .bf16, .int8], [cases[1], cases[5], cases[14]])
  private func bfloat16(type: WeightType, example: Case) throws {
    let base = base(example)
    func pass(_ precision: Precision) throws -> TrainingPass {
      let model = try AdaptedModel(base, example.plan, start(example, base), weights: type)
      if precision == .bf16 { model.enableBFloat16() }
      let pass = TrainingPass(model, batchSize: 2, sequenceLength: Self.time)
      _ = pass.lossAndGradients(tokens, targets, dropoutSeed: Self.seed)
      return pass
    }
    let (exact, rounded) = (try pass(.fp32), try pass(.bf16))
    #expect(rounded.model.precision == .bf16)
    for parameter in exact.model.trainable.parameters {
      let (x, y) = (exact.gradients[parameter.range], rounded.gradients[parameter.range])
      func product(_ x: Floats, _ y: Floats) -> Double {
        zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      let cosine = product(x, y) / (product(x, x) * product(y, y)).squareRoot()
      #expect(cosine > 0.99, "\(parameter.name)")
    }
  }
}

extension GPT2Model {
  /// This model with the weights that are left of its own if they are kept as `type`.
  func keeping(_ type: WeightType) throws -> GPT2Model {
    var configuration = configuration
    configuration.tiesWordEmbeddings = false
    let model = GPT2Model(configuration, threadPool: threadPool)
    for parameter in model.layout.parameters {
      let isHead = parameter.name == "lm_head.weight"
      let own = layout.parameters.first {
        $0.name == parameter.name
          || isHead && $0.name == "transformer.wte.weight"
            && self.configuration.tiesWordEmbeddings
      }
      guard let own else { continue }
      let (source, target) = (parameters[own.range], model.parameters[parameter.range])
      guard isHead || parameter.name.contains("c_") && parameter.shape.count == 2 else {
        target.update(from: source)
        continue
      }
      let matrix = MatrixView(source, rows: own.shape[0], columns: own.shape[1])
      let weights = isHead ? matrix.transposed : matrix.asIs
      let kept = WeightMatrix(inputs: weights.rows, outputs: weights.columns, packedAs: type)
      threadPool.pack(weights, into: kept)
      // The product with the unit matrix is the weights.
      let (unit, product) = (
        FloatArena(count: weights.rows * weights.rows), FloatArena(count: target.count)
      )
      for index in 0..<weights.rows { unit.floats[index * weights.rows + index] = 1 }
      threadPool.multiply(
        product.matrix(rows: weights.rows, columns: weights.columns),
        unit.matrix(rows: weights.rows, columns: weights.rows), kept, bias: nil)
      for row in 0..<weights.rows {
        for column in 0..<weights.columns {
          let index = isHead ? column * weights.rows + row : row * weights.columns + column
          target[index] = product.floats[row * weights.columns + column]
        }
      }
    }
    return model
  }
}
