/// The matrices of a block that an adapter can change; the raw values are their names in the weights.
public enum AdaptableMatrix: String, CaseIterable, Sendable {
  case attnQKV = "attn.c_attn"
  case attnProj = "attn.c_proj"
  case mlpFC = "mlp.c_fc"
  case mlpProj = "mlp.c_proj"
}

/// What an adapter changes in a model: low-rank updates of matrices (LoRA, Hu and others 2021), and
/// a few parameters that it replaces.
///
/// With W `[in, out]` the matrix of a module, A `[rank, in]` and B `[out, rank]` its factors and s
/// its scaling, the module computes x · (W + s · (B · A)ᵀ) + bias.
public struct AdapterPlan: Equatable, Sendable {
  /// A matrix with a low-rank update.
  public struct Module: Equatable, Sendable {
    /// The index of the block.
    public var block: Int
    public var matrix: AdaptableMatrix
    /// The rank of the update.
    public var rank: Int
    /// What the product of the factors is multiplied by: alpha / rank, or alpha / √rank (rsLoRA,
    /// Kalajdzievski 2023).
    public var scaling: Float

    public init(block: Int, matrix: AdaptableMatrix, rank: Int, scaling: Float) {
      (self.block, self.matrix, self.rank, self.scaling) = (block, matrix, rank, scaling)
    }
  }

  /// Which biases the adapter replaces; the raw values are peft's.
  public enum Biases: String, CaseIterable, Sendable {
    case none
    /// Those of all modules, layer normalization included.
    case all
    /// Those of the modules that have a low-rank update.
    case adaptedOnly = "lora_only"
  }

  /// In the order of a forward pass.
  public var modules: [Module]
  /// The probability with which an element of the input of A is dropped in training.
  public var dropout: Float
  /// Whether each output of a module has a trained magnitude (DoRA, Liu and others 2024): column j
  /// of W + s · (B · A)ᵀ is scaled to the length magnitude[j].
  public var hasMagnitudes: Bool
  public var biases: Biases
  /// Whether the adapter replaces the last layer normalization, `ln_f`.
  public var replacesFinalNorm: Bool

  public init(
    modules: [Module], dropout: Float = 0, hasMagnitudes: Bool = false, biases: Biases = .none,
    replacesFinalNorm: Bool = false
  ) {
    self.modules = modules
    self.dropout = dropout
    self.hasMagnitudes = hasMagnitudes
    self.biases = biases
    self.replacesFinalNorm = replacesFinalNorm
  }
}
