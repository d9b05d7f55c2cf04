import BytePairEncoding
import CheckpointFormat
import FileSupport
import GPT2
import TensorKernels
import TestSupport
import Testing

/// A tokenizer of bytes and two special tokens.
private func byteTokenizer() throws -> Tokenizer {
  try BPETrainer(vocabularySize: 270).train(on: WordCounts())
}

@Suite("GGUF")
struct GGUFTests {
  private let folder: TemporaryFolder
  private let threadPool = ThreadPool(count: 2)
  private let tokenizer: Tokenizer

  init() throws {
    folder = try TemporaryFolder()
    tokenizer = try byteTokenizer()
  }

  /// A model whose rows fit every precision, with two rows that belong to no token.
  private func model(
    embeddingSize: Int = 256, layers: Int = 2,
    _ change: (inout GPT2Configuration) -> Void = { _ in }
  ) throws -> GPT2Model {
    let end = try #require(tokenizer.endOfText)
    return tinyModel(
      vocabularySize: tokenizer.count + 2, embeddingSize: embeddingSize, layers: layers, heads: 4
    ) {
      $0.beginOfTextID = Int(end)
      $0.endOfTextID = Int(end)
      $0.layerNormEpsilon = 1e-6
      change(&$0)
    }
  }

  private func prepare(_ model: GPT2Model, _ precision: GGUFPrecision) throws -> GGUFExport {
    try model.write(to: folder.path)
    return try GGUFExport(
      model: folder.path, tokenizer: tokenizer, precision: precision, name: "кот",
      threadPool: threadPool)
  }

  /// The path of the file with `model`.
  private func export(
    _ model: GPT2Model, _ precision: GGUFPrecision, to name: String = "model.gguf"
  ) throws -> String {
    let file = try OutputFile(path: folder.path(name))
    let export = try prepare(model, precision)
    var last = (0, 0)
    try export.write(to: file) { last = ($0, $1) }
    // All is reported but the padding of the last tensor, which comes before the report.
    #expect(last.0 == last.1 && last.1 == file.byteCount)
    try file.commit()
    return file.path
  }

  private func load(_ path: String) throws -> GPT2Model {
    try GPT2Model(folder: path, threadPool: threadPool)
  }

  @Test("a model written as f32 reads back to the last bit", arguments: [true, false])
  func roundTrip(isTied: Bool) throws {
    let model = try model(embeddingSize: 12) { $0.tiesWordEmbeddings = isTied }
    let loaded = try load(try export(model, .f32))
    let same = withExtendedLifetime((loaded, model)) {
      loaded.parameters.floats.elementsEqual(model.parameters.floats)
    }
    #expect(same)
    var expected = model.configuration
    // Which the format does not have.
    expected.initializerRange = loaded.configuration.initializerRange
    #expect(loaded.configuration == expected)
    #expect(loaded.notes == [])
    // Written again, it is the same file.
    let export = try GGUFExport(
      model: folder.path("model.gguf"), tokenizer: Tokenizer(model: folder.path("model.gguf")),
      precision: .f32, name: "кот", threadPool: threadPool)
    let file = try OutputFile(path: folder.path("again.gguf"))
    try export.write(to: file) { _, _ in }
    try file.commit()
    #expect(try folder.bytes(of: "again.gguf") == folder.bytes(of: "model.gguf"))
  }

  @Test("the licence and the base model of a card are in the file, and in one made from it")
  func provenance() throws {
    try folder.write(
      "---\nlicense: other\nlicense_name: \"mine\"\nbase_model:\n- owner/base-1\n---\n",
      to: "README.md")
    let path = try export(try model(embeddingSize: 12), .f32)
    let again = try GGUFExport(
      model: path, tokenizer: tokenizer, precision: .f16, name: "кот", threadPool: threadPool)
    let copy = try OutputFile(path: folder.path("again.gguf"))
    try again.write(to: copy) { _, _ in }
    try copy.commit()
    for path in [path, copy.path] {
      let file = try GGUFFile(path: path)
      for (key, value) in [
        ("license", "other"), ("license.name", "mine"), ("license.link", nil),
        ("base_model.0.name", "base-1"), ("base_model.0.organization", "owner"),
        ("base_model.0.repo_url", "https://huggingface.co/owner/base-1"),
      ] {
        #expect(try file.string("general." + key) == value)
      }
      #expect(try file.integer("general.base_model.count", in: 0...9) == 1)
    }
  }

