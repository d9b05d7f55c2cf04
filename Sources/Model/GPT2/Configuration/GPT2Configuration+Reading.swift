import CheckpointFormat
import FileSupport
import JSONSupport
import TensorKernels

extension GPT2Configuration {
  /// Reads the `config.json` at `path` as transformers 5.23 does.
  ///
  /// Missing keys take GPT-2's defaults, except that there are then no special tokens, as in
  /// `generate()`. Keys that make no difference to a GPT-2 with a language-modeling head are
  /// ignored, whatever their values. If a key occurs twice, the last one counts.
  ///
  /// - Throws: ``FileError``; ``InputError``, which names the key, if a value is impossible or
  ///   requests something unsupported.
  public init(path: String) throws {
    let keys = try JSONObject(configuration: path)
    try keys.refuseOtherModels()
    let embeddingSize = try keys.size("n_embd", alias: "hidden_size", default: 768)
    self.init(
      vocabularySize: try keys.size("vocab_size", default: 50257),
      contextLength: try keys.size("n_positions", alias: "max_position_embeddings", default: 1024),
      embeddingSize: embeddingSize,
      layers: try keys.size("n_layer", alias: "num_hidden_layers", default: 12, atMost: 1 << 16),
      heads: try keys.size("n_head", alias: "num_attention_heads", default: 12),
      feedForwardSize: keys["n_inner"] == .null
        ? nil : try keys.size("n_inner", default: 4 * embeddingSize))
    guard embeddingSize % heads == 0 else {
      throw InputError(path, "n_embd \(embeddingSize) is not a multiple of n_head \(heads)")
    }
    guard isCountable else {
      throw InputError(path, "the sizes make a model of more than 2^48 parameters")
    }
    activation = try keys.activation()
    scalesAttention = try keys.flag("scale_attn_weights", default: true)
    scalesAttentionByLayer = try keys.flag("scale_attn_by_inverse_layer_idx", default: false)
    tiesWordEmbeddings = try keys.flag("tie_word_embeddings", default: true)
    // The same computation in another order, which matters only below single precision.
    _ = try keys.flag("reorder_and_upcast_attn", default: false)
    layerNormEpsilon = try keys.fraction("layer_norm_epsilon", default: 1e-5, in: 0..<1)
    initializerRange = try keys.fraction("initializer_range", default: 0.02, in: 0..<10)
    embeddingDropout = try keys.probability("embd_pdrop")
    attentionDropout = try keys.probability("attn_pdrop")
    residualDropout = try keys.probability("resid_pdrop")
    beginOfTextID = try keys.id("bos_token_id")
    endOfTextIDs = try keys.ids("eos_token_id")
    paddingID = try keys.id("pad_token_id")
  }

  /// Whether the number of parameters can be computed and is plausible.
  var isCountable: Bool {
    func sum(_ products: [(Int, Int)]) -> Int? {
      var sum = 0
      for (left, right) in products {
        let (product, isLarge) = left.multipliedReportingOverflow(by: right)
        if isLarge || product > 1 << 48 { return nil }
        sum += product
      }
      return sum <= 1 << 48 ? sum : nil
    }
    let matrices = [
      (4 * embeddingSize, embeddingSize), (2 * embeddingSize, feedForwardSize),
    ]
    guard let block = sum(matrices + [(9, embeddingSize), (1, feedForwardSize)]) else {
      return false
    }
    return sum([
      (layers, block), (2 * vocabularySize, embeddingSize), (contextLength + 2, embeddingSize),
    ]) != nil
  }

  /// What the user should know about the ids, which come from `file`, in whole sentences.
  func notes(in file: String = CheckpointFile.configuration) -> [String] {
    notes(begin: beginOfTextID, ends: endOfTextIDs, padding: paddingID, in: file)
  }

  /// What the user should know about the ids in `file`; each id is mentioned once.
  func notes(begin: Int?, ends: [Int], padding: Int?, in file: String) -> [String] {
    func outside(_ key: String, _ ids: [Int]) -> [String] {
      Set(ids).filter { !isToken($0) }.sorted().map {
        "\(key) \($0) in \(file) is outside the vocabulary of \(vocabularySize) tokens and is "
          + "not used"
      }
    }
    return outside("bos_token_id", begin.map { [$0] } ?? []) + outside("eos_token_id", ends)
      + outside("pad_token_id", padding.map { [$0] } ?? [])
  }
}

