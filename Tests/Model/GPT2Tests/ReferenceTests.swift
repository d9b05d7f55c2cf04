import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import TensorKernels
import Testing

/// Where the folders of `Tests/Interop/References/engine_reference.py` are: those that are committed, or what
/// `make interop` has just made.
private let referenceFolder =
  ProcessInfo.processInfo.environment["ENGINE_REFERENCE"]
  ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference").path

private let variants: [String] =
  (try? FileManager.default.contentsOfDirectory(atPath: referenceFolder).sorted()) ?? []

/// A model, a batch, and what transformers computes with them in double precision.
private struct Reference {
  let model: GPT2Model
  let batch: Int
  let time: Int
  let tokens: [Int32]
  /// The token that each position is to give; negative: none.
  let targets: [Int32]
  let loss: Double
  let logitColumns: [Int32]
  /// `[batch · time, logitColumns]`.
  let logits: [Float]
  /// By the name of the parameter.
  let gradients: [String: [Float]]

  init(_ variant: String, threadPool: Int = 2) throws {
    let folder = "\(referenceFolder)/\(variant)"
    model = try GPT2Model(folder: folder, threadPool: ThreadPool(count: threadPool))
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    func elements<Element>(_ name: String, as type: Element.Type) throws -> [Element] {
      let tensor = try #require(file.tensors[name])
      let bytes = file.bytes(of: tensor)
      return withExtendedLifetime(file) {
        (0..<tensor.count).map {
          bytes.loadUnaligned(
            fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
        }
      }
    }
    let shape = try #require(file.tensors["tokens"]).shape
    (batch, time) = (shape[0], shape[1])
    tokens = try elements("tokens", as: Int32.self)
    targets = try elements("targets", as: Int32.self)
    loss = try #require(elements("loss", as: Double.self).first)
    logitColumns = try elements("logit_columns", as: Int32.self)
    logits = try elements("logits", as: Float.self)
    let prefix = "gradient."
    gradients = Dictionary(
      uniqueKeysWithValues: try file.tensors.keys.filter { $0.hasPrefix(prefix) }.map {
        (String($0.dropFirst(prefix.count)), try elements($0, as: Float.self))
      })
  }

  var targetCount: Int { targets.count { $0 >= 0 } }

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

@Suite("Against torch and transformers")
struct ReferenceTests {
  @Test("there are references")
  func references() {
    #expect(variants.count >= 19)
  }

  @Test("the loss and the gradient of every tensor are torch's", arguments: variants)
  func gradients(variant: String) throws {
    let reference = try Reference(variant)
    let pass = TrainingPass(
      reference.model, batchSize: reference.batch + 1, sequenceLength: reference.time)
    let loss = reference.run(pass)
    #expect(abs(loss - reference.loss) < tolerance)
    #expect(reference.gradients.count == reference.model.layout.parameters.count)
    for parameter in reference.model.layout.parameters {
      let theirs = try #require(reference.gradients[parameter.name])
      let ours = pass.gradients[parameter.range]
      #expect(ours.count == theirs.count)
      let difference = norm(zip(ours, theirs).map { Double($0) - Double($1) })
      // The keys' bias adds the same to all scores of a row: its gradient is zero but for rounding.
      let size = norm(theirs.map { Double($0) })
      #expect(difference < tolerance * max(size, 1e-3), "\(parameter.name)")
    }
  }

  @Test("the loss without gradients is torch's", arguments: variants)
  func loss(variant: String) throws {
    let reference = try Reference(variant)
    let pass = TrainingPass(
      reference.model, batchSize: reference.batch, sequenceLength: reference.time,
      forGradients: false)
    let loss = pass.loss(reference.tokens, reference.targets) / Double(reference.targetCount)
    #expect(abs(loss - reference.loss) < tolerance)
  }

  @Test(
    "the logits of every position are torch's, however the prompt is cut",
    arguments: variants, [1, 5, 1000])
  func logits(variant: String, chunk: Int) throws {
    let reference = try Reference(variant)
    let inference = InferencePass(
      InferenceModel(reference.model), capacity: reference.time)
    for sequence in 0..<reference.batch {
      let cache = KeyValueCache(inference.model, capacity: reference.time)
      var position = 0
      while position < reference.time {
        let count = min(chunk, reference.time - position)
        let first = sequence * reference.time + position
        let logits = inference.logits(after: Array(reference.tokens[first..<first + count]), cache)
        position += count
        let row = (first + count - 1) * reference.logitColumns.count
        let difference = reference.logitColumns.enumerated().map {
          abs(logits[Int($1)] - reference.logits[row + $0])
        }.max()
        #expect(Double(difference ?? .infinity) < tolerance * 3)
      }
    }
  }

  @Test("batches whose gradients are added give those of the whole", arguments: variants)
  func accumulation(variant: String) throws {
    let reference = try Reference(variant)
    guard reference.batch > 1 else { return }
    let whole = TrainingPass(
      reference.model, batchSize: reference.batch, sequenceLength: reference.time)
    let loss = reference.run(whole)
    let parts = TrainingPass(
      reference.model, batchSize: reference.batch - 1, sequenceLength: reference.time,
      checkpointsGradients: true)
    let cut = (reference.batch - 1) * reference.time
    let scale = 1 / Float(reference.targetCount)
    var sum = parts.addGradients(
      Array(reference.tokens[..<cut]), Array(reference.targets[..<cut]), scale: scale,
      accumulating: false)
    sum += parts.addGradients(
      Array(reference.tokens[cut...]), Array(reference.targets[cut...]), scale: scale)
    #expect(abs(sum / Double(reference.targetCount) - loss) < tolerance)
    let difference = norm(
      zip(whole.gradients.floats, parts.gradients.floats).map { Double($0) - Double($1) })
    #expect(difference < tolerance * norm(whole.gradients.floats.map { Double($0) }))
  }

  @Test("one thread and three give the same bits", arguments: variants)
  func threads(variant: String) throws {
    let results = try [1, 3].map { threadPool in
      let reference = try Reference(variant, threadPool: threadPool)
      let pass = TrainingPass(
        reference.model, batchSize: reference.batch, sequenceLength: reference.time)
      let loss = reference.run(pass)
      return (loss, pass.gradients.floats.map(\.bitPattern))
    }
    #expect(results[0].0 == results[1].0)
    let areEqual = results[0].1 == results[1].1
    #expect(areEqual)
  }
}
