import FileSupport
import JSONSupport
import TensorKernels

/// The sizes and constants of a model of the GPT-2 architecture, as `config.json` has them.
public struct GPT2Configuration: Equatable, Sendable {
  /// Rows of the token embedding (`vocab_size`).
  public var vocabularySize: Int
  /// The longest context, in tokens (`n_positions`).
  public var contextLength: Int
  /// Channels of the hidden states (`n_embd`).
  public var embeddingSize: Int
  /// Transformer blocks (`n_layer`).
  public var layers: Int
  /// Attention heads (`n_head`).
  public var heads: Int
  /// Channels inside the feed-forward layer (`n_inner`, usually 4 times the embedding size).
  public var feedForwardSize: Int
  /// The function inside the feed-forward layer (`activation_function`).
  public var activation = ActivationFunction.geluTanh
  /// Whether attention scores are divided by the root of the head size (`scale_attn_weights`).
  public var scalesAttention = true
  /// Whether attention scores are also divided by the index of the layer, counted from 1
  /// (`scale_attn_by_inverse_layer_idx`).
  public var scalesAttentionByLayer = false
  /// Whether the token embedding is also the matrix of the head (`tie_word_embeddings`).
  public var tiesWordEmbeddings = true
  /// Added to the variance in layer normalisation (`layer_norm_epsilon`).
  public var layerNormEpsilon: Float = 1e-5
  /// Dropout of the sum of the embeddings (`embd_pdrop`).
  public var embeddingDropout: Float = 0.1
  /// Dropout of the attention weights (`attn_pdrop`).
  public var attentionDropout: Float = 0.1
  /// Dropout of the output of the attention and the feed-forward layer (`resid_pdrop`).
  public var residualDropout: Float = 0.1
  /// The standard deviation of new weights (`initializer_range`).
  public var initializerRange: Float = 0.02
  /// The id that begins a text (`bos_token_id`).
  public var beginOfTextID: Int?
  /// The ids that end a text (`eos_token_id`); usually one.
  public var endOfTextIDs: [Int] = []
  /// The id that pads a batch (`pad_token_id`).
  public var paddingID: Int?

  /// The size of the model, for people.
  public var summary: String {
    "\(layers) layers, \(embeddingSize) wide, \(heads) heads, context \(contextLength), vocabulary "
      + "\(vocabularySize)"
  }

  /// A configuration with GPT-2's constants.
  public init(
    vocabularySize: Int, contextLength: Int, embeddingSize: Int, layers: Int, heads: Int,
    feedForwardSize: Int? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.embeddingSize = embeddingSize
    self.layers = layers
    self.heads = heads
    self.feedForwardSize = feedForwardSize ?? 4 * embeddingSize
  }

  /// The first of the ids that end a text; setting it makes it the only one.
  public var endOfTextID: Int? {
    get { endOfTextIDs.first }
    set { endOfTextIDs = newValue.map { [$0] } ?? [] }
  }

  /// The ids that end a text and are in the vocabulary: others can neither be drawn nor begin a
  /// text.
  public var endOfTextTokens: [Int32] { tokens(endOfTextIDs) }

  /// Those of `ids` that are in the vocabulary.
  func tokens(_ ids: [Int]) -> [Int32] {
    ids.filter(isToken).compactMap(Int32.init(exactly:))
  }

  func isToken(_ id: Int) -> Bool { id >= 0 && id < vocabularySize }

  /// The factor that the attention scores of layer `layer`, counted from 0, are multiplied by.
  public func attentionScale(layer: Int) -> Float {
    (scalesAttention ? 1 / Float(embeddingSize / heads).squareRoot() : 1)
      / (scalesAttentionByLayer ? Float(layer + 1) : 1)
  }

  /// The contents of `config.json`, readable by any version of transformers.
  public var json: JSONValue {
    [
      "activation_function": .string(activation.transformersName),
      "architectures": ["GPT2LMHeadModel"],
      "attn_pdrop": Self.decimal(attentionDropout),
      "bos_token_id": .init(id: beginOfTextID),
      "embd_pdrop": Self.decimal(embeddingDropout),
      "eos_token_id": .init(ids: endOfTextIDs),
      "initializer_range": Self.decimal(initializerRange),
      "layer_norm_epsilon": Self.decimal(layerNormEpsilon),
      "model_type": "gpt2",
      "n_ctx": .integer(contextLength),
      "n_embd": .integer(embeddingSize),
      "n_head": .integer(heads),
      "n_inner": feedForwardSize == 4 * embeddingSize ? .null : .integer(feedForwardSize),
      "n_layer": .integer(layers),
      "n_positions": .integer(contextLength),
      "pad_token_id": .init(id: paddingID),
      "resid_pdrop": Self.decimal(residualDropout),
      "scale_attn_by_inverse_layer_idx": .boolean(scalesAttentionByLayer),
      "scale_attn_weights": .boolean(scalesAttention),
      "tie_word_embeddings": .boolean(tiesWordEmbeddings),
      "torch_dtype": "float32",
      "vocab_size": .integer(vocabularySize),
    ]
  }

  /// The shortest decimal that is `value` in single precision: 0.1, not 0.10000000149.
  private static func decimal(_ value: Float) -> JSONValue {
    .number(Double("\(value)") ?? Double(value))
  }
}

extension ActivationFunction {
  /// The names in `activation_function`; transformers' variants of one function differ by less than
  /// single precision can show.
  static let names: [String: ActivationFunction] = [
    "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_python_tanh": .geluTanh,
    "gelu_fast": .geluTanh, "gelu_accurate": .geluTanh,
    "gelu": .gelu, "gelu_python": .gelu,
    "relu": .relu,
  ]

  /// The name that GPT-2's own configurations use.
  var transformersName: String {
    switch self {
    case .geluTanh: "gelu_new"
    case .gelu: "gelu"
    case .relu: "relu"
    }
  }
}
