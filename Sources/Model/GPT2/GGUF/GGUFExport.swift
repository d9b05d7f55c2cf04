import BytePairEncoding
import CheckpointFormat
import FileSupport
import TensorKernels
import TextSupport

/// A model on its way to a GGUF file, which llama.cpp and the programs built on it read.
///
/// The tensors are read, rounded and written a few rows at a time, so that a model may be much
/// larger than memory.
public struct GGUFExport {
  public let configuration: GPT2Configuration
  /// What the user should know about how the model was read and will be written, in whole
  /// sentences.
  public private(set) var notes: [String]
  /// The ids of the tokens that end a text in the file, all in the vocabulary.
  public let endOfTextTokens: [Int32]

  private let threadPool: ThreadPool
  private let parts: [Part]
  private let metadata: [(key: String, value: GGUFWriter.Value)]

  /// A tensor of the file, and where its numbers come from.
  private struct Part {
    let tensor: GGUFWriter.Tensor
    /// Of the same shape as `tensor`.
    let source: ParameterSource
  }

  /// Lets chat programs continue the text of the messages: without it they add marks of their own.
  private static let chatTemplate = "{% for m in messages %}{{ m['content'] }}{% endfor %}"

  /// Prepares the model in the folder or GGUF file `path`, with its `tokenizer`; `name` is what
  /// people see, and `defaults` are keys that the file also has.
  ///
  /// The `adapter`, a folder that peft writes, is merged into it.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the model cannot be read, or if the format cannot
  ///   express it.
  public init(
    model path: String, adapter: String? = nil, tokenizer: Tokenizer, precision: GGUFPrecision,
    name: String, defaults: [(key: String, value: GGUFWriter.Value)] = [], threadPool: ThreadPool
  ) throws {
    let stored = try StoredModel(folder: path, threadPool)
    self.threadPool = threadPool
    configuration = stored.configuration
    try Self.checkIsExpressible(configuration, path: path)
    try precision.check(configuration, path: path)
    let layout = ParameterLayout(configuration)
    let types = precision.types(layout, layers: configuration.layers)
    let adapter = try adapter.map { try Adapter(folder: $0, for: stored, threadPool: threadPool) }
    let sources = try ParameterSource.sources(stored, adapter, threadPool)
    parts = try layout.parameters.map { parameter in
      let plain = sources[parameter.index]
      guard let name = GGUFTensorName.gguf(parameter.name) else {
        throw InputError(path, "tensor '\(parameter.name)' has no name in a GGUF file")
      }
      let source = GGUFTensorName.isTransposed(parameter.name) ? plain.transposed : plain
      return Part(
        tensor: .init(name: name, shape: source.tensor.shape, type: types[parameter.index]),
        source: source)
    }
    let ids = try GGUFSpecialTokens(stored, tokenizer, path: path)
    endOfTextTokens = ids.ends
    notes = stored.notes + ids.notes + (adapter?.configuration.notes ?? [])
    metadata =
      Self.description(
        configuration, name: name, parameters: layout.count, fileType: precision.fileType)
      + Self.provenance(ofModel: path) + defaults
      + (try tokenizer.ggufMetadata(
        rows: configuration.vocabularySize, beginning: ids.beginning, end: Int(ids.ends[0]),
        otherEnd: ids.ends.dropFirst().first.map { Int($0) }, padding: ids.padding, path: path))
      + [("tokenizer.chat_template", .string(Self.chatTemplate))]
  }

  /// Checks that llama.cpp computes what `configuration` says.
  private static func checkIsExpressible(
    _ configuration: GPT2Configuration, path: String
  ) throws {
    func refusal(_ key: String, _ expected: String) -> InputError {
      InputError(path, "\(key), which a GGUF file cannot express; llama.cpp always \(expected)")
    }
    guard configuration.activation == .geluTanh else {
      throw refusal(
        "activation_function is \(configuration.activation.transformersName)", "computes gelu_new")
    }
    guard configuration.scalesAttention else {
      throw refusal("scale_attn_weights is false", "divides by the root of the head size")
    }
    guard !configuration.scalesAttentionByLayer else {
      throw refusal(
        "scale_attn_by_inverse_layer_idx is true", "divides by the root of the head size alone")
    }
    guard configuration.layers <= 512 else {
      throw InputError(path, "\(configuration.layers) layers; llama.cpp reads at most 512")
    }
  }

