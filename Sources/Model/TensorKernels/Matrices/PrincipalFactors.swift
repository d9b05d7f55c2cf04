import COpenBLAS

/// The factors of the principal part of a matrix, from which PiSSA starts (Meng and others 2024).
///
/// With the singular value decomposition W = U · S · Vᵀ of W `[inputs, outputs]` and the first r of
/// each, A = (Uᵣ · √(Sᵣ / s))ᵀ and B = Vᵣ · √(Sᵣ / s), so that s · (B · A)ᵀ is the matrix of rank r
/// that is nearest to W.
///
/// They follow from the eigenvectors of the Gram matrix of the smaller side of W, of which only r are
/// computed: 10 to 20 times as fast as LAPACK's `sgesdd`. The relative error of a singular value is
/// about ε · S₁² / Sᵢ², so if Sᵣ is small, everything is computed in double precision. The largest
/// entry of each column of U is positive.
public enum PrincipalFactors {
  /// The ratio of S₁ to Sᵣ above which single precision is not enough.
  private static let singlePrecisionRatio: Float = 100

  /// Computes the factors of `weights`, `[inputs, outputs]`, on the calling thread.
  ///
  /// - Parameters:
  ///   - a: `[rank, inputs]`, overwritten; the rank is at most the smaller side of `weights`.
  ///   - b: `[outputs, rank]`, overwritten.
  ///   - weights: Finite numbers.
  ///   - scaling: s, above 0.
  /// - Returns: Whether the eigenvalues were found; LAPACK knows of no matrix whose are not.
  public static func compute(
    a: MatrixView, b: MatrixView, of weights: MatrixView, scaling: Float
  ) -> Bool {
    let rank = a.rows
    precondition(weights.isContiguous && scaling > 0 && b.columns == rank)
    precondition(a.columns == weights.rows && b.rows == weights.columns)
    let small = min(weights.rows, weights.columns)
    precondition(rank > 0 && rank <= small)
    let isWide = weights.rows <= weights.columns
    let vectors = FloatArena(count: rank * small)
    guard var values = eigenvectors(vectors.floats, of: weights, isWide: isWide, rank: rank) else {
      return false
    }
    if !(values[0] <= singlePrecisionRatio * values[rank - 1]) {
      guard let exact = exactEigenvectors(vectors.floats, of: weights, isWide: isWide, rank: rank)
      else { return false }
      values = exact
    }
    // The other side: U · S = W · V, or V · S = Wᵀ · U.
    let large = max(weights.rows, weights.columns)
    let others = FloatArena(count: rank * large)
    let (mine, other) = (
      vectors.matrix(rows: rank, columns: small), others.matrix(rows: rank, columns: large)
    )
    matrixProduct(other, mine.asIs, isWide ? weights.asIs : weights.transposed)
    let (left, right) = isWide ? (mine, other) : (other, mine)
    for index in 0..<rank {
      let value = values[index]
      let (u, v) = (left.row(index), right.row(index))
      // A singular value of 0 has no right vector, and contributes nothing.
      let length = value > 0 ? (value / scaling).squareRoot() : 0
      let otherLength = value > 0 ? length / value : 0
      var largest: Float = 0
      for number in u where abs(number) > abs(largest) { largest = number }
      let sign: Float = largest < 0 ? -1 : 1
      let (uFactor, vFactor) =
        isWide ? (sign * length, sign * otherLength) : (sign * otherLength, sign * length)
      let row = a.row(index)
      for column in u.indices { row[column] = uFactor * u[column] }
      for output in v.indices { b.row(output)[index] = vFactor * v[output] }
    }
    return true
  }

  /// The singular values, descending; fills `vectors`, `[rank, small]`, with the singular vectors of
  /// the smaller side.
  private static func eigenvectors(
    _ vectors: Floats, of weights: MatrixView, isWide: Bool, rank: Int
  ) -> [Float]? {
    let (rows, columns) = (Int32(weights.rows), Int32(weights.columns))
    let size = isWide ? rows : columns
    let count = Int(size)
    let gram = FloatArena(count: count * count)
    cblas_ssyrk(
      CblasRowMajor, CblasUpper, isWide ? CblasNoTrans : CblasTrans, size,
      isWide ? columns : rows, 1, weights.base, columns, 0, gram.floats.base, size)
    let (values, work) = (FloatArena(count: count), FloatArena(count: 26 * count))
    let (found, integers) = (FloatArena(count: rank * count), Arena<Int32>(count: 12 * count))
    guard
      copenblas_ssyevr(
        size, Int32(rank), gram.floats.base, values.floats.base, found.floats.base,
        work.floats.base, integers.elements.base) == 0
    else { return nil }
    for index in 0..<rank {
      let source = rank - 1 - index
      vectors[index * count..<(index + 1) * count].update(
        from: found[source * count..<(source + 1) * count])
    }
    return (0..<rank).map { max(0, values.floats[rank - 1 - $0]).squareRoot() }
  }

  /// The same, computed in double precision.
  private static func exactEigenvectors(
    _ vectors: Floats, of weights: MatrixView, isWide: Bool, rank: Int
  ) -> [Float]? {
    let (rows, columns) = (Int32(weights.rows), Int32(weights.columns))
    let size = isWide ? rows : columns
    let count = Int(size)
    let numbers = Arena<Double>(count: weights.rows * weights.columns)
    numbers.elements.update(fromContentsOf: weights.elements.buffer.lazy.map { Double($0) })
    let gram = Arena<Double>(count: count * count)
    cblas_dsyrk(
      CblasRowMajor, CblasUpper, isWide ? CblasNoTrans : CblasTrans, size,
      isWide ? columns : rows, 1, numbers.elements.base, columns, 0, gram.elements.base, size)
    let (values, work) = (Arena<Double>(count: count), Arena<Double>(count: 26 * count))
    let (found, integers) = (Arena<Double>(count: rank * count), Arena<Int32>(count: 12 * count))
    guard
      copenblas_dsyevr(
        size, Int32(rank), gram.elements.base, values.elements.base, found.elements.base,
        work.elements.base, integers.elements.base) == 0
    else { return nil }
    for index in 0..<rank {
      let source = rank - 1 - index
      vectors[index * count..<(index + 1) * count].update(
        fromContentsOf: found[source * count..<(source + 1) * count].buffer.lazy.map { Float($0) })
    }
    return (0..<rank).map { Float(max(0, values.elements[rank - 1 - $0]).squareRoot()) }
  }
}
