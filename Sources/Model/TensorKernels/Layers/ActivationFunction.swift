import CKernels

/// The function between the two matrices of a feed-forward layer.
public enum ActivationFunction: Sendable {
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): GPT-2's own, `gelu_new` in configurations.
  case geluTanh
  /// 0.5 x (1 + erf(x/√2)) (Hendrycks & Gimpel 2016), `gelu` in configurations.
  case gelu
  /// max(0, x).
  case relu

  fileprivate var kernel: CKernelsActivation {
    switch self {
    case .geluTanh: CKERNELS_GELU_TANH
    case .gelu: CKERNELS_GELU
    case .relu: CKERNELS_RELU
    }
  }
}

extension ThreadPool {
  /// out = function(input), for matrices of the same shape and precision.
  public func activate(
    _ out: ActivationMatrix, _ input: ActivationMatrix, _ function: ActivationFunction
  ) {
    let kernel = function.kernel
    computeRows(out, from: input) { out, input, columns in
      ckernels_activation(kernel, out, input, columns)
    }
  }

  /// gradient *= function′(input), for matrices of the same shape and precision.
  public func activateBackward(
    _ gradient: ActivationMatrix, _ input: ActivationMatrix, _ function: ActivationFunction
  ) {
    let kernel = function.kernel
    computeRows(gradient, from: input, loading: true) { gradient, input, columns in
      ckernels_activation_backward(kernel, gradient, input, columns)
    }
  }
}