  private static func description(
    _ configuration: GPT2Configuration, name: String, parameters: Int, fileType: Int
  ) -> [(key: String, value: GGUFWriter.Value)] {
    [
      ("general.architecture", .string("gpt2")), ("general.type", .string("model")),
      ("general.name", .string(name)), ("general.size_label", .string(sizeLabel(parameters))),
      ("general.file_type", .uint32(fileType)), ("general.quantization_version", .uint32(2)),
      ("gpt2.context_length", .uint32(configuration.contextLength)),
      ("gpt2.embedding_length", .uint32(configuration.embeddingSize)),
      ("gpt2.block_count", .uint32(configuration.layers)),
      ("gpt2.feed_forward_length", .uint32(configuration.feedForwardSize)),
      ("gpt2.attention.head_count", .uint32(configuration.heads)),
      ("gpt2.attention.layer_norm_epsilon", .float32(configuration.layerNormEpsilon)),
    ]
  }

  /// `356M`; below 10 million `1.2M`.
  private static func sizeLabel(_ parameters: Int) -> String {
    let millions = Double(parameters) / 1e6
    if millions >= 1000 { return NumberText.decimal(millions / 1000, digits: 1) + "B" }
    return NumberText.decimal(millions, digits: millions < 10 ? 1 : 0) + "M"
  }

  // MARK: - Writing

  /// Writes everything to `file`, which the caller then commits.
  ///
  /// `progress` is called from time to time with the number of bytes written and that of all bytes.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a weight is not finite or too large for the
  ///   precision; what `progress` throws.
  public func write(to file: OutputFile, progress: (_ done: Int, _ total: Int) throws -> Void)
    throws
  {
    let writer = try GGUFWriter(metadata: metadata, tensors: parts.map(\.tensor), to: file)
    for part in parts {
      try write(part, to: writer) { try progress(writer.writtenCount, writer.byteCount) }
      part.source.tensor.release()
    }
    writer.finish()
  }

  private func write(
    _ part: Part, to writer: GGUFWriter, progress: () throws -> Void
  ) throws {
    let (source, type) = (part.source, part.tensor.type)
    let (rows, columns) = (source.rows, source.columns)
    // Rows of a transposed matrix lie across the file: with 64 a line of the cache is used whole.
    let pieceRows = min(rows, 64)
    let pieces = max(1, (1 << 22) / (pieceRows * columns))
    let rowSize = type.byteCount(of: columns)
    let floats = FloatArena(count: threadPool.count * pieceRows * columns)
    let bytes = Arena<UInt8>(count: min(rows, pieces * pieceRows) * rowSize)
    for begin in stride(from: 0, to: rows, by: pieces * pieceRows) {
      let end = min(rows, begin + pieces * pieceRows)
      try threadPool.forEachBlock(of: end - begin, length: pieceRows) { part, thread in
        let start = thread * pieceRows * columns
        let numbers = floats[start..<start + part.count * columns]
        try source.copy(rows: begin + part.lowerBound..<begin + part.upperBound, to: numbers)
        let constant = UnsafeBufferPointer(numbers)
        try source.tensor.check(constant, fit: type)
        let target = bytes[part.lowerBound * rowSize..<part.upperBound * rowSize].buffer
        type.encode(constant, to: UnsafeMutableRawBufferPointer(target))
      }
      try writer.write(UnsafeRawBufferPointer(bytes[0..<(end - begin) * rowSize].buffer))
      try progress()
    }
  }
}

extension StoredTensor {
  /// Checks that half precision, in which F16 and the scales of quantized types are, can express
  /// `numbers`, if they are to be written as `type`.
  fileprivate func check(_ numbers: UnsafeBufferPointer<Float>, fit type: TensorType) throws {
    guard type != .float32, type != .bfloat16 else { return }
    var largest: Float = 0
    for number in numbers { largest = max(largest, abs(number)) }
    guard largest < 65_520 else {
      throw InputError(
        path,
        "tensor '\(excerpt(name))' contains \(largest), too large for \(type.rawValue); use "
          + "\(GGUFPrecision.f32.rawValue) or \(GGUFPrecision.bf16.rawValue)")
    }
  }
}
