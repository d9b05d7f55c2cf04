import COpenBLAS

/// A matrix as it enters a product: as it is or transposed.
public struct Operand {
  let view: MatrixView
  let isTransposed: Bool

  /// Rows of the matrix that enters the product.
  var rows: Int { isTransposed ? view.columns : view.rows }
  /// Columns of the matrix that enters the product.
  var columns: Int { isTransposed ? view.rows : view.columns }

  fileprivate var cblas: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }

  fileprivate func rows(_ range: Range<Int>) -> Operand {
    Operand(
      view: isTransposed
        ? view.block(rows: 0..<view.rows, columns: range) : view.rows(range),
      isTransposed: isTransposed)
  }

  fileprivate func columns(_ range: Range<Int>) -> Operand {
    Operand(
      view: isTransposed
        ? view.rows(range) : view.block(rows: 0..<view.rows, columns: range),
      isTransposed: isTransposed)
  }
}

extension MatrixView {
  /// The matrix as it is, for a product.
  public var asIs: Operand { Operand(view: self, isTransposed: false) }
  /// The matrix transposed, for a product.
  public var transposed: Operand { Operand(view: self, isTransposed: true) }
}

/// A product on the calling thread: out = factor · a · b, or out += factor · a · b.
///
/// - Parameters:
///   - out: `[m, n]`.
///   - a: `[m, k]`.
///   - b: `[k, n]`.
///   - factor: What the product is multiplied by.
///   - accumulating: Whether the product is added to `out`.
func matrixProduct(
  _ out: MatrixView, _ a: Operand, _ b: Operand, factor: Float = 1, accumulating: Bool = false
) {
  precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
  guard out.rows > 0, out.columns > 0 else { return }
  if out.rows == 1, !a.isTransposed {
    // A row times a matrix is bound by reading the matrix, which sgemv does without copying it.
    cblas_sgemv(
      CblasRowMajor, b.isTransposed ? CblasNoTrans : CblasTrans, Int32(b.view.rows),
      Int32(b.view.columns), factor, b.view.base, Int32(b.view.stride), a.view.base, 1,
      accumulating ? 1 : 0, out.base, 1)
    return
  }
  cblas_sgemm(
    CblasRowMajor, a.cblas, b.cblas, Int32(out.rows), Int32(out.columns), Int32(a.columns), factor,
    a.view.base, Int32(a.view.stride), b.view.base, Int32(b.view.stride), accumulating ? 1 : 0,
    out.base, Int32(out.stride))
}

extension Workers {
  /// A product shared between the threads: out = factor · a · b, or out += factor · a · b.
  ///
  /// The parts depend on the shapes alone, so that the result does not depend on the number of
  /// threads.
  ///
  /// - Parameters:
  ///   - out: `[m, n]`.
  ///   - a: `[m, k]`.
  ///   - b: `[k, n]`.
  ///   - factor: What the product is multiplied by.
  ///   - accumulating: Whether the product is added to `out`.
  public func multiply(
    _ out: MatrixView, _ a: Operand, _ b: Operand, factor: Float = 1, accumulating: Bool = false
  ) {
    // A part should take longer than handing it to a thread, about 10 µs.
    let parts = max(1, min(8, 2 * out.rows * out.columns * a.columns / 2_000_000))
    let isWide = out.columns >= out.rows
    let total = isWide ? out.columns : out.rows
    // The kernels of BLAS work on tiles of up to 48 columns.
    let step = ((total + parts - 1) / parts + 47) / 48 * 48
    run((total + step - 1) / step) { part, _ in
      let range = part * step..<min(total, (part + 1) * step)
      if isWide {
        matrixProduct(
          out.block(rows: 0..<out.rows, columns: range), a, b.columns(range), factor: factor,
          accumulating: accumulating)
      } else {
        matrixProduct(
          out.rows(range), a.rows(range), b, factor: factor, accumulating: accumulating)
      }
    }
  }
}

/// Makes OpenBLAS compute on the calling thread alone; the parallelism is ``Workers``'.
func limitBLASToCallingThread() {
  openblas_set_num_threads(1)
}
