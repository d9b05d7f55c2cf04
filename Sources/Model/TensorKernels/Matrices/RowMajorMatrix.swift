/// A row-major matrix in memory that it does not own.
///
/// Unchecked `Sendable` for the reason given at ``VectorView``.
public struct RowMajorMatrix<Element: BitwiseCopyable>: @unchecked Sendable {
  /// The first element.
  let base: UnsafeMutablePointer<Element>
  public let rows: Int
  public let columns: Int
  /// The number of elements from the start of one row to the start of the next.
  public let stride: Int

  init(base: UnsafeMutablePointer<Element>, rows: Int, columns: Int, stride: Int) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// The matrix of `rows` × `columns` that fills `elements`.
  public init(_ elements: VectorView<Element>, rows: Int, columns: Int) {
    precondition(elements.count == rows * columns, "the elements are not rows × columns")
    self.init(base: elements.base, rows: rows, columns: columns, stride: columns)
  }

  /// Whether there are no gaps between the rows.
  public var isContiguous: Bool { stride == columns }

  /// All elements of a matrix without gaps between its rows.
  public var elements: VectorView<Element> {
    precondition(isContiguous)
    return VectorView(base: base, count: rows * columns)
  }

  /// The elements of one row.
  public func row(_ row: Int) -> VectorView<Element> {
    precondition(row >= 0 && row < rows)
    return VectorView(base: base + row * stride, count: columns)
  }

  /// The part of the matrix in `rows` and `columns`.
  public func block(rows: Range<Int>, columns: Range<Int>) -> RowMajorMatrix {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
    precondition(columns.lowerBound >= 0 && columns.upperBound <= self.columns)
    return RowMajorMatrix(
      base: base + rows.lowerBound * stride + columns.lowerBound, rows: rows.count,
      columns: columns.count, stride: stride)
  }

  /// The part of the matrix in `rows`.
  public func rows(_ rows: Range<Int>) -> RowMajorMatrix {
    block(rows: rows, columns: 0..<columns)
  }

  /// The matrix unchanged, for a product.
  public var asIs: Operand<Element> { Operand(matrix: self, isTransposed: false) }
  /// The matrix transposed, for a product.
  public var transposed: Operand<Element> { Operand(matrix: self, isTransposed: true) }
}

/// A matrix of floats.
public typealias MatrixView = RowMajorMatrix<Float>
/// A matrix of bfloat16, which are the upper halves of floats.
public typealias BFloat16Matrix = RowMajorMatrix<UInt16>

/// A matrix as it enters a product: as it is or transposed.
public struct Operand<Element: BitwiseCopyable>: Sendable {
  let matrix: RowMajorMatrix<Element>
  let isTransposed: Bool

  /// Rows of the matrix that enters the product.
  public var rows: Int { isTransposed ? matrix.columns : matrix.rows }
  /// Columns of the matrix that enters the product.
  public var columns: Int { isTransposed ? matrix.rows : matrix.columns }

  func rows(_ range: Range<Int>) -> Operand { block(rows: range, columns: 0..<columns) }

  func columns(_ range: Range<Int>) -> Operand { block(rows: 0..<rows, columns: range) }

  private func block(rows: Range<Int>, columns: Range<Int>) -> Operand {
    Operand(
      matrix: isTransposed
        ? matrix.block(rows: columns, columns: rows) : matrix.block(rows: rows, columns: columns),
      isTransposed: isTransposed)
  }

  /// The transpose of the matrix that enters the product.
  var transposed: Operand { Operand(matrix: matrix, isTransposed: !isTransposed) }
}

extension Int {
  /// The quotient, rounded up; for numbers that are not negative.
  package func dividedRoundingUp(by divisor: Int) -> Int { (self + divisor - 1) / divisor }

  /// The smallest multiple of `unit` that is not less.
  package func roundedUp(toMultipleOf unit: Int) -> Int { dividedRoundingUp(by: unit) * unit }
}
