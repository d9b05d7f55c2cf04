import CheckpointFormat
import TensorKernels

/// The parameters of a model that training leaves as they are, in the form that its products read.
///
/// It owns their memory.
final class FrozenParameters {
  /// Where the parameters come from.
  enum Source: Sendable {
    /// Tensors, in the order of the model's layout.
    case stored([StoredTensor])
    /// An array of the model's layout.
    case floats(FloatArena)

    func read(
      _ parameter: ParameterLayout.Parameter, _ elements: Range<Int>, to floats: Floats
    ) throws {
      switch self {
      case .stored(let tensors): try tensors[parameter.index].copyFinite(elements, to: floats)
      case .floats(let arena): floats.update(from: arena[parameter.range][elements])
      }
    }
  }

  private let source: Source
  private let type: WeightType
  private let threadPool: ThreadPool
  private var floatArenas: [FloatArena] = []
  private var bfloat16Arenas: [Arena<UInt16>] = []

  /// Matrices are kept as `type`.
  init(_ source: Source, as type: WeightType, _ threadPool: ThreadPool) {
    (self.source, self.type, self.threadPool) = (source, type, threadPool)
  }

  /// A parameter in single precision.
  func floats(_ parameter: ParameterLayout.Parameter) throws -> Floats {
    let floats = FloatArena(count: parameter.range.count)
    try source.read(parameter, 0..<floats.count, to: floats.floats)
    floatArenas.append(floats)
    return floats.floats
  }

  /// The embeddings of tokens, which are not kept: a row of those that are stored is read when it is
  /// needed.
  func embedding(_ parameter: ParameterLayout.Parameter) -> Embeddings.Rows {
    switch source {
    case .stored(let tensors): .stored(tensors[parameter.index])
    case .floats(let arena): .floats(parameter.matrix(in: arena))
    }
  }

  /// The weights of a linear layer; in single precision where they are, unless they have another type
  /// there.
  func weights(_ linear: ParameterLayout.Linear) throws -> FrozenWeights {
    let parameter = linear.weight
    if type == .fp32, let floats = try floatsInPlace(parameter) {
      let matrix = MatrixView(floats, rows: parameter.shape[0], columns: parameter.shape[1])
      return Self.rows(.fp32(matrix), linear)
    }
    let weights = memory(for: linear)
    try read(linear, into: weights)
    return weights
  }

  private static func rows(
    _ matrix: ActivationMatrix, _ linear: ParameterLayout.Linear
  ) -> FrozenWeights {
    .rows(linear.isTransposed ? matrix.transposed : matrix.asIs)
  }

  /// Memory for the weights of a linear layer.
  func memory(for linear: ParameterLayout.Linear) -> FrozenWeights {
    let (rows, columns) = (linear.weight.shape[0], linear.weight.shape[1])
    switch type {
    case .fp32:
      let arena = FloatArena(count: rows * columns)
      floatArenas.append(arena)
      return Self.rows(.fp32(arena.matrix(rows: rows, columns: columns)), linear)
    case .bf16:
      let arena = Arena<UInt16>(count: rows * columns)
      bfloat16Arenas.append(arena)
      return Self.rows(.bf16(arena.matrix(rows: rows, columns: columns)), linear)
    case .int8, .int4:
      return .packed(
        linear.isTransposed
          ? WeightMatrix(inputs: columns, outputs: rows, packedAs: type)
          : WeightMatrix(inputs: rows, outputs: columns, packedAs: type))
    }
  }

  /// Reads the weights of a linear layer, changed by `update`, into memory that was made for them.
  func read(
    _ linear: ParameterLayout.Linear, after update: LowRankUpdate? = nil,
    into weights: FrozenWeights
  ) throws {
    precondition(update == nil || !linear.isTransposed)
    let (source, parameter) = (source, linear.weight)
    let columns = parameter.shape[1]
    @Sendable func read(_ rows: Range<Int>, _ floats: MatrixView) throws {
      try source.read(
        parameter, rows.lowerBound * columns..<rows.upperBound * columns, to: floats.elements)
      update?.apply(to: floats, from: rows.lowerBound)
    }
    switch weights {
    case .packed(let matrix):
      try threadPool.pack(into: matrix, isTransposed: linear.isTransposed, read: read)
    case .rows(let operand):
      let matrix = operand.matrix
      let memory = FloatArena(count: type == .fp32 ? 0 : threadPool.count * Self.block * columns)
      try threadPool.forEachBlock(of: matrix.rows, length: Self.block) { rows, thread in
        guard case .fp32(let floats) = matrix else {
          let floats = memory.matrix(
            at: thread * Self.block * columns, rows: rows.count, columns: columns)
          try read(rows, floats)
          return matrix.rows(rows).copyRows(of: floats)
        }
        try read(rows, floats.rows(rows))
      }
    }
  }

  /// Checks that the numbers of a parameter are finite.
  func check(_ parameter: ParameterLayout.Parameter) throws {
    guard case .stored(let tensors) = source else { return }
    if type == .fp32, try threadPool.mappedFloats(of: tensors[parameter.index]) != nil { return }
    let floats = FloatArena(count: parameter.range.count)
    try source.read(parameter, 0..<floats.count, to: floats.floats)
  }

  /// Rows that a thread reads at a time.
  private static let block = 64

  private func floatsInPlace(_ parameter: ParameterLayout.Parameter) throws -> Floats? {
    switch source {
    case .stored(let tensors): try threadPool.mappedFloats(of: tensors[parameter.index])
    case .floats(let arena): arena[parameter.range]
    }
  }
}
