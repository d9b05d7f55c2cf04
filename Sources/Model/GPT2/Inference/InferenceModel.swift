import CheckpointFormat
import FileSupport
import TensorKernels

/// A model loaded for generating text.
///
/// Weights in single precision stay in their mapped files; weights of other types are packed when
/// the model is loaded.
///
/// The matrices of the linear layers, including the head, are packed. Biases, layer normalization
/// parameters and the rows of the embeddings, of which a token needs one, are not.
public final class InferenceModel {
  public let configuration: GPT2Configuration
  /// The token ids for generating text.
  public let generation: GenerationConfiguration
  /// The threads that compute.
  public let threadPool: ThreadPool
  /// What the user should know about how the configuration and weights were read, in whole
  /// sentences.
  public let notes: [String]
  /// How the keys and values of texts are kept: unrounded, if the weights are.
  public let cachePrecision: CachePrecision
  /// The layers after the embeddings.
  let parts: Transformer<LayerNorm, LinearLayer>
  private let embeddings: Embeddings
  /// Owns the memory of all these.
  private let owner: Owner

  private enum Owner {
    case model(GPT2Model)
    case reader(ParameterReader)
  }

  /// Uses the parameters of `model` as they are, or packs them, as bf16 if that is the precision.
  public init(
    _ model: GPT2Model, weights type: WeightType = .fp32, precision: Precision = .fp32
  ) {
    configuration = model.configuration
    generation = model.generation ?? GenerationConfiguration(model.configuration)
    threadPool = model.threadPool
    notes = model.notes
    cachePrecision = CachePrecision(beside: type)
    parts = model.layout.parts.map {
      $0.layerNorm(in: model.parameters)
    } linear: { linear in
      let matrix = linear.weight.matrix(in: model.parameters)
      return LinearLayer(
        frozen: model.threadPool.weightMatrix(
          linear.isTransposed ? matrix.transposed : matrix.asIs, type),
        bias: linear.bias.map { model.parameters[$0.range] }, precision: precision)
    }
    embeddings = model.embeddings
    owner = .model(model)
  }

  /// The model in the Hugging Face folder `path`: `config.json` and weights of any kind that
  /// ``WeightFiles`` reads.
  ///
  /// With the precision bf16, the weights cannot be kept in single precision. An `adapter`, a folder that peft
  /// writes, is merged into the weights as they are read.
  ///
  /// `progress` is called before each parameter and at the end, with how many bytes of all are read.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported, or
  ///   a weight is NaN or infinite; what `progress` throws.
  public convenience init(
    folder path: String, adapter: String? = nil, weights type: WeightType = .fp32,
    precision: Precision = .fp32, threadPool: ThreadPool,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    let stored = try StoredModel(folder: path, threadPool)
    let adapter = try adapter.map {
      try Adapter(folder: $0, for: stored, threadPool: threadPool)
    }
    try self.init(
      stored, merging: adapter, weights: type, precision: precision, threadPool: threadPool,
      progress: progress)
  }

