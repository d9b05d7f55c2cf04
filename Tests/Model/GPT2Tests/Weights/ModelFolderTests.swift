import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import TensorKernels
import TestSupport
import Testing

@Suite("Model folder")
struct ModelFolderTests {
  private let folder: TemporaryFolder
  private let model = tinyModel()
  private let threadPool = ThreadPool(count: 1)

  init() throws {
    folder = try TemporaryFolder()
    try model.write(to: folder.path)
  }

  private var weightsPath: String { folder.path("model.safetensors") }

  private func load() throws -> GPT2Model {
    try GPT2Model(folder: folder.path, threadPool: threadPool)
  }

  /// Writes the model's tensors, which `change` may change, as its weights.
  private func rewrite(
    _ change: (inout [SafetensorsWriter.Tensor]) -> Void
  ) throws {
    var tensors = model.trainable.tensors(of: model.parameters)
    change(&tensors)
    try SafetensorsWriter.write(tensors, to: weightsPath)
  }

  private func expectProblem(_ problem: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { try load() }
    #expect(error?.description == "\(weightsPath): \(problem)", sourceLocation: sourceLocation)
  }

  private func expectSame(_ loaded: GPT2Model, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(
      Array(loaded.parameters.floats) == Array(model.parameters.floats),
      sourceLocation: sourceLocation)
  }

