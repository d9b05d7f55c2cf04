import CKernels

/// The numbers that matrix products are computed with.
public enum Precision: String, CaseIterable, Sendable {
  /// Single precision.
  case fp32
  /// Products of bfloat16, summed in single precision.
  case bf16
}

/// A matrix of activations, or of anything else that enters a product, in either precision.
public enum ActivationMatrix: Sendable {
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

  /// The matrix unchanged, for a product.
  public var asIs: ActivationOperand {
    switch self {
    case .fp32(let matrix): .fp32(matrix.asIs)
    case .bf16(let matrix): .bf16(matrix.asIs)
    }
  }

  /// The matrix transposed, for a product.
  public var transposed: ActivationOperand { asIs.transposed }

  // MARK: - Rows in single precision

  /// The floats of a row: the row itself, or a copy in `memory` if it is in bfloat16.
  func floats(
    ofRow row: Int, copiedTo memory: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    switch self {
    case .fp32(let matrix): return matrix.row(row).base
    case .bf16(let matrix):
      ckernels_floats_of_bfloat16(memory, matrix.row(row).base, columns)
      return memory
    }
  }

  /// Where to compute a row: the row itself, or `memory` if it is in bfloat16, from which
  /// ``store(_:row:)`` then writes it to the matrix.
  func target(
    row: Int, memory: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    if case .fp32(let matrix) = self { matrix.row(row).base } else { memory }
  }

  /// Rounds `floats` to a row of bfloat16; does nothing if the row is in floats, which are already
  /// there.
  func store(_ floats: UnsafePointer<Float>, row: Int) {
    guard case .bf16(let matrix) = self else { return }
    ckernels_bfloat16_of_floats(matrix.row(row).base, floats, columns)
  }

  /// Copies all rows of `floats`, rounded if they are in bfloat16, on the calling thread.
  package func copyRows(of floats: MatrixView) {
    precondition(rows == floats.rows && columns == floats.columns)
    for row in 0..<rows { copy(floats.row(row).base, toRow: row) }
  }

  /// Copies `floats` to a row, rounded if it is in bfloat16.
  func copy(_ floats: UnsafePointer<Float>, toRow row: Int) {
    if case .fp32(let matrix) = self { matrix.row(row).base.update(from: floats, count: columns) }
    store(floats, row: row)
  }
}

/// A matrix of activations as it enters a product: as it is or transposed.
public enum ActivationOperand: Sendable {
  case fp32(Operand<Float>)
  case bf16(Operand<UInt16>)

  /// The transpose of the matrix that enters the product.
  var transposed: ActivationOperand {
    switch self {
    case .fp32(let operand): .fp32(operand.transposed)
    case .bf16(let operand): .bf16(operand.transposed)
    }
  }

  /// Rows of the matrix that enters the product.
  var rows: Int { isTransposed ? matrix.columns : matrix.rows }
  /// Columns of the matrix that enters the product.
  var columns: Int { isTransposed ? matrix.rows : matrix.columns }

  /// The matrix that enters the product, in memory.
  public var matrix: ActivationMatrix {
    switch self {
    case .fp32(let operand): .fp32(operand.matrix)
    case .bf16(let operand): .bf16(operand.matrix)
    }
  }

  func rows(_ range: Range<Int>) -> ActivationOperand {
    switch self {
    case .fp32(let operand): .fp32(operand.rows(range))
    case .bf16(let operand): .bf16(operand.rows(range))
    }
  }

  func columns(_ range: Range<Int>) -> ActivationOperand {
    transposed.rows(range).transposed
  }

  var isTransposed: Bool {
    switch self {
    case .fp32(let operand): operand.isTransposed
    case .bf16(let operand): operand.isTransposed
    }
  }
}

/// Memory for matrices of activations, initially zero.
public enum ActivationArena: Sendable {
  case fp32(FloatArena)
  case bf16(Arena<UInt16>)

  /// Memory for `count` numbers.
  public init(count: Int, _ precision: Precision) {
    switch precision {
    case .fp32: self = .fp32(FloatArena(count: count))
    case .bf16: self = .bf16(Arena(count: count))
    }
  }

  public var count: Int {
    switch self {
    case .fp32(let arena): arena.count
    case .bf16(let arena): arena.count
    }
  }

  /// The numbers from `offset` on as a matrix of `rows` × `columns`.
  public func matrix(at offset: Int = 0, rows: Int, columns: Int) -> ActivationMatrix {
    switch self {
    case .fp32(let arena): .fp32(arena.matrix(at: offset, rows: rows, columns: columns))
    case .bf16(let arena): .bf16(arena.matrix(at: offset, rows: rows, columns: columns))
    }
  }
}