  @Test("the logits of a loaded file are those of its numbers", arguments: GGUFPrecision.allCases)
  func logits(precision: GGUFPrecision) throws {
    let path = try export(try model(), precision)
    let direct = try InferenceModel(folder: path, threadPool: threadPool)
    let copied = InferenceModel(try load(path))
    let tokens: [Int32] = [5, 70, 200, 31]
    func logits(_ model: InferenceModel) -> [Float] {
      let pass = InferencePass(model, capacity: 4)
      return Array(pass.logits(after: tokens, KeyValueCache(pass.model, capacity: 4)))
    }
    #expect(logits(direct) == logits(copied))
  }

  @Test("every matrix is rounded to its type, all else stays", arguments: GGUFPrecision.allCases)
  func rounding(precision: GGUFPrecision) throws {
    let model = try model(layers: 1)
    let path = try export(model, precision)
    let (loaded, file) = (try load(path), try GGUFFile(path: path))
    // Their parameters are views of their memory.
    defer { withExtendedLifetime((model, loaded)) {} }
    for parameter in model.layout.parameters {
      let name = try #require(GGUFTensorName.gguf(parameter.name))
      let type = try #require(file.tensors[name]).type
      var (rows, columns) = (parameter.shape[0], parameter.shape.last ?? 0)
      let isTransposed = GGUFTensorName.isTransposed(parameter.name)
      if isTransposed { (rows, columns) = (columns, rows) }
      let (ours, theirs) = (model.parameters[parameter.range], loaded.parameters[parameter.range])
      if type == .float32 {
        #expect(Array(ours) == Array(theirs), "\(name)")
        continue
      }
      // Rows of the file that are encoded, decoded and encoded again are the same bytes.
      var bytes = [UInt8](repeating: 0, count: type.byteCount(of: rows * columns))
      let numbers = (0..<rows * columns).map { index in
        ours[isTransposed ? index % columns * rows + index / columns : index]
      }
      numbers.withUnsafeBufferPointer { numbers in
        bytes.withUnsafeMutableBytes { type.encode(numbers, to: $0) }
      }
      let stored = try #require(file.tensors[name])
      var decoded = [Float](repeating: 0, count: rows * columns)
      try decoded.withUnsafeMutableBufferPointer { try stored.copy(0..<stored.count, to: $0) }
      let same = (0..<rows * columns).allSatisfy { index in
        decoded[index] == theirs[isTransposed ? index % columns * rows + index / columns : index]
      }
      #expect(same, "\(name)")
      let all = try folder.bytes(of: "model.gguf")
      #expect(all.firstRange(of: bytes) != nil, "\(name)")
    }
  }

  @Test("the mixtures of types are those of llama-quantize")
  func mixtures() throws {
    func types(_ precision: GGUFPrecision, layers: Int = 1, isTied: Bool = true) throws -> [String:
      TensorType]
    {
      let model = try model(layers: layers) {
        $0.tiesWordEmbeddings = isTied
        $0.feedForwardSize = 256
      }
      return try GGUFFile(path: try export(model, precision)).tensors.mapValues(\.type)
    }
    let matrices = ["attn_qkv", "attn_output", "ffn_up", "ffn_down"].map { "blk.0.\($0).weight" }
    for (precision, main, head) in [
      (.f16, .float16, .float16), (.bf16, .bfloat16, .bfloat16), (.q8_0, .q8_0, .q8_0),
      (.q6_k, .q6_K, .q6_K), (.q4_0, .q4_0, .q6_K),
    ] as [(GGUFPrecision, TensorType, TensorType)] {
      let tied = try types(precision)
      #expect(tied["token_embd.weight"] == head && tied["output.weight"] == nil)
      #expect(matrices.allSatisfy { tied[$0] == main })
      let others = tied.filter { !matrices.contains($0.key) && $0.key != "token_embd.weight" }
      #expect(others.count == 11 && others.values.allSatisfy { $0 == .float32 })
      let separate = try types(precision, isTied: false)
      #expect(separate["token_embd.weight"] == main && separate["output.weight"] == head)
    }
    let twelve = try types(.q4_k_m, layers: 12)
    #expect(twelve["token_embd.weight"] == .q6_K)
    for layer in 0..<12 {
      let more: TensorType = [0, 3, 6, 9, 10, 11].contains(layer) ? .q6_K : .q4_K
      #expect(twelve["blk.\(layer).attn_qkv.weight"] == more)
      #expect(twelve["blk.\(layer).ffn_down.weight"] == more)
      #expect(twelve["blk.\(layer).attn_output.weight"] == .q4_K)
      #expect(twelve["blk.\(layer).ffn_up.weight"] == .q4_K)
    }
  }

