import GPT2
import TensorKernels
import Testing

@Suite("New weights")
struct NewWeightsTests {
  private func model(seed: UInt64) -> GPT2Model {
    GPT2Model(
      GPT2Configuration(
        vocabularySize: 1001, contextLength: 64, embeddingSize: 32, layers: 8, heads: 2),
      seed: seed, threadPool: ThreadPool(count: 1))
  }

  @Test("are normal with the initializer range; the projections to the residual are smaller")
  func distribution() {
    let model = model(seed: 1)
    for parameter in model.layout.parameters {
      let values = model.parameters[parameter.range].map(Double.init)
      if parameter.name.hasSuffix("bias") {
        #expect(values.allSatisfy { $0 == 0 })
      } else if parameter.name.contains("ln_") {
        #expect(values.allSatisfy { $0 == 1 })
      } else {
        let expected = parameter.name.hasSuffix("c_proj.weight") ? 0.02 / 4 : 0.02
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let deviation = (values.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
        // Five standard deviations of both.
        #expect(abs(mean) < 5 * expected / count.squareRoot())
        #expect(abs(deviation / expected - 1) < 5 / (2 * count).squareRoot())
      }
    }
  }

  @Test("follow from the seed, and no two tensors are alike")
  func seeds() {
    #expect(model(seed: 1).checksum == model(seed: 1).checksum)
    #expect(model(seed: 1).checksum != model(seed: 2).checksum)
    let model = model(seed: 1)
    let beginnings = model.layout.parameters.filter { $0.decays }.map {
      model.parameters.floats[$0.range.lowerBound]
    }
    #expect(Set(beginnings).count == beginnings.count)
  }
}
