import CKernels

/// The constants of one step of AdamW, named as in `torch.optim.AdamW`.
public struct AdamWStep: Sendable {
  /// The index t of the step, counted from 1.
  let index: Int
  let learningRate: Double
  let beta1: Double
  let beta2: Double
  let epsilon: Double
  /// What the gradient is multiplied by first, for clipping.
  let gradientScale: Double

  public init(
    index: Int, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    gradientScale: Double
  ) {
    self.index = index
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.gradientScale = gradientScale
  }

  fileprivate func kernel(weightDecay: Double) -> CKernelsAdamW {
    CKernelsAdamW(
      learning_rate: Float(learningRate), beta1: Float(beta1), beta2: Float(beta2),
      one_minus_beta1: Float(1 - beta1), one_minus_beta2: Float(1 - beta2),
      epsilon: Float(epsilon), weight_decay: Float(weightDecay),
      correction1: Float(1 - power(beta1)),
      correction2: Float((1 - power(beta2)).squareRoot()),
      gradient_scale: Float(gradientScale))
  }

  /// `base` to the power of ``index``, by squaring: the same bits on every system.
  private func power(_ base: Double) -> Double {
    var (result, square, rest) = (1.0, base, index)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

extension ThreadPool {
  /// One step of AdamW over arrays of the same count.
  ///
  /// p ← p (1 − lr·wd); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
  /// p ← p − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)  (Loshchilov & Hutter 2019, as torch computes it).
  ///
  /// `bfloat16Weights`, if any, become the nearest bfloat16 of the new parameters.
  public func adamW(
    _ parameters: Floats, gradient: Floats, firstMoment: Floats, secondMoment: Floats,
    bfloat16Weights: VectorView<UInt16>? = nil, _ step: AdamWStep, weightDecay: Double
  ) {
    precondition(bfloat16Weights.map { $0.count == parameters.count } ?? true)
    precondition(gradient.count == parameters.count && firstMoment.count == parameters.count)
    precondition(secondMoment.count == parameters.count)
    let kernel = step.kernel(weightDecay: weightDecay)
    // The new parameters are still in the cache when they are rounded.
    let stretch = bfloat16Weights == nil ? max(1, parameters.count) : 4096
    split(parameters.count, minimum: 8192) { range, _ in
      for start in stride(from: range.lowerBound, to: range.upperBound, by: stretch) {
        let part = start..<min(start + stretch, range.upperBound)
        withUnsafePointer(to: kernel) {
          ckernels_adamw(
            parameters[part].base, gradient[part].base, firstMoment[part].base,
            secondMoment[part].base, $0, part.count)
        }
        if let bfloat16Weights {
          ckernels_bfloat16_of_floats(bfloat16Weights[part].base, parameters[part].base, part.count)
        }
      }
    }
  }

  /// The square root of the sum of the squares of `floats`, such as the norm of a gradient.
  public func norm(_ floats: Floats) -> Double {
    sumsOfSquares(floats, stretch: Self.normStretch(of: floats.count)).reduce(0, +).squareRoot()
  }

  /// The length of the stretches of `count` floats whose squares ``norm(_:)`` sums, each by itself.
  ///
  /// It follows from the count, so that processes that know parts of an array can find its norm to the
  /// last bit.
  public static func normStretch(of count: Int) -> Int {
    max(1, count.dividedRoundingUp(by: 1 << 18)) * 16
  }

  /// The sums of the squares of stretches of `floats`, of which only the last may be shorter.
  public func sumsOfSquares(_ floats: Floats, stretch: Int) -> [Double] {
    let count = floats.count.dividedRoundingUp(by: stretch)
    return [Double](unsafeUninitializedCapacity: count) { memory, initialized in
      if let base = memory.baseAddress {
        let sums = VectorView(UnsafeMutableBufferPointer(start: base, count: count))
        split(count, minimum: max(1, 8192 / stretch)) { range, _ in
          for index in range {
            let part = index * stretch..<min((index + 1) * stretch, floats.count)
            sums[index] = ckernels_sum_of_squares(floats[part].base, part.count)
          }
        }
      }
      initialized = count
    }
  }
}
