import CKernels

/// The constants of a step of AdamW, as `torch.optim.AdamW` has them.
public struct AdamWStep: Sendable {
  /// The number of the step, from 1.
  public var number: Int
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// What the gradient is multiplied by first, for clipping.
  public var gradientScale: Double

  public init(
    number: Int, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    gradientScale: Double
  ) {
    self.number = number
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
      correction1: Float(1 - power(beta1, number)),
      correction2: Float((1 - power(beta2, number)).squareRoot()),
      gradient_scale: Float(gradientScale))
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
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
  /// `halves`, where they are given, become the nearest bfloat16 of the new parameters.
  public func adamW(
    _ parameters: Floats, gradient: Floats, firstMoment: Floats, secondMoment: Floats,
    halves: UnsafeMutableBufferPointer<UInt16>? = nil, _ step: AdamWStep, weightDecay: Double
  ) {
    precondition(halves.map { $0.count == parameters.count } ?? true)
    precondition(gradient.count == parameters.count && firstMoment.count == parameters.count)
    precondition(secondMoment.count == parameters.count)
    let kernel = step.kernel(weightDecay: weightDecay)
    guard let p = parameters.baseAddress, let g = gradient.baseAddress,
      let m = firstMoment.baseAddress, let v = secondMoment.baseAddress
    else { return }
    // The new parameters are still in the cache when their halves are made.
    let stretch = halves == nil ? parameters.count : 4096
    split(parameters.count, minimum: 8192) { range, _ in
      for start in stride(from: range.lowerBound, to: range.upperBound, by: stretch) {
        let count = min(stretch, range.upperBound - start)
        withUnsafePointer(to: kernel) {
          ckernels_adamw(p + start, g + start, m + start, v + start, $0, count)
        }
        if let halves { ckernels_bfloat16_of_floats(base(halves) + start, p + start, count) }
      }
    }
  }

  /// −log softmax(logits)[target] of each row.
  ///
  /// - Parameters:
  ///   - logits: `[rows, vocabulary]`, replaced by the gradient of the sum times `gradientScale`
  ///     unless that is 0.
  ///   - targets: `[rows]`; a negative one leaves its row out.
  ///   - gradientScale: What the gradient is multiplied by, usually 1 / number of targets.
  /// - Returns: `[rows]`; zero for a row that is left out.
  public func crossEntropies(
    _ logits: MatrixView, targets: UnsafeBufferPointer<Int32>, gradientScale: Float
  ) -> [Double] {
    precondition(targets.count == logits.rows)
    return [Double](unsafeUninitializedCapacity: logits.rows) { losses, count in
      losses.initialize(repeating: 0)
      count = logits.rows
      let losses = losses
      split(logits.rows, minimum: max(1, 4096 / logits.columns), maximumPieces: 64) { rows, _ in
        for row in rows {
          let scores = logits.row(row)
          let target = Int(targets[row])
          if target >= 0 {
            precondition(target < logits.columns, "a target outside the vocabulary")
            guard let base = scores.baseAddress else { continue }
            losses[row] = ckernels_cross_entropy(base, logits.columns, target, gradientScale)
          } else if gradientScale != 0 {
            scores.update(repeating: 0)
          }
        }
      }
    }
  }

  /// The sum of the ``crossEntropies(_:targets:gradientScale:)``, in the order of the rows.
  public func crossEntropy(
    _ logits: MatrixView, targets: UnsafeBufferPointer<Int32>, gradientScale: Float
  ) -> Double {
    crossEntropies(logits, targets: targets, gradientScale: gradientScale).reduce(0, +)
  }
}