/// The keys of a `config.json` or `generation_config.json`, each with what transformers accepts for
/// it.
///
/// transformers checks the types of its keys strictly: 1024.0 is not an integer, 0 and null are not
/// flags, and 0 is not a floating-point number.
extension JSONObject {
  /// Reads the configuration at `path`.
  init(configuration path: String) throws {
    try self.init(path: path, leniency: .nonFiniteNumbers)
  }

  /// Rejects what would make transformers build, or compute with, anything but a GPT-2 with a
  /// language-modeling head and the weights next to this file.
  func refuseOtherModels() throws {
    let supported: [(key: String, values: [JSONValue])] = [
      ("model_type", ["gpt2"]), ("add_cross_attention", [false]),
      ("is_encoder_decoder", [false, .null]),
      // Attention to later positions, or not to all earlier ones.
      ("is_causal", [true]), ("sliding_window", [.null]), ("attention_chunk_size", [.null]),
      ("layer_types", [.null]),
      // Blocks that differ, or lack heads.
      ("per_layer_config", [.null]), ("pruned_heads", [.null, [:]]),
      // A configuration or weights in another place or format.
      ("text_encoder", [.null]), ("decoder", [.null]), ("generator", [.null]),
      ("text_config", [.null]), ("configuration_files", [.null, []]),
      ("transformers_weights", [.null]), ("quantization_config", [.null]),
      ("fusion_config", [.null]),
      // Everything is computed in single precision, from weights of any of these types.
      (
        self["dtype"] ?? .null == .null ? "torch_dtype" : "dtype",
        ["float32", "float16", "bfloat16", "float64", .null]
      ),
    ]
    for (key, values) in supported {
      let expected = values.map { $0.text() }.joined(separator: " or ")
      // Not the value itself, because null is a value.
      _ = try optional(key, expected) { values.contains($0) ? true : nil }
    }
  }

  /// A positive integer; if both a key and its alias are present, the alias counts.
  func size(
    _ key: String, alias: String? = nil, default standard: Int, atMost maximum: Int = 1 << 31
  ) throws -> Int {
    try [key, alias].compactMap(\.self).compactMap { key in
      try optional(key, "a whole number from 1 to \(maximum)") { value in
        value.integer.flatMap { 1...maximum ~= $0 ? $0 : nil }
      }
    }.last ?? standard
  }

  func flag(_ key: String, default standard: Bool) throws -> Bool {
    try optional(key, "true or false", \.boolean) ?? standard
  }

  func fraction(
    _ key: String, default standard: Float, in range: Range<Double>
  ) throws -> Float {
    let expected =
      "a number with a decimal point, from \(range.lowerBound) to below \(range.upperBound)"
    return try optional(key, expected) { value in
      guard case .number(let number) = value, range.contains(number) else { return nil }
      return Float(number)
    } ?? standard
  }

  func probability(_ key: String) throws -> Float {
    try optional(key, "a number from 0 to below 1") { value in
      // Masks are drawn with 16 bits per element; a value that rounds to 1 there would keep nothing.
      guard let number = value.number, number >= 0, (number * 0x1p16).rounded() < 0x1p16 else {
        return nil
      }
      return Float(number)
    } ?? 0.1
  }

  func activation() throws -> ActivationFunction {
    let names = ActivationFunction.names.keys.sorted().map { JSONValue.string($0).text() }
    return try optional("activation_function", names.joined(separator: " or ")) {
      $0.string.flatMap { ActivationFunction.names[$0] }
    } ?? .geluTanh
  }

  func id(_ key: String) throws -> Int? {
    try optional(key, "a whole number or null", orNull: true, \.integer)
  }

  func ids(_ key: String) throws -> [Int] {
    let expected = "a whole number, an array of whole numbers or null"
    return try optional(key, expected, orNull: true) { value in
      let elements = value.elements ?? [value]
      let ids = elements.compactMap(\.integer)
      return ids.count == elements.count ? ids : nil
    } ?? []
  }
}
