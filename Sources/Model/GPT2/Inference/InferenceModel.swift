import CheckpointFormat
import FileSupport
import Glibc
import Synchronization
import TensorKernels

/// A model as it is read to write texts: weights in single precision stay in their mapped files,
/// others are packed when the model is read.
///
/// Packed are the matrices of the linear layers, the output matrix among them. Biases, layer
/// normalization and the rows of the embeddings, of which a token needs one, stay as they are.
public final class InferenceModel {
  public let configuration: GPT2Configuration
  /// The ids for writing texts.
  public let generation: GenerationConfiguration
  public let layout: ParameterLayout
  /// How the matrices are kept.
  public let weightType: WeightType
  /// What the products of the linear layers are computed with.
  public let precision: Precision
  /// The threads that compute.
  public let threadPool: ThreadPool
  /// What a user should know of how configuration and weights were read; whole sentences.
  public private(set) var notes: [String] = []
  /// The linear layers, by the beginnings of their weights in ``layout``.
  private var matrices: [Int: WeightMatrix] = [:]
  /// The layer that follows each in a pass, by the beginnings of their weights in ``layout``.
  private let following: [Int: Int]
  /// All other parameters, by their beginnings in ``layout``.
  private var vectors: [Int: Floats] = [:]
  private var tokenEmbedding: EmbeddingRows
  /// What keeps the memory of the parameters.
  private var owners: [Any] = []

  /// The rows of the token embedding.
  private enum EmbeddingRows {
    case floats(MatrixView)
    case stored(StoredTensor)
  }

  /// The parameters of `model` as they are, or packed; as bf16 if that is the precision.
  public init(
    _ model: GPT2Model, weights type: WeightType = .fp32, precision: Precision = .fp32
  ) {
    precondition(precision == .fp32 || type == .bf16, "weights that are no pairs of bfloat16")
    self.precision = precision
    configuration = model.configuration
    generation = model.generation ?? GenerationConfiguration(model.configuration)
    layout = model.layout
    following = layout.followingLinearLayers
    threadPool = model.threadPool
    notes = model.notes
    weightType = type
    tokenEmbedding = .floats(model.tokenEmbedding)
    owners = [model]
    for parameter in layout.parameters {
      let floats = model.parameters[parameter.range]
      if isMatrix(parameter) {
        let view = MatrixView(floats, rows: parameter.shape[0], columns: parameter.shape[1])
        matrices[parameter.range.lowerBound] = matrix(operand(view, of: parameter))
      } else {
        vectors[parameter.range.lowerBound] = floats
      }
    }
  }

  /// The model in the Hugging Face folder `path`: `config.json` and weights of any kind that
  /// ``WeightFiles`` reads; in the precision bf16 the weights must be so too.
  ///
  /// `progress` is called now and then while it is read.
  ///
  /// - Throws: ``FileError``; ``InputError`` if something is missing, damaged or not supported, or a
  ///   weight is NaN or infinite; what `progress` throws.
  public init(
    folder path: String, weights type: WeightType = .fp32, precision: Precision = .fp32,
    threadPool: ThreadPool, progress: () throws -> Void = {}
  ) throws {
    precondition(precision == .fp32 || type == .bf16, "weights that are no pairs of bfloat16")
    self.precision = precision
    let stored = try StoredModel(folder: path, threadPool)
    let tensors = stored.tensors
    configuration = stored.configuration
    generation = stored.generation ?? GenerationConfiguration(stored.configuration)
    self.threadPool = threadPool
    layout = ParameterLayout(stored.configuration)
    following = layout.followingLinearLayers
    weightType = type
    notes = stored.notes
    tokenEmbedding = .stored(tensors[0])
    for (parameter, tensor) in zip(layout.parameters, tensors) {
      try progress()
      if isMatrix(parameter) {
        matrices[parameter.range.lowerBound] = try matrix(tensor, of: parameter)
      } else {
        vectors[parameter.range.lowerBound] = try floats(tensor)
      }
    }
    owners.append(tensors)
  }

  deinit {
    // They may still be reading what comes next.
    threadPool.stopReadingAhead()
  }

  /// The tokens each of which ends a text.
  public var endOfTextTokens: [Int32] { configuration.tokens(generation.endOfTextIDs) }

  /// The token that ends the text before another: the model's own beginning follows it.
  public var separator: Int32? { endOfTextTokens.first ?? configuration.endOfTextTokens.first }

  /// Bytes of weights that a token reads.
  public var byteCount: Int {
    matrices.values.reduce(0) { $0 + $1.byteCount }
  }

  /// Whether `parameter` is the matrix of a linear layer; the token embedding is one where it is
  /// the output matrix too.
  private func isMatrix(_ parameter: ParameterLayout.Parameter) -> Bool {
    guard parameter.decays, parameter.range != layout.positionEmbedding else { return false }
    return parameter.range != layout.tokenEmbedding || layout.head == layout.tokenEmbedding
  }

  /// The output matrix is `[outputs, inputs]`, all others `[inputs, outputs]`.
  private func operand(_ view: MatrixView, of parameter: ParameterLayout.Parameter) -> Operand {
    parameter.range == layout.head ? view.transposed : view.asIs
  }

