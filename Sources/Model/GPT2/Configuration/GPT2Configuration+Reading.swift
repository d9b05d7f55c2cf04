import CheckpointFormat
import FileSupport
import JSONSupport
import TensorKernels
import TextSupport

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
    let keys = try ConfigurationKeys(path: path)
    try keys.refuseOtherModels()
    let embeddingSize = try keys.size("n_embd", alias: "hidden_size", default: 768)
    self.init(
      vocabularySize: try keys.size("vocab_size", default: 50257),
      contextLength: try keys.size("n_positions", alias: "max_position_embeddings", default: 1024),
      embeddingSize: embeddingSize,
      layers: try keys.size("n_layer", alias: "num_hidden_layers", default: 12, atMost: 1 << 16),
      heads: try keys.size("n_head", alias: "num_attention_heads", default: 12),
      feedForwardSize: keys.isNull("n_inner")
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
struct ConfigurationKeys {
  let path: String
  let value: JSONValue

  init(path: String) throws {
    self.path = path
    value = try JSONValue(path: path, leniency: .nonFiniteNumbers)
    guard value.members != nil else { throw InputError(path, "expected an object") }
  }

  func isNull(_ key: String) -> Bool { value[key] == .null }

  private func refusal(_ key: String, _ found: JSONValue, _ supported: String) -> InputError {
    InputError(path, "\(key) is \(found.excerpt); expected \(supported)")
  }

  // MARK: - Other models

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
        value["dtype"] ?? .null == .null ? "torch_dtype" : "dtype",
        ["float32", "float16", "bfloat16", "float64", .null]
      ),
    ]
    for (key, values) in supported {
      guard let found = value[key], !values.contains(found) else { continue }
      throw refusal(key, found, values.map { $0.text() }.joined(separator: " or "))
    }
  }

  // MARK: - Values

  /// A positive integer; if both a key and its alias are present, the alias counts.
  func size(
    _ key: String, alias: String? = nil, default standard: Int, atMost maximum: Int = 1 << 31
  ) throws -> Int {
    var size = standard
    for key in [key, alias] {
      guard let key, let found = value[key] else { continue }
      guard let number = found.integer, number >= 1, number <= maximum else {
        throw refusal(key, found, "a whole number from 1 to \(maximum)")
      }
      size = number
    }
    return size
  }

  func flag(_ key: String, default standard: Bool) throws -> Bool {
    guard let found = value[key] else { return standard }
    guard let flag = found.boolean else { throw refusal(key, found, "true or false") }
    return flag
  }

  func fraction(
    _ key: String, default standard: Float, in range: Range<Double>
  ) throws -> Float {
    guard let found = value[key] else { return standard }
    guard case .number(let number) = found, range.contains(number) else {
      throw refusal(
        key, found,
        "a number with a decimal point, from \(range.lowerBound) to below \(range.upperBound)")
    }
    return Float(number)
  }

  func probability(_ key: String) throws -> Float {
    guard let found = value[key] else { return 0.1 }
    // Masks are drawn with 16 bits per element; a value that rounds to 1 there would keep nothing.
    guard let number = found.number, number >= 0, (number * 0x1p16).rounded() < 0x1p16 else {
      throw refusal(key, found, "a number from 0 to below 1")
    }
    return Float(number)
  }

  func activation() throws -> ActivationFunction {
    let key = "activation_function"
    guard let found = value[key] else { return .geluTanh }
    guard let activation = found.string.flatMap({ ActivationFunction.names[$0] }) else {
      let names = ActivationFunction.names.keys.sorted().map { JSONValue.string($0).text() }
      throw refusal(key, found, names.joined(separator: " or "))
    }
    return activation
  }

  func id(_ key: String) throws -> Int? {
    guard let found = value[key], found != .null else { return nil }
    guard let id = found.integer else { throw refusal(key, found, "a whole number or null") }
    return id
  }

  func ids(_ key: String) throws -> [Int] {
    guard let found = value[key], found != .null else { return [] }
    let ids = (found.elements ?? [found]).map(\.integer)
    guard !ids.contains(nil) else {
      throw refusal(key, found, "a whole number, an array of whole numbers or null")
    }
    return ids.compactMap { $0 }
  }
}
