import CheckpointFormat
import FileSupport
import TextSupport

extension GPT2Configuration {
  /// The sizes and ids in the metadata of `file`.
  ///
  /// What the format does not say is as in llama.cpp: the activation function is GELU with tanh,
  /// and attention scores are divided by the root of the head size.
  ///
  /// - Throws: ``InputError``, which names the key, if the model is not a GPT-2, or a value is
  ///   missing or impossible.
  init(gguf file: GGUFFile) throws {
    let architecture = try file.string("general.architecture")
    guard architecture == "gpt2" else {
      throw InputError(
        file.path,
        "general.architecture is \(architecture.map { "'\(excerpt($0))'" } ?? "missing"); expected "
          + "'gpt2'")
    }
    if let parts = try file.integer("split.count", in: 0...Int(UInt16.max)), parts > 1 {
      throw InputError(
        file.path,
        "this is one of \(parts) parts of a model; join them with llama-gguf-split --merge")
    }
    let embedding = "token_embd.weight"
    guard let rows = file.tensors[embedding]?.shape.first else {
      throw InputError(file.path, "tensor '\(embedding)' is missing")
    }
    func size(_ key: String, atMost maximum: Int = 1 << 31) throws -> Int {
      try file.requiredInteger("gpt2." + key, in: 1...maximum)
    }
    self.init(
      vocabularySize: rows, contextLength: try size("context_length"),
      embeddingSize: try size("embedding_length"), layers: try size("block_count", atMost: 512),
      heads: try size("attention.head_count"),
      feedForwardSize: try size("feed_forward_length"))
    guard embeddingSize % heads == 0 else {
      throw InputError(
        file.path,
        "gpt2.embedding_length \(embeddingSize) is not a multiple of gpt2.attention.head_count "
          + "\(heads)")
    }
    guard isCountable else {
      throw InputError(file.path, "the sizes make a model of more than 2^48 parameters")
    }
    // Heads that share keys and values are not GPT-2's.
    _ = try file.integer("gpt2.attention.head_count_kv", in: heads...heads)
    layerNormEpsilon = Float(
      try file.requiredNumber("gpt2.attention.layer_norm_epsilon", in: 0..<1))
    tiesWordEmbeddings = file.tensors["output.weight"] == nil
    func id(_ name: String) throws -> Int? {
      try file.integer("tokenizer.ggml.\(name)_token_id", in: 0...Int(UInt32.max))
    }
    beginOfTextID = try id("bos")
    endOfTextIDs = try [id("eos"), id("eot")].compactMap(\.self)
    paddingID = try id("padding")
  }
}
