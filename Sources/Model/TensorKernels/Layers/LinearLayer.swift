/// A linear layer: out = input · weights + bias, or with an adapter what ``LowRankAdapter`` says.
///
/// It knows how its weights, `[inputs, outputs]`, are kept, which determines how they are
/// multiplied.
public struct LinearLayer: Sendable {
  enum Weights {
    /// In the precision of the activations, multiplied where they are: the fastest products of
    /// many rows, and their gradients.
    case inPlace(ActivationOperand)
    /// Converted in this memory, to its precision, and then multiplied in the same way.
    case converted(FrozenWeights, ActivationArena)
    /// In single precision or packed, multiplied so that the result of a row does not depend on the
    /// rows beside it.
    case rowByRow(WeightMatrix, Precision)
  }

  let weights: Weights
  /// `[outputs]`; `nil` for zero.
  let bias: Floats?
  let adapter: LowRankAdapter?

  /// A layer for training, with weights that an optimizer changes.
  public init(trainable weights: ActivationOperand, bias: Floats? = nil) {
    self.weights = .inPlace(weights)
    self.bias = bias
    adapter = nil
  }

  /// A layer for training, with weights that stay as they are.
  ///
  /// - Parameters:
  ///   - weights: The weights.
  ///   - bias: `[outputs]`; `nil` for zero.
  ///   - adapter: What is trained instead.
  ///   - scratch: Memory to which weights of another precision or form are converted, a part at a
  ///     time: at least `64 · inputs` numbers in the precision of products. Layers may share it.
  public init(
    frozen weights: FrozenWeights, bias: Floats? = nil, adapter: LowRankAdapter? = nil,
    scratch: ActivationArena
  ) {
    precondition(
      adapter.map { $0.inputs == weights.inputs && $0.outputs == weights.outputs } ?? true)
    switch (weights, scratch) {
    case (.rows(.fp32(let operand)), .fp32): self.weights = .inPlace(.fp32(operand))
    case (.rows(.bf16(let operand)), .bf16): self.weights = .inPlace(.bf16(operand))
    default:
      precondition(scratch.count >= WeightMatrix.panel * weights.inputs)
      self.weights = .converted(weights, scratch)
    }
    (self.bias, self.adapter) = (bias, adapter)
  }

  /// A layer for inference; with ``Precision/bf16`` the weights must be packed.
  public init(frozen weights: WeightMatrix, bias: Floats? = nil, precision: Precision = .fp32) {
    precondition(precision == .fp32 || weights.isPacked, "the weights are not packed")
    self.weights = .rowByRow(weights, precision)
    self.bias = bias
    adapter = nil
  }

  fileprivate var inferenceWeights: WeightMatrix? {
    if case .rowByRow(let weights, _) = weights { weights } else { nil }
  }
}

/// Where the gradients of a linear layer are accumulated; `nil` for parameters that are not trained.
public struct LinearGradient: Sendable {
  let weights: MatrixView?
  let bias: Floats?
  let adapter: LowRankGradient?

  /// `weights` has the layer's own layout: for a transposed operand, `[outputs, inputs]`.
  public init(weights: MatrixView?, bias: Floats? = nil, adapter: LowRankGradient? = nil) {
    (self.weights, self.bias, self.adapter) = (weights, bias, adapter)
  }

  /// Whether they depend on the input of the layer.
  public var needsInput: Bool { weights != nil || adapter != nil }
}

