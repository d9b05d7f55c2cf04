import GPT2
import TensorKernels

/// A small model none of whose parameters is special: biases are not 0, norms not 1.
func tinyModel(
  vocabularySize: Int = 23, contextLength: Int = 8, embeddingSize: Int = 12, layers: Int = 2,
  heads: Int = 3, feedForwardSize: Int? = nil, threadPool: Int = 1,
  _ change: (inout GPT2Configuration) -> Void = { _ in }
) -> GPT2Model {
  var configuration = GPT2Configuration(
    vocabularySize: vocabularySize, contextLength: contextLength, embeddingSize: embeddingSize,
    layers: layers,
    heads: heads, feedForwardSize: feedForwardSize)
  configuration.initializerRange = 0.3
  change(&configuration)
  let model = GPT2Model(configuration, seed: 1, threadPool: ThreadPool(count: threadPool))
  var generator = PhiloxGenerator(seed: 2, .sampling, stream: 0)
  for parameter in model.layout.parameters where !parameter.decays {
    for index in parameter.range {
      model.parameters.floats[index] += Float(0.4 * generator.nextUnit() - 0.2)
    }
  }
  return model
}

/// Tokens that look random.
func someTokens(_ count: Int, vocabularySize: Int = 23, seed: UInt64 = 3) -> [Int32] {
  var generator = PhiloxGenerator(seed: seed, .sampling, stream: 1)
  return (0..<count).map { _ in
    Int32.random(in: 0..<Int32(vocabularySize), using: &generator)
  }
}

extension TrainingPass {
  func loss(_ inputs: [Int32], _ targets: [Int32]) -> Double {
    loss(inputs: inputs, targets: targets)
  }

  /// The loss; the gradients are those of this call alone, whatever was there before.
  func lossAndGradients(
    _ inputs: [Int32], _ targets: [Int32], scale: Float = 1, dropoutSeed: DropoutSeed? = nil
  ) -> Double {
    gradients.floats.update(repeating: .nan)
    return addGradients(
      inputs, targets, scale: scale, dropoutSeed: dropoutSeed, accumulating: false)
  }

  /// The loss; the gradients are added.
  func addGradients(
    _ inputs: [Int32], _ targets: [Int32], scale: Float = 1, dropoutSeed: DropoutSeed? = nil,
    accumulating: Bool = true
  ) -> Double {
    lossAndGradients(
      inputs: inputs, targets: targets, gradientScale: scale, dropoutSeed: dropoutSeed,
      accumulating: accumulating)
  }
}
