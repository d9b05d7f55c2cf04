import CheckpointFormat
import FileSupport
import TensorKernels

/// The sizes and constants of a model of the GPT-2 architecture, as `config.json` has them.
public struct GPT2Configuration: Equatable, Sendable {
  /// Rows of the token embedding (`vocab_size`).
  public var vocabularySize: Int
  /// The longest context, in tokens (`n_positions`).
  public var contextLength: Int
  /// Channels of the hidden states (`n_embd`).
  public var width: Int
  /// Transformer blocks (`n_layer`).
  public var layers: Int
  /// Attention heads (`n_head`).
  public var heads: Int
  /// Channels inside the feed-forward part (`n_inner`, usually 4 times the width).
  public var innerWidth: Int
  /// The function inside the feed-forward part (`activation_function`).
  public var activation = Activation.geluTanh
  /// Whether attention scores are divided by the root of the head size (`scale_attn_weights`).
  public var scalesAttention = true
  /// Whether attention scores are divided by the number of the layer too, counted from 1
  /// (`scale_attn_by_inverse_layer_idx`).
  public var scalesAttentionByLayer = false
  /// Whether the token embedding is the output matrix too (`tie_word_embeddings`).
  public var tiesWordEmbeddings = true
  /// Added to the variance in layer normalization (`layer_norm_epsilon`).
  public var layerNormEpsilon: Float = 1e-5
  /// Dropout of the sum of the embeddings (`embd_pdrop`).
  public var embeddingDropout: Float = 0.1
  /// Dropout of the attention weights (`attn_pdrop`).
  public var attentionDropout: Float = 0.1
  /// Dropout of the output of attention and feed-forward part (`resid_pdrop`).
  public var residualDropout: Float = 0.1
  /// The standard deviation of new weights (`initializer_range`).
  public var initializerRange: Float = 0.02
  /// The ids that begin and end a text, and that fill up a batch.
  public var beginOfTextID: Int?
  public var endOfTextID: Int?
  public var paddingID: Int?

  /// A configuration with GPT-2's constants.
  public init(
    vocabularySize: Int, contextLength: Int, width: Int, layers: Int, heads: Int,
    innerWidth: Int? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.width = width
    self.layers = layers
    self.heads = heads
    self.innerWidth = innerWidth ?? 4 * width
  }

  /// What the attention scores of layer `layer`, counted from 0, are multiplied by.
  public func attentionScale(layer: Int) -> Float {
    (scalesAttention ? 1 / Float(width / heads).squareRoot() : 1)
      / (scalesAttentionByLayer ? Float(layer + 1) : 1)
  }