  private func matrix(_ weights: Operand) -> WeightMatrix {
    guard let packed = weightType.packed else { return WeightMatrix(weights) }
    let matrix = WeightMatrix(
      inputs: weights.rows, outputs: weights.columns, packedAs: packed)
    threadPool.pack(weights, into: matrix)
    return matrix
  }

  private func matrix(
    _ tensor: StoredTensor, of parameter: ParameterLayout.Parameter
  ) throws -> WeightMatrix {
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    guard let packed = weightType.packed else {
      return WeightMatrix(
        operand(MatrixView(try floats(tensor), rows: rows, columns: columns), of: parameter))
    }
    guard parameter.range == layout.head else {
      let floats = FloatArena(count: tensor.count)
      try threadPool.copy([(tensor, to: floats.floats)])
      return matrix(floats.matrix(rows: rows, columns: columns).asIs)
    }
    // Some outputs at a time, as the floats of all would be the most memory of the program.
    let step = 4096
    let matrix = WeightMatrix(inputs: columns, outputs: rows, packedAs: packed)
    let floats = FloatArena(count: min(step, rows) * columns)
    for begin in stride(from: 0, to: rows, by: step) {
      let part = begin..<min(begin + step, rows)
      let view = floats.matrix(rows: part.count, columns: columns)
      try threadPool.copy([
        (tensor, part.lowerBound * columns..<part.upperBound * columns, to: view.floats)
      ])
      threadPool.pack(view.transposed, into: matrix, firstOutput: begin)
    }
    return matrix
  }

  /// The numbers of `tensor` in its mapped file; copied where they are of another type, or where the
  /// matrices between which they lie are packed, as the system maps what is around them too.
  private func floats(_ tensor: StoredTensor) throws -> Floats {
    if weightType == .fp32, let mapped = tensor.mappedFloats {
      tensor.preferHugePages()
      let failure = Mutex<(any Error)?>(nil)
      threadPool.split(tensor.count, minimum: 1 << 18, maximumPieces: 256) { range, _ in
        tensor.load(range)
        do {
          try tensor.checkAreFinite(.init(rebasing: mapped[range]), from: range.lowerBound)
        } catch {
          failure.withLock { $0 = $0 ?? error }
        }
      }
      if let error = failure.withLock({ $0 }) { throw error }
      // Nobody writes to the parameters of this model.
      return Floats(mutating: mapped)
    }
    let floats = FloatArena(count: tensor.count)
    try threadPool.copy([(tensor, to: floats.floats)])
    owners.append(floats)
    return floats.floats
  }

  /// The embedding of `tokens`: token plus position.
  ///
  /// - Parameters:
  ///   - out: `[tokens, channels]`, overwritten.
  ///   - tokens: in the vocabulary.
  ///   - position: the position of each row in its sequence.
  func embed(_ out: MatrixView, tokens: [Int32], position: (_ row: Int) -> Int) {
    precondition(tokens.count == out.rows)
    let width = configuration.width
    let places = vector(layout.positionEmbedding)
    for (row, token) in tokens.enumerated() {
      precondition(token >= 0 && token < configuration.vocabularySize)
      let target = out.row(row)
      switch tokenEmbedding {
      case .floats(let matrix): _ = target.update(fromContentsOf: matrix.row(Int(token)))
      case .stored(let tensor):
        let range = Int(token) * width..<(Int(token) + 1) * width
        // Mapped, a row may take 2 MB of memory. What cannot be read now was checked to be there.
        if (try? tensor.copy(range, to: target)) == nil { tensor.convert(range, to: target) }
      }
      let place = places[position(row) * width..<(position(row) + 1) * width]
      for (channel, number) in place.enumerated() { target[channel] += number }
    }
  }

  /// The logits, `[rows, vocabulary]`, of the last hidden states after their normalization.
  func head(_ logits: MatrixView, _ normalized: MatrixView) {
    multiply(logits, normalized, layout.head, bias: nil)
  }

  /// The linear layer with the weights `range`.
  private func multiply(
    _ out: MatrixView, _ input: MatrixView, _ range: Range<Int>, bias: Floats?
  ) {
    guard let matrix = matrices[range.lowerBound] else {
      preconditionFailure("not a linear layer")
    }
    threadPool.multiply(
      out, input, matrix, bias: bias, precision: precision,
      next: following[range.lowerBound].flatMap { matrices[$0] })
  }
}

extension InferenceModel: TransformerBlocks {
  func vector(_ range: Range<Int>) -> Floats {
    guard let floats = vectors[range.lowerBound] else { preconditionFailure("not a vector") }
    return floats
  }

  func linear(
    _ out: ActivationMatrix, _ input: ActivationMatrix, weight: Range<Int>, bias: Range<Int>
  ) {
    guard case .fp32(let out) = out, case .fp32(let input) = input else {
      preconditionFailure("inference is in single precision")
    }
    multiply(out, input, weight, bias: vector(bias))
  }
}

extension WeightType {
  /// What weights are packed as; nil: not at all.
  fileprivate var packed: WeightMatrix.PackedType? {
    switch self {
    case .fp32: nil
    case .bf16: .bf16
    case .int8: .int8
    }
  }
}