  @Test("the embedding of rows that are not whole blocks of Q6_K is Q8_0")
  func otherRows() throws {
    let file = try GGUFFile(path: try export(try model(embeddingSize: 32), .q4_0))
    #expect(file.tensors["token_embd.weight"]?.type == .q8_0)
    #expect(file.tensors["blk.0.ffn_down.weight"]?.type == .q4_0)
  }

  @Test("the metadata describes the model")
  func metadata() throws {
    let file = try GGUFFile(path: try export(try model(), .q8_0))
    #expect(try file.string("general.architecture") == "gpt2")
    #expect(try file.string("general.name") == "кот")
    #expect(try file.string("general.size_label") == "1.6M")
    for (key, value) in [
      ("general.file_type", 7), ("general.quantization_version", 2), ("gpt2.context_length", 8),
      ("gpt2.embedding_length", 256), ("gpt2.block_count", 2), ("gpt2.feed_forward_length", 1024),
      ("gpt2.attention.head_count", 4),
      ("tokenizer.ggml.eos_token_id", try Int(#require(tokenizer.endOfText))),
    ] {
      #expect(try file.integer(key, in: 0...5000) == value, "\(key)")
    }
    #expect(
      try file.string("tokenizer.chat_template")
        == "{% for m in messages %}{{ m['content'] }}{% endfor %}")
  }

  @Test("what the format cannot say is refused")
  func refused() throws {
    func problem(
      _ precision: GGUFPrecision, embeddingSize: Int = 32,
      _ change: (inout GPT2Configuration) -> Void
    ) throws -> String? {
      let model = try model(embeddingSize: embeddingSize, change)
      return #expect(throws: InputError.self) { try prepare(model, precision) }?.problem
    }
    #expect(
      try problem(.f16) { $0.activation = .gelu }
        == "activation_function is gelu, which a GGUF file cannot express; llama.cpp always computes "
        + "gelu_new")
    #expect(
      try problem(.f16) { $0.scalesAttention = false }?.hasPrefix("scale_attn_weights is false, ")
        == true)
    #expect(
      try problem(.f16) { $0.scalesAttentionByLayer = true }?.hasPrefix(
        "scale_attn_by_inverse_layer_idx is true, ") == true)
    #expect(
      try problem(.q4_k_m) { _ in }
        == "q4_k_m needs rows of a multiple of 256 numbers, but this model has rows of 32; use q8_0"
    )
    #expect(
      try problem(.q8_0, embeddingSize: 12) { _ in }
        == "q8_0 needs rows of a multiple of 32 numbers, but this model has rows of 12; use f16")
  }

  @Test("numbers that half precision cannot express are refused, and no file is left")
  func tooLarge() throws {
    let model = try model(embeddingSize: 32)
    let large = try #require(model.layout.parameters.first { $0.name.hasSuffix("mlp.c_fc.weight") })
    model.parameters.floats[large.range.lowerBound] = 1e6
    for precision in [GGUFPrecision.f16, .q8_0] {
      let error = #expect(throws: InputError.self) { try export(model, precision) }
      #expect(
        error?.problem.hasPrefix(
          "tensor 'transformer.h.0.mlp.c_fc.weight' contains 1000000.0, too large for ") == true)
    }
    #expect(try !folder.names().contains { $0.hasPrefix("model.gguf") })
    let loaded = try load(try export(model, .f32))
    let same = withExtendedLifetime((loaded, model)) {
      loaded.parameters.floats.elementsEqual(model.parameters.floats)
    }
    #expect(same)
  }

  @Test("the tokens that end a text are those of the folder, with notes if they are odd")
  func ends() throws {
    let end = try Int(#require(tokenizer.endOfText))
    func export(_ ids: [Int]) throws -> GGUFExport {
      try prepare(try model(embeddingSize: 12) { $0.endOfTextIDs = ids }, .f32)
    }
    #expect(try export([end]).notes == [])
    #expect(try export([end]).endOfTextTokens == [Int32(end)])
    let word = try export([100, end])
    #expect(word.endOfTextTokens == [100, Int32(end)])
    #expect(word.notes.count == 1)
    #expect(
      word.notes.first?.hasPrefix("token 100, which ends a text, is the ordinary token '") == true)
    let three = try export([end, 0, 1])
    #expect(three.endOfTextTokens == [Int32(end), 0])
    #expect(three.notes.contains("3 tokens end a text; a GGUF file names two: \(end) and 0"))
    let none = try export([])
    #expect(none.endOfTextTokens == [Int32(end)])
    #expect(none.notes.contains { $0.hasPrefix("the model names no token that ends a text") })
  }
}

