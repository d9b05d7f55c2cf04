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

/// Multiplications in a product that BLAS certainly does not take for a small one, even where the
/// last tile of a part is almost empty.
private let largeProduct = 8_000_000

extension Workers {
  /// A product shared between the threads: out = factor · a · b, or out += factor · a · b.
  ///
  /// The result does not depend on the number of threads: BLAS cuts the inner dimension by its
  /// length alone, so each element of a large product is summed in the same order however the
  /// product is shared. It has other kernels for small products and for rows, which are cut by their
  /// shapes alone; so are products cut into columns where only the kernels for AVX-512 keep the bits.
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
    let work = out.rows * out.columns * a.columns
    let isWide = out.columns >= out.rows
    // A part packs all of the other operand anew, so there should be no more than one for a thread;
    // and each should take longer than handing it to a thread, about 10 µs.
    let parts =
      out.rows > 1 && work >= 2 * largeProduct && (!isWide || columnCutsKeepBits)
      ? min(count, work / largeProduct) : max(1, min(8, work / 1_000_000))
    let total = isWide ? out.columns : out.rows
    // Multiples of the tiles of the kernels of BLAS for AVX2, and half the widest for AVX-512: half a
    // tile costs less than threads that wait for each other.
    let tileWidth = 24
    let tiles = (total + tileWidth - 1) / tileWidth
    let pieces = min(parts, tiles)
    run(pieces) { part, _ in
      let range =
        tiles * part / pieces
        * tileWidth..<min(total, tiles * (part + 1) / pieces * tileWidth)
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

extension Workers {
  /// The library that computes matrix products and the processor its kernels are for, such as
  /// `OpenBLAS 0.3.21, SkylakeX`.
  public static var matrixKernels: String {
    prepareBLAS()
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
    let configuration = String(cString: openblas_get_config()).split(separator: " ")
    return configuration.prefix(2).joined(separator: " ") + ", "
      + String(cString: openblas_get_corename())
  }
}

/// Makes OpenBLAS use the kernels that fit the processor, on the calling thread alone: the
/// parallelism is ``Workers``'.
func prepareBLAS() {
  _ = blasIsPrepared
}

/// Whether an element of a product has the same bits wherever in the columns a product is cut.
///
/// The kernels of OpenBLAS for AVX-512 see to it; those for AVX2 round otherwise at the end of a
/// block.
private let columnCutsKeepBits: Bool = {
  prepareBLAS()
  return ["SkylakeX", "Cooperlake", "SapphireRapids"].contains(
    String(cString: openblas_get_corename()))
}()

private let blasIsPrepared: Bool = {
  copenblas_fit_processor()
  openblas_set_num_threads(1)
  return true
}()
