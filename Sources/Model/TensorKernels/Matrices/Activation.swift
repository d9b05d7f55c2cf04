import CKernels

/// The function between the two matrices of a feed-forward part.
public enum Activation: Sendable {
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): GPT-2's own, `gelu_new` in configurations.
  case geluTanh
  /// 0.5 x (1 + erf(x/√2)) (Hendrycks & Gimpel 2016), `gelu` in configurations.
  case gelu
  /// max(0, x).
  case relu

  var kernel: CKernelsActivation {
    switch self {
    case .geluTanh: CKERNELS_GELU_TANH
    case .gelu: CKERNELS_GELU
    case .relu: CKERNELS_RELU
    }
  }
}