/// Files that llama.cpp would not read, either.
@Suite("GGUF files of other models")
struct ForeignGGUFTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Writes zeros as a model of one layer, with `changes` to the metadata.
  private func problem(
    _ changes: [String: GGUFWriter.Value] = [:], without missing: String? = nil,
    _ change: (inout [GGUFWriter.Tensor]) -> Void = { _ in }
  ) throws -> String? {
    var metadata: [String: GGUFWriter.Value] = [
      "general.architecture": .string("gpt2"), "gpt2.context_length": .uint32(2),
      "gpt2.embedding_length": .uint32(4), "gpt2.block_count": .uint32(1),
      "gpt2.feed_forward_length": .uint32(4), "gpt2.attention.head_count": .uint32(2),
      "gpt2.attention.layer_norm_epsilon": .float32(1e-5),
    ]
    metadata.merge(changes) { $1 }
    if let missing { metadata[missing] = nil }
    let vectors = ["attn_norm", "attn_output", "ffn_norm", "ffn_up", "ffn_down"]
    var shapes: [(String, [Int])] = [
      ("token_embd.weight", [3, 4]), ("position_embd.weight", [2, 4]), ("output_norm.weight", [4]),
      ("output_norm.bias", [4]), ("blk.0.attn_norm.weight", [4]), ("blk.0.ffn_norm.weight", [4]),
      ("blk.0.attn_qkv.weight", [12, 4]), ("blk.0.attn_qkv.bias", [12]),
      ("blk.0.attn_output.weight", [4, 4]), ("blk.0.ffn_up.weight", [4, 4]),
      ("blk.0.ffn_down.weight", [4, 4]),
    ]
    shapes += vectors.map { ("blk.0.\($0).bias", [4]) }
    var tensors = shapes.map { GGUFWriter.Tensor(name: $0, shape: $1, type: .float32) }
    change(&tensors)
    let output = try OutputFile(path: folder.path("model.gguf"))
    let writer = try GGUFWriter(
      metadata: metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
      tensors: tensors, to: output)
    for tensor in tensors {
      try [UInt8](repeating: 0, count: tensor.byteCount).withUnsafeBytes { try writer.write($0) }
    }
    try output.commit()
    do {
      _ = try InferenceModel(folder: output.path, threadPool: ThreadPool(count: 1))
      return nil
    } catch let error as InputError {
      #expect(error.path == output.path)
      return error.problem
    }
  }

  @Test("are refused by name")
  func refused() throws {
    #expect(try problem() == nil)
    #expect(
      try problem(["general.architecture": .string("llama")])
        == "general.architecture is 'llama'; expected 'gpt2'")
    #expect(
      try problem(without: "general.architecture")
        == "general.architecture is missing; expected 'gpt2'")
    #expect(
      try problem(without: "gpt2.block_count")
        == "gpt2.block_count is missing; expected a whole number")
    #expect(
      try problem(["gpt2.block_count": .uint32(513)])
        == "gpt2.block_count is 513; expected a whole number from 1 to 512")
    #expect(
      try problem(["gpt2.attention.layer_norm_epsilon": .uint32(0)])
        == "gpt2.attention.layer_norm_epsilon is 0; expected a number from 0.0 to below 1.0")
    #expect(
      try problem(["gpt2.attention.head_count": .uint32(3)])
        == "gpt2.embedding_length 4 is not a multiple of gpt2.attention.head_count 3")
    #expect(
      try problem(["gpt2.attention.head_count_kv": .uint32(1)])
        == "gpt2.attention.head_count_kv is 1; expected a whole number from 2 to 2")
    #expect(
      try problem(["split.count": .uint32(2)])?.hasPrefix("this is one of 2 parts of a model; ")
        == true)
    #expect(
      try problem(["gpt2.context_length": .uint32(3)])
        == "tensor 'transformer.wpe.weight' has the shape [2, 4], expected [3, 4]")
    #expect(
      try problem { $0.removeFirst() } == "tensor 'token_embd.weight' is missing")
    #expect(
      try problem { $0.removeLast() } == "tensor 'transformer.h.0.mlp.c_proj.bias' is missing")
    for name in ["blk.00.attn_norm.weight", "blk.attn_norm.weight", "rope_freqs.weight"] {
      #expect(
        try problem { $0.append(.init(name: name, shape: [4], type: .float32)) }
          == "tensor '\(name)' is not part of a GPT-2 model; expected names such as "
          + "'token_embd.weight' and 'blk.0.attn_qkv.weight'")
    }
    #expect(
      try problem { $0.append(.init(name: "blk.7.attn_norm.weight", shape: [4], type: .float32)) }
        == "tensor 'transformer.h.7.ln_1.weight' is not part of a GPT-2 model of 1 layers")
  }
}
