import CKernels

/// The random mask of one dropout in the model: which elements are set to zero.
///
/// The mask of an element depends only on the seed, the pass, the place, and the element's row and
/// column (counter-based generator Philox 4x32-10). The backward pass can therefore draw it again
/// instead of keeping it, and it does not depend on the number of threads.
public struct Dropout: Sendable {
  private let kernel: CKernelsDropout

  /// The number of elements that the kernel handles at a time.
  static let stretch = Int(CKERNELS_DROPOUT_STRETCH)

  /// The dropout at `place` of the model in the forward and backward pass `pass`.
  ///
  /// `nil` if the probability, 0 ≤ p < 1, is 0: then there is nothing to do.
  public init?(probability: Float, seed: UInt64, pass: UInt32, place: UInt32) {
    precondition(probability >= 0 && probability < 1)
    guard probability > 0 else { return nil }
    // Elements take 16 random bits; the scale is based on the fraction that is actually dropped.
    let threshold = UInt32((probability * 0x1p16).rounded())
    kernel = CKernelsDropout(
      stream: CKernelsStream(seed: seed, place: (pass, place)), threshold: threshold,
      scale: 0x1p16 / (0x1p16 - Float(threshold)))
  }

  /// Drops elements of the first `count` floats of `input`; `out` may be `input`.
  ///
  /// Each row of a matrix has its own index; `columns` is the length of the longest row. The elements
  /// are those from `firstColumn` on, a multiple of ``stretch``.
  func apply(
    _ out: UnsafeMutablePointer<Float>, from input: UnsafePointer<Float>, count: Int, row: Int,
    columns: Int, firstColumn: Int = 0
  ) {
    // Every row begins with a new stretch, which is the kernel's unit of work, of groups of eight.
    let stretch = Self.stretch
    let groups = columns.dividedRoundingUp(by: stretch) * (stretch / 8)
    assert(firstColumn % stretch == 0)
    withUnsafePointer(to: kernel) {
      ckernels_dropout(out, input, $0, UInt64(row * groups + firstColumn / 8), count)
    }
  }
}

extension ThreadPool {
  /// Drops elements of `matrix`, in place.
  public func drop(_ matrix: MatrixView, _ dropout: Dropout?) {
    if dropout != nil { drop(.fp32(matrix), from: matrix, dropout) }
  }

  /// out = dropped-out input.
  public func drop(_ out: ActivationMatrix, from input: MatrixView, _ dropout: Dropout?) {
    precondition(out.rows == input.rows && out.columns == input.columns)
    let columns = input.columns
    computeRows(out) { floats, row in
      let source = input.row(row).base
      if let dropout {
        dropout.apply(floats, from: source, count: columns, row: row, columns: columns)
      } else {
        floats.update(from: source, count: columns)
      }
    }
  }

  /// out = residual + dropped-out branch output; `branchOutput` is overwritten.
  public func addResidual(
    _ out: MatrixView, _ residual: MatrixView, branchOutput: MatrixView, _ dropout: Dropout?
  ) {
    precondition(out.rows == branchOutput.rows && out.columns == branchOutput.columns)
    precondition(out.rows == residual.rows && out.columns == residual.columns)
    let columns = out.columns
    splitRows(out.rows, of: columns) { rows in
      for row in rows {
        let branch = branchOutput.row(row).base
        dropout?.apply(branch, from: branch, count: columns, row: row, columns: columns)
        let (y, x) = (out.row(row).base, residual.row(row).base)
        if y == x { ckernels_add(y, branch, columns) } else { ckernels_sum(y, x, branch, columns) }
      }
    }
  }
}
