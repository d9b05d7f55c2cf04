import TensorKernels
import TextGeneration

/// Settings that sample from all tokens, except for what is changed.
func settings(_ change: (inout SamplingSettings) -> Void = { _ in }) -> SamplingSettings {
  var settings = SamplingSettings()
  settings.topK = 0
  change(&settings)
  return settings
}

/// The logits after the last step of a new sampler.
func processed(
  _ logits: [Float], text: [Int32] = [], promptCount: Int = 0, endOfText: Set<Int32> = [],
  _ change: (inout SamplingSettings) -> Void
) -> [Float] {
  var sampler = TokenSampler(
    settings(change), endOfText: endOfText, vocabulary: logits.count)
  return sampler.steps(logits, text: text, promptCount: promptCount).last?.logits ?? logits
}

extension TokenSampler {
  mutating func steps(
    _ logits: [Float], text: [Int32] = [], promptCount: Int = 0
  ) -> [(processor: LogitsProcessor, logits: [Float])] {
    logitsAfterProcessors(logits.span, text: text, promptCount: promptCount)
  }

  /// Samples with the generator that a text of this index begins with.
  mutating func sample(
    _ logits: [Float], text: [Int32] = [], promptCount: Int = 0, index: Int = 0
  ) throws -> SampledToken {
    var generator = PhiloxGenerator(seed: 42, .sampling, stream: index)
    return try sample(logits.span, text: text, promptCount: promptCount, &generator)
  }
}

/// Logits as a model's are: most of them low, a few high.
func randomLogits(_ count: Int, seed: UInt64, scale: Float = 3) -> [Float] {
  var generator = PhiloxGenerator(seed: seed, .sampling, stream: 0)
  return (0..<count).map { _ in
    let sum = (0..<6).reduce(0) { sum, _ in sum + Float(generator.nextUnit()) }
    return (sum - 3) * scale
  }
}
