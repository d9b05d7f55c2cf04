/// A linear layer: out = input · weights + bias.
///
/// It knows how its weights, `[inputs, outputs]`, are kept, which determines how they are
/// multiplied.
public struct LinearLayer: Sendable {
  enum Weights {
    /// In the precision of the activations, multiplied by BLAS or oneDNN: the fastest products of
    /// many rows, and their gradients.
    case trainable(ActivationOperand)
    /// In single precision or packed, multiplied so that the result of a row does not depend on the
    /// rows beside it.
    case frozen(WeightMatrix, Precision)
  }

  let weights: Weights
  /// `[outputs]`; `nil` for zero.
  let bias: Floats?

  /// A layer for training, with weights that an optimizer changes.
  public init(trainable weights: ActivationOperand, bias: Floats? = nil) {
    self.weights = .trainable(weights)
    self.bias = bias
  }

  /// A layer for inference; with ``Precision/bf16`` the weights must be packed as bf16.
  public init(frozen weights: WeightMatrix, bias: Floats? = nil, precision: Precision = .fp32) {
    precondition(precision == .fp32 || weights.isPaired, "the weights are not bfloat16")
    self.weights = .frozen(weights, precision)
    self.bias = bias
  }

  /// The number of bytes of weights that the product of one row reads.
  public var byteCount: Int { frozenWeights?.byteCount ?? 0 }

  fileprivate var frozenWeights: WeightMatrix? {
    if case .frozen(let weights, _) = weights { weights } else { nil }
  }
}

/// Where the gradients of a linear layer are accumulated; `nil` for parameters that are not trained.
public struct LinearGradient: Sendable {
  let weights: MatrixView?
  let bias: Floats?

  /// `weights` has the layer's own layout: for a transposed operand, `[outputs, inputs]`.
  public init(weights: MatrixView?, bias: Floats? = nil) {
    self.weights = weights
    self.bias = bias
  }
}

extension ThreadPool {
  /// out = layer(input).
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`; in single precision if the weights are frozen, as is `out`.
  ///   - next: The next layer, whose frozen weights idle threads begin to read.
  public func forward(
    _ layer: LinearLayer, _ out: ActivationMatrix, _ input: ActivationMatrix,
    next: LinearLayer? = nil
  ) {
    switch (layer.weights, out, input) {
    case (.trainable(let weights), _, _): multiply(out, input.asIs, weights, bias: layer.bias)
    case (.frozen(let weights, let precision), .fp32(let out), .fp32(let input)):
      multiply(
        out, input, weights, bias: layer.bias, precision: precision, next: next?.frozenWeights)
    default: preconditionFailure("frozen weights multiply single precision")
    }
  }

  /// The gradients of a layer whose weights are trainable.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - gradient: The gradient of the weights is overwritten or, if `accumulating`, added to; that
  ///     of the bias is always added to.
  ///   - inputGradient: `[rows, inputs]`, overwritten; may be in the memory of `input`.
  ///   - outGradient: `[rows, outputs]`.
  ///   - input: `[rows, inputs]`.
  ///   - accumulating: Whether the gradient of the weights is added to the existing one.
  ///   - scratch: ``rowGradientScratch(channels:)`` floats for the outputs, or more.
  public func backward(
    _ layer: LinearLayer, _ gradient: LinearGradient, inputGradient: ActivationMatrix,
    outGradient: ActivationMatrix, input: ActivationMatrix, accumulating: Bool, scratch: Floats
  ) {
    guard case .trainable(let weights) = layer.weights else {
      preconditionFailure("frozen weights have no gradient")
    }
    if let gradient = gradient.weights {
      let (left, right) =
        weights.isTransposed
        ? (outGradient.transposed, input.asIs) : (input.transposed, outGradient.asIs)
      multiply(.fp32(gradient), left, right, accumulating: accumulating)
    }
    if let bias = gradient.bias { addRowSum(bias, outGradient, scratch: scratch) }
    multiply(inputGradient, outGradient.asIs, weights.transposed)
  }
}
