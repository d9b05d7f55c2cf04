import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import JSONSupport
import TensorKernels
import Testing

/// Where the folders of `Tests/Interop/References/adapter_reference.py` are: those that are committed, or what
/// `make interop` has just made.
private let referenceFolder =
  ProcessInfo.processInfo.environment["ADAPTER_REFERENCE"]
  ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference").path

private let cases: [String] =
  ((try? FileManager.default.contentsOfDirectory(atPath: referenceFolder)) ?? [])
  .filter { $0 != "base" }.sorted()

/// An adapter, a batch, and what peft computes with them in double precision.
private struct Reference {
  let model: AdaptedModel
  let batch: Int
  let time: Int
  let tokens: [Int32]
  /// The token that each position is to give; negative: none.
  let targets: [Int32]
  private let expected: SafetensorsFile

  init(_ name: String, threads: Int = 2) throws {
    let folder = "\(referenceFolder)/\(name)"
    let base = "\(referenceFolder)/base"
    expected = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let configuration = try GPT2Configuration(path: "\(base)/config.json")
    let plan = try Self.plan(JSONValue(path: "\(folder)/adapter_config.json"), configuration)
    let layout = AdapterLayout(plan, for: ParameterLayout(configuration))
    let start = FloatArena(count: layout.count)
    let adapter = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
    #expect(Set(adapter.tensors.keys) == Set(layout.parameters.map(\.name)))
    for parameter in layout.parameters {
      start[parameter.range].update(
        fromContentsOf: try Self.elements(adapter, parameter.name, as: Float.self))
    }
    let threadPool = ThreadPool(count: threads)
    model = try AdaptedModel(
      StoredModel(folder: base, threadPool), plan, .given(start), threadPool: threadPool)
    let shape = try #require(expected.tensors["tokens"]).shape
    (batch, time) = (shape[0], shape[1])
    tokens = try Self.elements(expected, "tokens", as: Int32.self)
    targets = try Self.elements(expected, "targets", as: Int32.self)
  }

  private static func plan(
    _ json: JSONValue, _ configuration: GPT2Configuration
  ) throws -> AdapterPlan {
    let rank = Int(try #require(json["r"]?.number))
    let alpha = Float(try #require(json["lora_alpha"]?.number))
    let isStabilized = json["use_rslora"]?.boolean == true
    let targets = try #require(json["target_modules"]?.elements).compactMap(\.string)
    let matrices = AdaptableMatrix.allCases.filter { matrix in
      targets.contains { matrix.rawValue == $0 || matrix.rawValue.hasSuffix("." + $0) }
    }
    return AdapterPlan(
      modules: (0..<configuration.layers).flatMap { block in
        matrices.map {
          .init(
            block: block, matrix: $0, rank: rank,
            scaling: alpha / (isStabilized ? Float(rank).squareRoot() : Float(rank)))
        }
      }, hasMagnitudes: json["use_dora"]?.boolean == true,
      biases: try #require(AdapterPlan.Biases(rawValue: json["bias"]?.string ?? "")),
      replacesFinalNorm: json["modules_to_save"]?.elements != nil)
  }

  private static func elements<Element>(
    _ file: SafetensorsFile, _ name: String, as type: Element.Type
  ) throws -> [Element] {
    let tensor = try #require(file.tensors[name], "\(name)")
    let bytes = file.bytes(of: tensor)
    return withExtendedLifetime(file) {
      (0..<tensor.count).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
      }
    }
  }

  func floats(_ name: String) throws -> [Float] {
    try Self.elements(expected, name, as: Float.self)
  }

  func losses() throws -> [Double] { try Self.elements(expected, "losses", as: Double.self) }

  private var targetCount: Int { targets.count { $0 >= 0 } }

  /// The mean loss; its gradients are left in `pass`.
  func run(_ pass: TrainingPass) -> Double {
    pass.lossAndGradients(tokens, targets, scale: 1 / Float(targetCount)) / Double(targetCount)
  }
}

private func norm(_ numbers: some Sequence<Double>) -> Double {
  numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
}

/// Float32 on both sides of a tiny model leaves about 1e-6; the engine promises 1e-4.
private let tolerance = 1e-5

@Suite("Adapters against peft")
struct AdapterReferenceTests {
  @Test("there are references")
  func references() {
    #expect(cases.count >= 6)
  }

  @Test("the gradient of every tensor is peft's", arguments: cases, [false, true])
  func gradients(name: String, checkpointsGradients: Bool) throws {
    let reference = try Reference(name)
    let pass = TrainingPass(
      reference.model, batchSize: reference.batch, sequenceLength: reference.time,
      checkpointsGradients: checkpointsGradients)
    let loss = reference.run(pass)
    #expect(abs(loss - (try #require(reference.losses().first))) < tolerance)
    for parameter in reference.model.trainable.parameters {
      let theirs = try reference.floats("gradient." + parameter.name)
      let ours = pass.gradients[parameter.range]
      #expect(ours.count == theirs.count)
      let difference = norm(zip(ours, theirs).map { Double($0) - Double($1) })
      #expect(
        difference < tolerance * max(norm(theirs.map { Double($0) }), 1e-3), "\(parameter.name)")
    }
  }

  @Test("the probability of every token is peft's", arguments: cases)
  func logits(name: String) throws {
    let reference = try Reference(name)
    let logits = try reference.floats("logits")
    let vocabulary = reference.model.configuration.vocabularySize
    let pass = TrainingPass(
      reference.model, batchSize: reference.batch, sequenceLength: reference.time,
      forGradients: false)
    for position in [0, reference.tokens.count - 1] {
      let row = logits[position * vocabulary..<(position + 1) * vocabulary].map(Double.init)
      for token in 0..<vocabulary {
        var targets = [Int32](repeating: -1, count: reference.tokens.count)
        targets[position] = Int32(token)
        let loss = pass.loss(reference.tokens, targets)
        #expect(abs(loss - ReferenceGPT2.loss(row, target: Int32(token))) < 3 * tolerance)
      }
    }
  }

  @Test("twenty steps of AdamW give the losses and the adapter of torch's", arguments: cases)
  func training(name: String) throws {
    let reference = try Reference(name)
    let (model, threadPool) = (reference.model, reference.model.threadPool)
    let pass = TrainingPass(
      model, batchSize: reference.batch, sequenceLength: reference.time)
    let (trainable, count) = (model.trainable, model.trainable.floats.count)
    let (first, second) = (FloatArena(count: count), FloatArena(count: count))
    for (step, expected) in try reference.losses().enumerated() {
      let loss = reference.run(pass)
      #expect(abs(loss - expected) < 1e-4, "step \(step)")
      threadPool.adamW(
        trainable.floats.floats, gradient: pass.gradients.floats, firstMoment: first.floats,
        secondMoment: second.floats,
        AdamWStep(
          index: step + 1, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
          gradientScale: 1), weightDecay: 0)
    }
    for parameter in trainable.parameters {
      // Adam divides by the root of the square of the gradient, so that of the keys' bias, which is
      // zero but for rounding, becomes steps in any direction.
      if parameter.name.hasSuffix("c_attn.base_layer.bias") { continue }
      let theirs = try reference.floats("final." + parameter.name)
      let difference = zip(trainable.floats[parameter.range], theirs).map { abs($0 - $1) }.max()
      #expect((difference ?? .infinity) < 1e-3, "\(parameter.name)")
    }
  }
}
