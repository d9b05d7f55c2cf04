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

  /// The weights of a linear layer after `update`; in single precision where they are, unless
  /// they change or have another type there.
  func weights(
    _ linear: ParameterLayout.Linear, after update: LowRankUpdate? = nil
  ) throws -> FrozenWeights {
    let parameter = linear.weight
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    precondition(update == nil || !linear.isTransposed)
    let source = source
    @Sendable func read(_ rows: Range<Int>, _ floats: MatrixView) throws {
      try source.read(
        parameter, rows.lowerBound * columns..<rows.upperBound * columns, to: floats.elements)
      update?.apply(to: floats, from: rows.lowerBound)
    }
    func operand(_ matrix: ActivationMatrix) -> FrozenWeights {
      .rows(linear.isTransposed ? matrix.transposed : matrix.asIs)
    }
    switch type {
    case .fp32:
      if update == nil, let floats = try floatsInPlace(parameter) {
        return operand(.fp32(MatrixView(floats, rows: rows, columns: columns)))
      }
      let arena = FloatArena(count: rows * columns)
      floatArenas.append(arena)
      let matrix = arena.matrix(rows: rows, columns: columns)
      try forEachBlock(of: rows) { part, _ in try read(part, matrix.rows(part)) }
      return operand(.fp32(matrix))
    case .bf16:
      let arena = Arena<UInt16>(count: rows * columns)
      bfloat16Arenas.append(arena)
      let matrix = ActivationMatrix.bf16(arena.matrix(rows: rows, columns: columns))
      let memory = FloatArena(count: threadPool.count * Self.block * columns)
      try forEachBlock(of: rows) { part, thread in
        let floats = memory.matrix(
          at: thread * Self.block * columns, rows: part.count, columns: columns)
        try read(part, floats)
        matrix.rows(part).copyRows(of: floats)
      }
      return operand(matrix)
    case .int8, .int4:
      let matrix =
        linear.isTransposed
        ? WeightMatrix(inputs: columns, outputs: rows, packedAs: type)
        : WeightMatrix(inputs: rows, outputs: columns, packedAs: type)
      try threadPool.pack(into: matrix, isTransposed: linear.isTransposed, read: read)
      return .packed(matrix)
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

  private func forEachBlock(
    of rows: Int, _ body: @Sendable (_ rows: Range<Int>, _ thread: Int) throws -> Void
  ) throws {
    try threadPool.runThrowing((rows + Self.block - 1) / Self.block) { piece, thread in
      try body(piece * Self.block..<min((piece + 1) * Self.block, rows), thread)
    }
  }

  private func floatsInPlace(_ parameter: ParameterLayout.Parameter) throws -> Floats? {
    switch source {
    case .stored(let tensors): try threadPool.mappedFloats(of: tensors[parameter.index])
    case .floats(let arena): arena[parameter.range]
    }
  }
}
