import CKernels

/// The numbers that products are computed with.
public enum Precision: String, CaseIterable, Sendable {
  /// Single precision.
  case fp32
  /// Products of bfloat16, whose sums are in single precision.
  case bf16
}

/// A row-major matrix of bfloat16, the upper halves of floats, in memory that somebody else owns.
public struct BFloat16Matrix {
  /// The first element.
  let base: UnsafeMutablePointer<UInt16>
  public let rows: Int
  public let columns: Int
  /// How many elements lie between the beginnings of two rows.
  public let stride: Int

  init(base: UnsafeMutablePointer<UInt16>, rows: Int, columns: Int, stride: Int) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// The matrix of `rows` × `columns` that fills `elements`.
  public init(_ elements: UnsafeMutableBufferPointer<UInt16>, rows: Int, columns: Int) {
    precondition(elements.count == rows * columns, "the elements are not rows × columns")
    self.init(
      base: TensorKernels.base(elements), rows: rows, columns: columns, stride: columns)
  }

  /// The part of the matrix in `rows` and `columns`.
  public func block(rows: Range<Int>, columns: Range<Int>) -> BFloat16Matrix {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
    precondition(columns.lowerBound >= 0 && columns.upperBound <= self.columns)
    return BFloat16Matrix(
      base: base + rows.lowerBound * stride + columns.lowerBound, rows: rows.count,
      columns: columns.count, stride: stride)
  }

  /// The elements of one row.
  func row(_ row: Int) -> UnsafeMutablePointer<UInt16> {
    precondition(row >= 0 && row < rows)
    return base + row * stride
  }

  /// All elements as floats, row after row.
  public var values: [Float] {
    (0..<rows).flatMap { row in
      (0..<columns).map { Float(bitPattern: UInt32(self.row(row)[$0]) << 16) }
    }
  }
}

/// A matrix of activations, or of what else enters a product, in either precision.
public enum ActivationMatrix {
  case fp32(MatrixView)
  case bf16(BFloat16Matrix)

  public var rows: Int {
    switch self {
    case .fp32(let matrix): matrix.rows
    case .bf16(let matrix): matrix.rows
    }
  }

  public var columns: Int {
    switch self {
    case .fp32(let matrix): matrix.columns
    case .bf16(let matrix): matrix.columns
    }
  }

  /// The part of the matrix in `rows`.
  public func rows(_ rows: Range<Int>) -> ActivationMatrix {
    block(rows: rows, columns: 0..<columns)
  }

  /// The part of the matrix in `rows` and `columns`.
  public func block(rows: Range<Int>, columns: Range<Int>) -> ActivationMatrix {
    switch self {
    case .fp32(let matrix): .fp32(matrix.block(rows: rows, columns: columns))
    case .bf16(let matrix): .bf16(matrix.block(rows: rows, columns: columns))
    }
  }

  /// The matrix as it is, for a product.
  public var asIs: ActivationOperand { ActivationOperand(matrix: self, isTransposed: false) }
  /// The matrix transposed, for a product.
  public var transposed: ActivationOperand {
    ActivationOperand(matrix: self, isTransposed: true)
  }

  /// Copies part of a row to floats.
  func load(_ floats: UnsafeMutablePointer<Float>, row: Int, columns: Range<Int>) {
    precondition(columns.lowerBound >= 0 && columns.upperBound <= self.columns)
    switch self {
    case .fp32(let matrix):
      floats.update(from: base(matrix.row(row)) + columns.lowerBound, count: columns.count)
    case .bf16(let matrix):
      ckernels_floats_of_bfloat16(floats, matrix.row(row) + columns.lowerBound, columns.count)
    }
  }

  /// Copies floats to part of a row.
  func store(_ floats: UnsafePointer<Float>, row: Int, columns: Range<Int>) {
    precondition(columns.lowerBound >= 0 && columns.upperBound <= self.columns)
    switch self {
    case .fp32(let matrix):
      (base(matrix.row(row)) + columns.lowerBound).update(from: floats, count: columns.count)
    case .bf16(let matrix):
      ckernels_bfloat16_of_floats(matrix.row(row) + columns.lowerBound, floats, columns.count)
    }
  }
}

/// A matrix of activations as it enters a product: as it is or transposed.
public struct ActivationOperand {
  let matrix: ActivationMatrix
  let isTransposed: Bool
}

/// Memory for matrices of activations, zero at first.
public enum ActivationArena {
  case fp32(FloatArena)
  case bf16(Arena<UInt16>)

  /// Memory for `count` numbers.
  public init(count: Int, _ precision: Precision) {
    switch precision {
    case .fp32: self = .fp32(FloatArena(count: count))
    case .bf16: self = .bf16(Arena(count: count))
    }
  }

  /// The first numbers as a matrix of `rows` × `columns`.
  public func matrix(rows: Int, columns: Int) -> ActivationMatrix {
    matrix(0..<rows * columns, columns: columns)
  }

  /// The numbers of `range` as a matrix with so many columns.
  public func matrix(_ range: Range<Int>, columns: Int) -> ActivationMatrix {
    let rows = range.count / columns
    return switch self {
    case .fp32(let arena): .fp32(MatrixView(arena[range], rows: rows, columns: columns))
    case .bf16(let arena): .bf16(BFloat16Matrix(arena[range], rows: rows, columns: columns))
    }
  }
}
