/// A change of a matrix W `[inputs, outputs]` to W + scaling · (B · A)ᵀ, whose columns may then be
/// scaled (LoRA, Hu and others 2021; DoRA, Liu and others 2024).
///
/// It is applied to some rows of W at a time, on the calling thread.
public struct LowRankUpdate: Sendable {
  /// `[rank, inputs]`.
  let a: MatrixView
  /// `[outputs, rank]`.
  let b: MatrixView
  let scaling: Float
  /// What each column of the sum is multiplied by, `[outputs]`.
  private var columnFactors: FloatArena?

  public var inputs: Int { a.columns }
  public var outputs: Int { b.rows }

  /// The update by the factors `a` and `b`, whose memory it does not own.
  public init(a: MatrixView, b: MatrixView, scaling: Float) {
    precondition(a.rows == b.columns)
    (self.a, self.b, self.scaling) = (a, b, scaling)
  }

  /// Changes `rows`, which are those of W from `first` on.
  public func apply(to rows: MatrixView, from first: Int) {
    add(to: rows, from: first)
    guard let factors = columnFactors?.floats else { return }
    for index in 0..<rows.rows {
      let row = rows.row(index)
      for column in row.indices { row[column] *= factors[column] }
    }
  }

  /// Changes `rows`, which are those of the transpose of W from `first` on.
  public func applyTransposed(to rows: MatrixView, from first: Int) {
    precondition(rows.columns == inputs)
    matrixProduct(
      rows, b.rows(first..<first + rows.rows).asIs, a.asIs, factor: scaling, accumulating: true)
    guard let factors = columnFactors?.floats else { return }
    for index in 0..<rows.rows {
      let (row, factor) = (rows.row(index), factors[first + index])
      for column in row.indices { row[column] *= factor }
    }
  }

  private func add(to rows: MatrixView, from first: Int) {
    precondition(rows.columns == outputs)
    matrixProduct(
      rows, a.block(rows: 0..<a.rows, columns: first..<first + rows.rows).transposed, b.transposed,
      factor: scaling, accumulating: true)
  }

  /// Returns the same update, after which column j is scaled to the length `magnitudes[j]`.
  ///
  /// - Parameters:
  ///   - magnitudes: `[outputs]`.
  ///   - threadPool: The threads that compute the lengths of the columns.
  ///   - read: Copies some rows of W; called by several threads at once.
  /// - Returns: The update, for this W alone.
  /// - Throws: what `read` throws.
  public func scalingColumns(
    to magnitudes: Floats, _ threadPool: ThreadPool,
    read: @Sendable (_ rows: Range<Int>, _ floats: MatrixView) throws -> Void
  ) throws -> LowRankUpdate {
    precondition(magnitudes.count == outputs)
    // The sums do not depend on the threads: each piece has its own.
    let step = 64
    let pieces = inputs.dividedRoundingUp(by: step)
    let sums = Arena<Double>(count: pieces * outputs)
    let floats = FloatArena(count: threadPool.count * step * outputs)
    try threadPool.runThrowing(pieces) { piece, thread in
      let part = piece * step..<min((piece + 1) * step, inputs)
      let rows = floats.matrix(at: thread * step * outputs, rows: part.count, columns: outputs)
      try read(part, rows)
      add(to: rows, from: part.lowerBound)
      let sum = sums[piece * outputs..<(piece + 1) * outputs]
      for index in 0..<rows.rows {
        let row = rows.row(index)
        for column in row.indices { sum[column] += Double(row[column] * row[column]) }
      }
    }
    let factors = FloatArena(count: outputs)
    for column in 0..<outputs {
      let sum = (0..<pieces).reduce(0) { $0 + sums.elements[$1 * outputs + column] }
      // A column of zeros stays one.
      factors.floats[column] = sum > 0 ? magnitudes[column] / Float(sum.squareRoot()) : 0
    }
    var scaled = self
    scaled.columnFactors = factors
    return scaled
  }
}