  @Test("a written model reads back to the last bit")
  func roundTrip() throws {
    let loaded = try load()
    expectSame(loaded)
    #expect(loaded.configuration == model.configuration)
    #expect(loaded.checksum == model.checksum)
    #expect(
      try folder.names() == ["config.json", "generation_config.json", "model.safetensors"])
  }

  @Test("names and shapes are those of GPT2LMHeadModel")
  func names() throws {
    let tensors = try SafetensorsFile(path: weightsPath).tensors
    #expect(tensors.count == 4 + 12 * 2)
    #expect(tensors["transformer.wte.weight"]?.shape == [23, 12])
    #expect(tensors["transformer.wpe.weight"]?.shape == [8, 12])
    #expect(tensors["transformer.h.1.attn.c_attn.weight"]?.shape == [12, 36])
    #expect(tensors["transformer.h.1.attn.c_attn.bias"]?.shape == [36])
    #expect(tensors["transformer.h.0.attn.c_proj.weight"]?.shape == [12, 12])
    #expect(tensors["transformer.h.0.mlp.c_fc.weight"]?.shape == [12, 48])
    #expect(tensors["transformer.h.0.mlp.c_proj.weight"]?.shape == [48, 12])
    #expect(tensors["transformer.h.0.ln_1.weight"]?.shape == [12])
    #expect(tensors["transformer.ln_f.bias"]?.shape == [12])
    #expect(tensors["lm_head.weight"] == nil)
  }

  @Test("reads names without 'transformer.', as OpenAI's repositories have them")
  func withoutPrefix() throws {
    try rewrite { tensors in
      tensors = tensors.map {
        .init(
          name: String($0.name.dropFirst("transformer.".count)), shape: $0.shape,
          read: $0.read)
      }
    }
    expectSame(try load())
  }

  @Test("skips the causal masks of older checkpoints")
  func masks() throws {
    let mask = FloatArena(count: 64)
    try rewrite { tensors in
      tensors.append(
        .init(name: "transformer.h.0.attn.bias", shape: [1, 1, 8, 8], floats: mask.floats.buffer))
      tensors.append(
        .init(name: "transformer.h.1.attn.masked_bias", shape: [], floats: mask[0..<1].buffer))
    }
    expectSame(try load())
  }

  @Test("skips masks of any type", arguments: ["F8_E4M3", "F4", "F6_E3M2", "BOOL", "I64", "C64"])
  func maskTypes(type: String) throws {
    let bits = ["F8_E4M3": 8, "F4": 4, "F6_E3M2": 6, "BOOL": 8, "I64": 64, "C64": 64][type] ?? 0
    var bytes = try folder.bytes(of: "model.safetensors")
    let size = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
    let data = bytes.count - 8 - size
    let entry =
      #","transformer.h.0.attn.bias":{"dtype":"\#(type)","shape":[1,1,4,2],"#
      + #""data_offsets":[\#(data),\#(data + bits)]}}"#
    let header = bytes[8..<8 + size].prefix(through: bytes[..<(8 + size)].lastIndex(of: 0x7D) ?? 0)
    let changed = Array(header.dropLast()) + Array(entry.utf8)
    bytes =
      withUnsafeBytes(of: UInt64(changed.count)) { Array($0) } + changed
      + bytes[(8 + size)...] + [UInt8](repeating: 0xFF, count: bits)
    try folder.write(bytes, to: "model.safetensors")
    expectSame(try load())
  }

  @Test("a head that is a copy of the embedding is the embedding; another stays separate")
  func head() throws {
    let head = FloatArena(count: 23 * 12)
    let embedding = model.parameters[0..<head.count]
    head.floats.update(from: embedding)
    try rewrite {
      $0.append(.init(name: "lm_head.weight", shape: [23, 12], floats: head.floats.buffer))
    }
    let tied = try load()
    expectSame(tied)
    #expect(tied.configuration.tiesWordEmbeddings)
    #expect(tied.notes == [])
    head.floats[275] += 0.001
    try rewrite {
      $0.append(.init(name: "lm_head.weight", shape: [23, 12], floats: head.floats.buffer))
    }
    let separate = try load()
    #expect(!separate.configuration.tiesWordEmbeddings)
    #expect(Array(separate.parameters.floats) == Array(model.parameters.floats) + head.floats)
    #expect(
      separate.notes == [
        "lm_head.weight differs from transformer.wte.weight: the model keeps an output matrix of "
          + "its own, although its configuration says that they are tied"
      ])
    // It is written as what it is, and then nothing is left to say.
    let copy = try TemporaryFolder()
    try separate.write(to: copy.path)
    let again = try GPT2Model(folder: copy.path, threadPool: threadPool)
    #expect(again.checksum == separate.checksum)
    #expect(again.configuration == separate.configuration)
    #expect(again.notes == [])
    try rewrite {
      $0.append(.init(name: "lm_head.weight", shape: [12, 23], floats: head.floats.buffer))
    }
    expectProblem("tensor 'lm_head.weight' has the shape [12, 23], expected [23, 12]")
  }

  @Test("a configuration that asks for a separate head gets it, be it a copy, or is refused")
  func separateHead() throws {
    let text = try folder.text(of: "config.json")
    try folder.write(
      text.replacing(#""tie_word_embeddings": true"#, with: #""tie_word_embeddings": false"#),
      to: "config.json")
    expectProblem(
      "tensor 'lm_head.weight' is missing, but tie_word_embeddings is false in "
        + "\(folder.path("config.json")); if the model has no output matrix of its own, set it to "
        + "true")
    let embedding = model.parameters[0..<23 * 12]
    try rewrite {
      $0.append(.init(name: "lm_head.weight", shape: [23, 12], floats: embedding.buffer))
    }
    let loaded = try load()
    #expect(!loaded.configuration.tiesWordEmbeddings)
    #expect(loaded.layout.count == model.layout.count + 23 * 12)
    #expect(loaded.notes == [])
  }

  @Test("a vocabulary of another size than the embedding's names both, and the remedy")
  func vocabularySize() throws {
    let text = try folder.text(of: "config.json")
    try folder.write(
      text.replacing(#""vocab_size": 23"#, with: #""vocab_size": 22"#), to: "config.json")
    let error = #expect(throws: InputError.self) { try load() }
    #expect(
      error?.description
        == "\(folder.path("config.json")): vocab_size is 22, but 'transformer.wte.weight' in "
        + "\(weightsPath) has 23 rows; if the weights are right, set vocab_size to 23")
  }

  @Test("ids outside the vocabulary are not an error, but reported")
  func idsOutside() throws {
    model.configuration.beginOfTextID = 22
    model.configuration.endOfTextIDs = [23, 5]
    model.configuration.paddingID = -1
    try model.write(to: folder.path)
    let loaded = try load()
    #expect(loaded.configuration == model.configuration)
    #expect(
      loaded.notes == [
        "eos_token_id 23 in generation_config.json is outside the vocabulary of 23 tokens and is "
          + "not used",
        "pad_token_id -1 in generation_config.json is outside the vocabulary of 23 tokens and is "
          + "not used",
      ])
    try FileManager.default.removeItem(atPath: folder.path("generation_config.json"))
    #expect(
      try load().notes == [
        "eos_token_id 23 in config.json is outside the vocabulary of 23 tokens and is not used",
        "pad_token_id -1 in config.json is outside the vocabulary of 23 tokens and is not used",
      ])
  }

  @Test("reading can be stopped", arguments: WeightType.allCases)
  func stoppedReading(weights: WeightType) throws {
    struct Stop: Error {}
    try model.write(to: folder.path)
    #expect(throws: Stop.self) {
      try GPT2Model(folder: folder.path, threadPool: threadPool) { throw Stop() }
    }
    #expect(throws: Stop.self) {
      try InferenceModel(folder: folder.path, weights: weights, threadPool: threadPool) { _, _ in
        throw Stop()
      }
    }
  }

  @Test("reading for inference reports how many bytes are done", arguments: WeightType.allCases)
  func progress(weights: WeightType) throws {
    var reports: [(done: Int, total: Int)] = []
    _ = try InferenceModel(folder: folder.path, weights: weights, threadPool: threadPool) {
      reports.append(($0, $1))
    }
    let total = 4 * model.layout.count
    #expect(reports.allSatisfy { $0.total == total })
    #expect(reports.map(\.done) == reports.map(\.done).sorted())
    #expect(reports.first?.done == 0 && reports.last?.done == total)
  }

  @Test(
    "weights packed as they are read are those packed from single precision",
    arguments: WeightType.allCases, ["F32", "F16", "BF16"])
  func packedReading(weights: WeightType, stored: String) throws {
    for index in model.parameters.floats.indices {
      model.parameters.floats[index] = (model.parameters.floats[index] * 64).rounded() / 64
    }
    switch stored {
    case "F16": try halves("F16") { Float16($0).bitPattern }
    case "BF16": try halves("BF16") { UInt16($0.bitPattern >> 16) }
    default: try rewrite { _ in }
    }
    func logits(_ model: InferenceModel) -> [Float] {
      let pass = InferencePass(model, capacity: 8)
      return Array(pass.logits(after: [1, 22, 3], KeyValueCache(pass.model, capacity: 8)))
    }
    for threads in 1...3 {
      let loaded = try InferenceModel(
        folder: folder.path, weights: weights, threadPool: ThreadPool(count: threads))
      #expect(logits(loaded) == logits(InferenceModel(model, weights: weights)))
    }
  }

  @Test("weights do not depend on how many threads read them, nor does their checksum")
  func threads() throws {
    let large = GPT2Model(
      GPT2Configuration(
        vocabularySize: 503, contextLength: 77, embeddingSize: 203, layers: 1, heads: 7),
      seed: 1, threadPool: threadPool)
    try large.write(to: folder.path)
    for count in 1...3 {
      let loaded = try GPT2Model(folder: folder.path, threadPool: ThreadPool(count: count))
      #expect(Array(loaded.parameters.floats) == Array(large.parameters.floats))
      #expect(loaded.checksum == large.checksum)
    }
  }

  @Test("the checksum is the CRC-32 of all parameters, in whatever pieces it is made")
  func checksum() {
    let large = GPT2Model(
      GPT2Configuration(
        vocabularySize: 70000, contextLength: 7, embeddingSize: 61, layers: 1, heads: 1),
      seed: 1, threadPool: ThreadPool(count: 2))
    #expect(large.parameters.count > 1 << 22)
    var expected = CRC32()
    expected.update(UnsafeRawBufferPointer(large.parameters.floats.buffer))
    #expect(large.checksum == expected.value)
  }

  @Test("names a tensor that is missing, has another shape, or is unknown")
  func wrongTensors() throws {
    try rewrite { tensors in tensors.removeAll { $0.name == "transformer.h.1.ln_2.bias" } }
    expectProblem("tensor 'transformer.h.1.ln_2.bias' is missing")
    try rewrite { tensors in
      tensors = tensors.map { tensor in
        tensor.name == "transformer.h.0.attn.c_attn.weight"
          ? .init(
            name: tensor.name, shape: [36, 12], read: tensor.read) : tensor
      }
    }
    expectProblem(
      "tensor 'transformer.h.0.attn.c_attn.weight' has the shape [36, 12], expected [12, 36]")
    let extra = FloatArena(count: 1)
    try rewrite { $0.append(.init(name: "score.weight", shape: [1], floats: extra.floats.buffer)) }
    expectProblem("tensor 'score.weight' is not part of a GPT-2 model of 2 layers")
  }

  /// A safetensors file of the model's tensors in a type of two bytes.
  private func halves(_ type: String, _ bits: (Float) -> UInt16) throws {
    var header: [String] = []
    var data: [UInt8] = []
    for parameter in model.layout.parameters {
      let begin = data.count
      for index in parameter.range {
        let bits = bits(model.parameters.floats[index])
        data += [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
      }
      header.append(
        #""\#(parameter.name)":{"dtype":"\#(type)","shape":\#(parameter.shape),"#
          + #""data_offsets":[\#(begin),\#(data.count)]}"#)
    }
    let text = Array("{\(header.joined(separator: ","))}".utf8)
    let size = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    try folder.write(size + text + data, to: "model.safetensors")
  }

  @Test("reads weights in half precision and in bfloat16")
  func halfPrecision() throws {
    // Multiples of 1/64 up to 1.5 fit in both types.
    for index in model.parameters.floats.indices {
      model.parameters.floats[index] = (model.parameters.floats[index] * 64).rounded() / 64
    }
    try halves("F16") { Float16($0).bitPattern }
    expectSame(try load())
    try halves("BF16") { UInt16($0.bitPattern >> 16) }
    expectSame(try load())
    try halves("I16") { _ in 0 }
    expectProblem("tensor 'transformer.wte.weight' is of type I16, expected F32, F16, BF16 or F64")
  }

  @Test("says what a folder lacks")
  func missingFiles() throws {
    let nowhere = folder.path("nowhere")
    #expect {
      try GPT2Model(folder: nowhere, threadPool: threadPool)
    } throws: {
      "\($0)" == "\(nowhere): cannot open: No such file or directory"
    }
    let bare = try TemporaryFolder()
    #expect {
      try GPT2Model(folder: bare.path, threadPool: threadPool)
    } throws: {
      "\($0)" == "\(bare.path("config.json")): cannot open: No such file or directory"
    }
    try bare.write(folder.bytes(of: "config.json"), to: "config.json")
    #expect {
      try GPT2Model(folder: bare.path, threadPool: threadPool)
    } throws: {
      "\($0)" == "\(bare.path): holds no weights; expected model.safetensors or pytorch_model.bin, "
        + "or the index of their shards (….index.json)"
    }
  }
}