  /// Reads the `config.json` at `path`; absent keys have GPT-2's defaults, unknown ones are
  /// ignored.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a value is impossible, or asks for something that
  ///   is not supported.
  public init(path: String) throws {
    let value = try JSONValue(path: path)
    guard value.members != nil else { throw InputError(path, "expected an object") }
    func integer(_ key: String, default standard: Int, atLeast minimum: Int = 1) throws -> Int {
      switch value[key] {
      case nil, .null: return standard
      case .integer(let number) where number >= minimum && number <= 1 << 31: return number
      default:
        throw InputError(path, "\(key): expected a whole number of at least \(minimum)")
      }
    }
    func number(_ key: String, default standard: Float, in range: Range<Double>) throws -> Float {
      guard let member = value[key], member != .null else { return standard }
      guard let number = member.number, range.contains(number) else {
        throw InputError(
          path, "\(key): expected a number from \(range.lowerBound) to below \(range.upperBound)")
      }
      return Float(number)
    }
    func require(_ key: String, _ supported: [JSONValue]) throws {
      guard let found = value[key], found != .null, !supported.contains(found) else { return }
      throw InputError(
        path,
        "\(key) is \(found.text()); supported is "
          + supported.map { $0.text() }.joined(separator: " or "))
    }
    try require("model_type", ["gpt2"])
    try require("activation_function", Activation.names.keys.sorted().map { .string($0) })
    try require("add_cross_attention", [false])
    func flag(_ key: String, default standard: Bool) throws -> Bool {
      switch value[key] {
      case nil, .null: return standard
      case .boolean(let flag): return flag
      default: throw InputError(path, "\(key): expected true or false")
      }
    }
    let width = try integer("n_embd", default: 768)
    self.init(
      vocabularySize: try integer("vocab_size", default: 50257),
      contextLength: try integer("n_positions", default: 1024), width: width,
      layers: try integer("n_layer", default: 12), heads: try integer("n_head", default: 12),
      innerWidth: try integer("n_inner", default: 4 * width))
    guard width % heads == 0 else {
      throw InputError(path, "n_embd \(width) is not a multiple of n_head \(heads)")
    }
    if let name = value["activation_function"]?.string, let named = Activation.names[name] {
      activation = named
    }
    scalesAttention = try flag("scale_attn_weights", default: true)
    scalesAttentionByLayer = try flag("scale_attn_by_inverse_layer_idx", default: false)
    tiesWordEmbeddings = try flag("tie_word_embeddings", default: true)
    layerNormEpsilon = try number("layer_norm_epsilon", default: 1e-5, in: 0..<1)
    embeddingDropout = try number("embd_pdrop", default: 0.1, in: 0..<1)
    attentionDropout = try number("attn_pdrop", default: 0.1, in: 0..<1)
    residualDropout = try number("resid_pdrop", default: 0.1, in: 0..<1)
    initializerRange = try number("initializer_range", default: 0.02, in: 0..<10)
    beginOfTextID = value["bos_token_id"]?.integer
    endOfTextID = value["eos_token_id"]?.integer
    paddingID = value["pad_token_id"]?.integer
  }

  /// The text of `config.json`, as transformers of any version reads it.
  public var json: JSONValue {
    func id(_ id: Int?) -> JSONValue { id.map { .integer($0) } ?? .null }
    return [
      "activation_function": .string(activation.transformersName),
      "architectures": ["GPT2LMHeadModel"],
      "attn_pdrop": Self.decimal(attentionDropout),
      "bos_token_id": id(beginOfTextID),
      "embd_pdrop": Self.decimal(embeddingDropout),
      "eos_token_id": id(endOfTextID),
      "initializer_range": Self.decimal(initializerRange),
      "layer_norm_epsilon": Self.decimal(layerNormEpsilon),
      "model_type": "gpt2",
      "n_ctx": .integer(contextLength),
      "n_embd": .integer(width),
      "n_head": .integer(heads),
      "n_inner": innerWidth == 4 * width ? .null : .integer(innerWidth),
      "n_layer": .integer(layers),
      "n_positions": .integer(contextLength),
      "pad_token_id": id(paddingID),
      "resid_pdrop": Self.decimal(residualDropout),
      "scale_attn_by_inverse_layer_idx": .boolean(scalesAttentionByLayer),
      "scale_attn_weights": .boolean(scalesAttention),
      "tie_word_embeddings": .boolean(tiesWordEmbeddings),
      "torch_dtype": "float32",
      "vocab_size": .integer(vocabularySize),
    ]
  }

  /// The text of `generation_config.json`.
  public var generationJSON: JSONValue {
    var members = [JSONValue.Member("_from_model_config", true)]
    for (key, id) in [
      ("bos_token_id", beginOfTextID), ("eos_token_id", endOfTextID), ("pad_token_id", paddingID),
    ] {
      if let id { members.append(.init(key, .integer(id))) }
    }
    return .object(members)
  }

  /// The shortest decimal that is `value` in single precision: 0.1, not 0.10000000149.
  private static func decimal(_ value: Float) -> JSONValue {
    .number(Double("\(value)") ?? Double(value))
  }
}

extension Activation {
  /// The names in `activation_function`.
  static let names: [String: Activation] = [
    "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh,
    "gelu": .gelu, "relu": .relu,
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