extension ThreadPool {
  /// out = layer(input).
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`; in single precision in a layer for inference, as is `out`.
  ///   - pass: What is kept of the layer's adapter, if it has one.
  ///   - next: The next layer, whose weights idle threads begin to read in inference.
  public func forward(
    _ layer: LinearLayer, _ out: ActivationMatrix, _ input: ActivationMatrix,
    _ pass: LowRankPass? = nil, next: LinearLayer? = nil
  ) {
    if case .rowByRow(let weights, let precision) = layer.weights {
      guard case .fp32(let out) = out, case .fp32(let input) = input else {
        preconditionFailure("the weights of inference multiply single precision")
      }
      return multiply(
        out, input, weights, bias: layer.bias, precision: precision, next: next?.inferenceWeights)
    }
    let update = layer.adapter.map { AdapterInPass($0, pass) }
    if let update { computeHidden(update, input) }
    forEachPart(of: layer) { outputs, weights in
      if let update { computeFactors(update, weights, outputs) }
      let out = out.block(rows: 0..<out.rows, columns: outputs)
      let bias = layer.bias.map { $0[outputs] }
      multiply(
        out, ProductTerm(a: input.asIs, b: weights), adding: update?.term(outputs),
        bias: update?.adapter.magnitudes != nil ? nil : bias, accumulating: false,
        finishing: update.flatMap { finish($0, out, outputs, bias) })
    }
  }

  /// The gradients of a layer for training.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - gradient: The gradient of the weights is overwritten or, if `accumulating`, added to; all
  ///     others are always added to.
  ///   - inputGradient: `[rows, inputs]`, overwritten; may be in the memory of `input`. `nil` if it
  ///     is not needed.
  ///   - outGradient: `[rows, outputs]`; overwritten if the layer's adapter has magnitudes.
  ///   - input: `[rows, inputs]`; anything if ``LinearGradient/needsInput`` is false.
  ///   - out: `[rows, outputs]`, as the forward pass made it, unless `pass` has a copy; used only if
  ///     the adapter has magnitudes.
  ///   - pass: What the forward pass kept of the layer's adapter.
  ///   - accumulating: Whether the gradient of the weights is added to the existing one.
  ///   - scratch: ``rowGradientScratch(channels:)`` floats for the outputs, or more.
  public func backward(
    _ layer: LinearLayer, _ gradient: LinearGradient, inputGradient: ActivationMatrix?,
    outGradient: ActivationMatrix, input: ActivationMatrix, out: ActivationMatrix? = nil,
    _ pass: LowRankPass? = nil, accumulating: Bool, scratch: Floats
  ) {
    if let gradient = gradient.weights {
      guard case .inPlace(let weights) = layer.weights else {
        preconditionFailure("frozen weights have no gradient")
      }
      let (left, right) =
        weights.isTransposed
        ? (outGradient.transposed, input.asIs) : (input.transposed, outGradient.asIs)
      multiply(.fp32(gradient), left, right, accumulating: accumulating)
    }
    if let bias = gradient.bias { addRowSum(bias, outGradient, scratch: scratch) }
    let update = layer.adapter.map { AdapterInPass($0, pass) }
    if let update, let gradient = gradient.adapter {
      addGradients(
        update, gradient, outGradient: outGradient, input: input, out: out, bias: layer.bias)
    }
    guard let inputGradient else { return }
    forEachPart(of: layer) { outputs, weights in
      let update = outputs.upperBound == outGradient.columns ? update : nil
      multiply(
        inputGradient,
        ProductTerm(
          a: outGradient.block(rows: 0..<outGradient.rows, columns: outputs).asIs,
          b: weights.transposed),
        adding: update?.backwardTerm, bias: nil, accumulating: outputs.lowerBound > 0,
        finishing: update.flatMap { finishBackward($0, inputGradient) })
    }
  }

  /// Calls `body` with the weights of a layer for training in the precision of products: with all
  /// outputs or, if they are converted, with as many at a time as there is memory for.
  func forEachPart(
    of layer: LinearLayer,
    _ body: (_ outputs: Range<Int>, _ weights: ActivationOperand) -> Void
  ) {
    switch layer.weights {
    case .inPlace(let weights): body(0..<weights.columns, weights)
    case .converted(let weights, let scratch):
      let panel = WeightMatrix.panel
      let step = scratch.count / (weights.inputs * panel) * panel
      for first in stride(from: 0, to: weights.outputs, by: step) {
        let outputs = first..<min(first + step, weights.outputs)
        body(outputs, convert(weights, outputs: outputs, in: scratch))
      }
    case .rowByRow: preconditionFailure("the layer is for inference")
    }
  }
}
