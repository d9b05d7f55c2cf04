import TensorKernels

/// The parameters that an adapter begins with.
///
/// Unless it says otherwise, parameters that replace some of the model begin with their values, and
/// magnitudes with the lengths of the columns.
public enum AdapterStart {
  /// A is uniformly distributed between ±1/√inputs, B is 0: peft's `init_lora_weights: true`.
  case uniform(seed: UInt64)
  /// A is normally distributed with a standard deviation of 1/rank, B is 0: peft's `"gaussian"`.
  case gaussian(seed: UInt64)
  /// All parameters are given, in the order of the ``AdapterLayout``: an adapter that is trained on.
  case given(FloatArena)
  /// A and B are given, in the order of the ``AdapterLayout``, and their product is subtracted from
  /// the model's weights, so that nothing changes yet: PiSSA (Meng and others 2024).
  case principal(FloatArena)

  var isPrincipal: Bool { if case .principal = self { true } else { false } }

  /// Whether it determines all parameters.
  var isComplete: Bool { if case .given = self { true } else { false } }

  /// Sets the factors and, if they are given, all other parameters of the adapter in `floats`.
  func fill(_ floats: FloatArena, _ layout: AdapterLayout, _ threadPool: ThreadPool) {
    let factors = layout.modules.map(\.a)
    switch self {
    case .uniform(let seed):
      threadPool.run(factors.count) { index, _ in
        let a = factors[index].matrix(in: floats)
        var generator = PhiloxGenerator(seed: seed, .initialAdapter, stream: factors[index].index)
        let bound = 1 / Double(a.columns).squareRoot()
        for index in a.elements.indices {
          a.elements[index] = Float(bound * (2 * generator.nextUnit() - 1))
        }
      }
    case .gaussian(let seed):
      for factor in factors {
        let a = factor.matrix(in: floats)
        threadPool.drawNormal(
          a.elements, deviation: 1 / Float(a.rows), seed: seed, .initialAdapter,
          stream: factor.index)
      }
    case .given(let values), .principal(let values):
      precondition(values.count == floats.count, "the values are those of another adapter")
      floats.floats.update(from: values.floats)
    }
  }
}