  /// The model `stored`, into whose weights `adapter` is merged as they are read.
  ///
  /// The parameters and errors are those of ``init(folder:adapter:weights:precision:threadPool:progress:)``.
  init(
    _ stored: StoredModel, merging adapter: Adapter?, weights type: WeightType,
    precision: Precision = .fp32, threadPool: ThreadPool,
    progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws {
    configuration = stored.configuration
    generation = stored.generation ?? GenerationConfiguration(stored.configuration)
    notes = stored.notes + (adapter?.configuration.notes ?? [])
    cachePrecision = CachePrecision(beside: type)
    self.threadPool = threadPool
    let layout = ParameterLayout(stored.configuration)
    let reader = ParameterReader(
      sources: try ParameterSource.sources(stored, adapter, threadPool), type: type, threadPool)
    let sizes = stored.tensors.map { $0.byteCount }
    let total = sizes.reduce(0, +)
    var done = 0
    func read<Result>(
      _ parameter: ParameterLayout.Parameter, _ body: () throws -> Result
    ) throws -> Result {
      try progress(done, total)
      defer { done += sizes[parameter.index] }
      return try body()
    }
    func floats(_ parameter: ParameterLayout.Parameter) throws -> Floats {
      try read(parameter) { try reader.floats(parameter) }
    }
    if !layout.tiesWordEmbeddings { try read(layout.wte) { try reader.check(layout.wte) } }
    embeddings = Embeddings(
      wte: .stored(stored.tensors[layout.wte.index]),
      wpe: MatrixView(
        try floats(layout.wpe), rows: layout.wpe.shape[0], columns: layout.wpe.shape[1]))
    parts = try layout.parts.map {
      LayerNorm(weight: try floats($0.weight), bias: try floats($0.bias))
    } linear: { linear in
      LinearLayer(
        frozen: try read(linear.weight) { try reader.weightMatrix(linear) },
        bias: try linear.bias.map(floats), precision: precision)
    }
    try progress(done, total)
    owner = .reader(reader)
  }

  deinit {
    // The threads may still be reading ahead.
    threadPool.stopReadingAhead()
  }

  /// The tokens that end a text.
  public var endOfTextTokens: [Int32] { configuration.tokens(generation.endOfTextIDs) }

  /// The token placed between texts: it ends one, and the model's own text begins after it.
  public var separator: Int32? { endOfTextTokens.first ?? configuration.endOfTextTokens.first }

  /// The number of bytes of weights that lie in mapped files.
  public var mappedByteCount: Int {
    if case .reader(let reader) = owner { reader.mappedByteCount } else { 0 }
  }

  /// The embeddings of tokens and their positions, `[tokens, channels]`.
  ///
  /// `tokens` must be in the vocabulary; `positions` gives the position of each in its sequence.
  func embed(_ out: MatrixView, tokens: [Int32], positions: [Int]) {
    precondition(tokens.count == out.rows && positions.count == out.rows)
    for (row, (token, position)) in zip(tokens, positions).enumerated() {
      precondition(token >= 0 && token < configuration.vocabularySize)
      embeddings.sum(out.row(row), token: token, position: position)
    }
  }
}

extension CachePrecision {
  fileprivate init(beside weights: WeightType) { self = weights == .fp32 ? .fp32 : .fp16 }
}

/// Reads the parameters of a stored model in the form that inference uses, and owns their memory.
private final class ParameterReader {
  private let sources: [ParameterSource]
  private let type: WeightType
  private let threadPool: ThreadPool
  private var copies: [FloatArena] = []
  private(set) var mappedByteCount = 0

  /// `sources` are in the order of the model's layout.
  init(sources: [ParameterSource], type: WeightType, _ threadPool: ThreadPool) {
    self.sources = sources
    self.type = type
    self.threadPool = threadPool
  }

  /// The numbers of a parameter in its mapped file.
  ///
  /// They are copied if they have another type, if an adapter changes them, or if the matrices around
  /// them are packed, because the system would map those too.
  func floats(_ parameter: ParameterLayout.Parameter) throws -> Floats {
    if type == .fp32, let mapped = try mappedFloats(parameter) {
      mappedByteCount += mapped.count * MemoryLayout<Float>.stride
      return mapped
    }
    let copy = try copy(parameter)
    copies.append(copy)
    return copy.floats
  }

  /// Checks that the numbers of a parameter are finite.
  func check(_ parameter: ParameterLayout.Parameter) throws {
    if type == .fp32, try mappedFloats(parameter) != nil { return }
    _ = try copy(parameter)
  }

  private func copy(_ parameter: ParameterLayout.Parameter) throws -> FloatArena {
    let floats = FloatArena(count: parameter.range.count)
    try sources[parameter.index].copy(to: floats.floats, threadPool)
    return floats
  }

  /// The numbers of a parameter where they are mapped, checked to be finite; `nil` if they are not
  /// floats, or not those of the file.
  private func mappedFloats(_ parameter: ParameterLayout.Parameter) throws -> Floats? {
    let source = sources[parameter.index]
    return source.isUnchanged ? try threadPool.mappedFloats(of: source.tensor) : nil
  }

  func weightMatrix(_ linear: ParameterLayout.Linear) throws -> WeightMatrix {
    let (rows, columns) = (linear.weight.shape[0], linear.weight.shape[1])
    if type == .fp32 {
      let matrix = MatrixView(try floats(linear.weight), rows: rows, columns: columns)
      return WeightMatrix(linear.isTransposed ? matrix.transposed : matrix.asIs)
    }
    let matrix =
      linear.isTransposed
      ? WeightMatrix(inputs: columns, outputs: rows, packedAs: type)
      : WeightMatrix(inputs: rows, outputs: columns, packedAs: type)
    let source = sources[linear.weight.index]
    try threadPool.pack(into: matrix, isTransposed: linear.isTransposed) { rows, floats in
      try source.copy(rows: rows, to: floats.elements)
    }
    // Quantized tensors are read where they are mapped.
    source.tensor.release()
    return matrix
  }
}

extension ThreadPool {
  /// Keeps `weights`, `[inputs, outputs]`, in the form of `type`: where they lie, or packed.
  fileprivate func weightMatrix(_ weights: Operand<Float>, _ type: WeightType) -> WeightMatrix {
    if type == .fp32 { return WeightMatrix(weights) }
    let matrix = WeightMatrix(inputs: weights.rows, outputs: weights.columns, packedAs: type)
    pack(weights, into: matrix)
    return matrix
  }
}
