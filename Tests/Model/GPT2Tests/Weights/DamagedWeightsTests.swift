import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("Weights that are not numbers")
struct DamagedWeightsTests {
  private let folder: TemporaryFolder
  private let model = tinyModel { $0.tiesWordEmbeddings = false }

  init() throws {
    folder = try TemporaryFolder()
  }

  private func expectRefusal(
    _ problem: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try model.write(to: folder.path)
    let threadPool = ThreadPool(count: 2)
    func expect(_ read: () throws -> Void) {
      let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { try read() }
      #expect(
        error?.description == "\(folder.path("model.safetensors")): \(problem), expected a finite "
          + "number: the weights are damaged, or their training diverged",
        sourceLocation: sourceLocation)
    }
    expect { _ = try GPT2Model(folder: folder.path, threadPool: threadPool) }
    for type in WeightType.allCases {
      expect { _ = try InferenceModel(folder: folder.path, weights: type, threadPool: threadPool) }
    }
  }

  @Test(
    "NaN or infinity in any parameter is refused with its place, however weights are kept",
    arguments: [Float.nan, .infinity, -.infinity])
  func anyParameter(bad: Float) throws {
    // A row of an embedding counts even if no text comes to use it.
    for (name, index, place) in [
      ("transformer.wte.weight", 22 * 12 + 3, "[22, 3]"), ("transformer.wpe.weight", 95, "[7, 11]"),
      ("transformer.h.1.mlp.c_fc.weight", 0, "[0, 0]"), ("transformer.h.0.ln_1.bias", 5, "[5]"),
      ("lm_head.weight", 13, "[1, 1]"),
    ] {
      let parameter = try #require(model.layout.parameters.first { $0.name == name })
      let position = parameter.range.lowerBound + index
      let earlier = model.parameters.floats[position]
      model.parameters.floats[position] = bad
      try expectRefusal("tensor '\(name)' is \(bad) at \(place)")
      model.parameters.floats[position] = earlier
    }
    try model.write(to: folder.path)
    _ = try InferenceModel(folder: folder.path, threadPool: ThreadPool(count: 1))
  }

  @Test("finite weights whose logits overflow score as NaN, not as a number")
  func overflow() {
    model.parameters.floats.update(repeating: 3e38)
    let pass = InferencePass(InferenceModel(model), capacity: 8, sequences: 4)
    let sums = pass.logProbabilities(of: [[1, 2, 3], [4, 5]])
    #expect(sums.allSatisfy { $0.isNaN })
  }
}
