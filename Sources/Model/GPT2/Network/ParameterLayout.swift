import TensorKernels

/// Where each parameter lies in the single array that holds them all.
///
/// Gradients and the moments of the optimizer have the same layout, so clipping, AdamW and
/// checkpoints are loops over one array. Names and shapes are Hugging Face's; matrices are
/// `[in, out]`, the layout of its Conv1D.
public struct ParameterLayout: Sendable {
  /// A parameter of the model.
  public struct Parameter: Sendable {
    /// The name in checkpoints, such as `transformer.h.0.attn.c_attn.weight`.
    public let name: String
    public let shape: [Int]
    /// Its index in ``parameters``.
    public let index: Int
    /// Where it lies in the array.
    public let range: Range<Int>
    /// Whether weight decay applies; it does not apply to biases and layer normalisation.
    public let decays: Bool

    /// The parameter as a matrix in an array of this layout.
    func matrix(in arena: FloatArena) -> MatrixView {
      arena.matrix(at: range.lowerBound, rows: shape[0], columns: shape[1])
    }
  }

  struct Norm {
    let weight, bias: Parameter

    /// The parameters in an array of this layout.
    func layerNorm(in arena: FloatArena) -> LayerNorm {
      LayerNorm(weight: arena[weight.range], bias: arena[bias.range])
    }
  }

  struct Linear {
    let weight: Parameter
    var bias: Parameter?
    /// Whether the matrix is `[outputs, inputs]`, as only that of the language-modeling head is.
    var isTransposed = false
  }

  /// All parameters, in the order of the array.
  public private(set) var parameters: [Parameter] = []
  /// The total count of numbers.
  public private(set) var count = 0
  /// The embeddings of tokens, `[vocabulary, channels]`, and of positions, `[context, channels]`.
  let wte, wpe: Parameter
  /// All other parameters; the weights of the head are ``wte`` if they are tied.
  let parts: Transformer<Norm, Linear>

  /// The layout of a model of `configuration`.
  public init(_ configuration: GPT2Configuration) {
    let (channels, inner) = (configuration.embeddingSize, configuration.feedForwardSize)
    var parameters: [Parameter] = []
    var count = 0
    func add(_ name: String, _ shape: [Int], decays: Bool = true) -> Parameter {
      let range = count..<count + shape.reduce(1, *)
      parameters.append(
        Parameter(
          name: name, shape: shape, index: parameters.count, range: range, decays: decays))
      count = range.upperBound
      return parameters[parameters.count - 1]
    }
    func norm(_ name: String) -> Norm {
      Norm(
        weight: add(name + ".weight", [channels], decays: false),
        bias: add(name + ".bias", [channels], decays: false))
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(
        weight: add(name + ".weight", [inputs, outputs]),
        bias: add(name + ".bias", [outputs], decays: false))
    }
    let embeddingShape = [configuration.vocabularySize, channels]
    wte = add("transformer.wte.weight", embeddingShape)
    wpe = add("transformer.wpe.weight", [configuration.contextLength, channels])
    let blocks = (0..<configuration.layers).map { index in
      let prefix = "transformer.h.\(index)."
      return Block(
        ln1: norm(prefix + "ln_1"), attnQKV: linear(prefix + "attn.c_attn", channels, 3 * channels),
        attnProj: linear(prefix + "attn.c_proj", channels, channels), ln2: norm(prefix + "ln_2"),
        mlpFC: linear(prefix + "mlp.c_fc", channels, inner),
        mlpProj: linear(prefix + "mlp.c_proj", inner, channels))
    }
    parts = Transformer(
      blocks: blocks, lnF: norm("transformer.ln_f"),
      lmHead: Linear(
        weight: configuration.tiesWordEmbeddings ? wte : add("lm_head.weight", embeddingShape),
        isTransposed: true))
    (self.parameters, self.count) = (parameters, count)
  }

  /// Whether the head's weights are the token embedding.
  var tiesWordEmbeddings: Bool { parts.lmHead.weight.index == wte.index }
}
