/// Where each parameter lies in the one array that holds them all.
///
/// Gradients and the moments of the optimizer have the same layout, so that clipping, AdamW and
/// checkpoints are loops over one array. Names and shapes are Hugging Face's; matrices are
/// `[in, out]`, the layout of its Conv1D.
public struct ParameterLayout: Sendable {
  /// A parameter of the model.
  public struct Parameter: Sendable {
    /// The name in checkpoints, such as `transformer.h.0.attn.c_attn.weight`.
    public let name: String
    public let shape: [Int]
    /// Where it lies in the array.
    public let range: Range<Int>
    /// Whether weight decay applies: not to biases and layer normalization.
    public let decays: Bool
  }

  /// Where the parameters of a transformer block lie.
  struct Block {
    let norm1Weight, norm1Bias: Range<Int>
    let qkvWeight, qkvBias: Range<Int>
    let attentionOutWeight, attentionOutBias: Range<Int>
    let norm2Weight, norm2Bias: Range<Int>
    let feedForwardInWeight, feedForwardInBias: Range<Int>
    let feedForwardOutWeight, feedForwardOutBias: Range<Int>
  }

  /// All parameters, in the order of the array.
  public private(set) var parameters: [Parameter] = []
  /// How many numbers there are in all.
  public private(set) var count = 0
  private(set) var tokenEmbedding = 0..<0
  private(set) var positionEmbedding = 0..<0
  /// The output matrix, `[vocabulary, channels]`: the token embedding where they are tied.
  private(set) var head = 0..<0
  private(set) var finalNormWeight = 0..<0
  private(set) var finalNormBias = 0..<0
  private(set) var blocks: [Block] = []

  /// The layout of a model of `configuration`.
  public init(_ configuration: GPT2Configuration) {
    let width = configuration.width
    let inner = configuration.innerWidth
    tokenEmbedding = add("wte.weight", [configuration.vocabularySize, width])
    head = tokenEmbedding
    positionEmbedding = add("wpe.weight", [configuration.contextLength, width])
    for index in 0..<configuration.layers {
      let prefix = "h.\(index)."
      blocks.append(
        Block(
          norm1Weight: add(prefix + "ln_1.weight", [width], decays: false),
          norm1Bias: add(prefix + "ln_1.bias", [width], decays: false),
          qkvWeight: add(prefix + "attn.c_attn.weight", [width, 3 * width]),
          qkvBias: add(prefix + "attn.c_attn.bias", [3 * width], decays: false),
          attentionOutWeight: add(prefix + "attn.c_proj.weight", [width, width]),
          attentionOutBias: add(prefix + "attn.c_proj.bias", [width], decays: false),
          norm2Weight: add(prefix + "ln_2.weight", [width], decays: false),
          norm2Bias: add(prefix + "ln_2.bias", [width], decays: false),
          feedForwardInWeight: add(prefix + "mlp.c_fc.weight", [width, inner]),
          feedForwardInBias: add(prefix + "mlp.c_fc.bias", [inner], decays: false),
          feedForwardOutWeight: add(prefix + "mlp.c_proj.weight", [inner, width]),
          feedForwardOutBias: add(prefix + "mlp.c_proj.bias", [width], decays: false)))
    }
    finalNormWeight = add("ln_f.weight", [width], decays: false)
    finalNormBias = add("ln_f.bias", [width], decays: false)
    if !configuration.tiesWordEmbeddings {
      head = add(
        "lm_head.weight", [configuration.vocabularySize, width], isInsideTransformer: false)
    }
  }

  /// The beginning of the weights of each linear layer, and that of those of the next in a pass; the
  /// first follows the last.
  var followingLinearLayers: [Int: Int] {
    var order = blocks.flatMap {
      [$0.qkvWeight, $0.attentionOutWeight, $0.feedForwardInWeight, $0.feedForwardOutWeight]
    }
    order.append(head)
    let next = order.dropFirst() + order.prefix(1)
    return Dictionary(
      uniqueKeysWithValues: zip(order, next).map { ($0.lowerBound, $1.lowerBound) })
  }

  private mutating func add(
    _ name: String, _ shape: [Int], decays: Bool = true, isInsideTransformer: Bool = true
  ) -> Range<Int> {
    let range = count..<count + shape.reduce(1, *)
    parameters.append(
      Parameter(
        name: isInsideTransformer ? "transformer." + name : name, shape: shape, range: range,
        decays: decays))
    count = range.upperBound
    return range
  }
}
