import CKernels
import COpenBLAS
import FileSupport
import Threading

/// A product on the calling thread: out = factor · a · b, or out += factor · a · b.
///
/// - Parameters:
///   - out: `[m, n]`.
///   - a: `[m, k]`.
///   - b: `[k, n]`.
///   - factor: What the product is multiplied by.
///   - accumulating: Whether the product is added to `out`.
package func matrixProduct(
  _ out: MatrixView, _ a: Operand<Float>, _ b: Operand<Float>, factor: Float = 1,
  accumulating: Bool = false
) {
  precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
  guard out.rows > 0, out.columns > 0 else { return }
  let (x, y) = (a.matrix, b.matrix)
  if out.rows == 1, !a.isTransposed {
    // Reading the matrix takes most of the time, and sgemv does it without copying.
    cblas_sgemv(
      CblasRowMajor, b.isTransposed ? CblasNoTrans : CblasTrans, Int32(y.rows), Int32(y.columns),
      factor, y.base, Int32(y.stride), x.base, 1, accumulating ? 1 : 0, out.base, 1)
    return
  }
  cblas_sgemm(
    CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans,
    b.isTransposed ? CblasTrans : CblasNoTrans, Int32(out.rows), Int32(out.columns),
    Int32(a.columns), factor, x.base, Int32(x.stride), y.base, Int32(y.stride),
    accumulating ? 1 : 0, out.base, Int32(out.stride))
}

extension ThreadPool {
  /// out = a · b, or out += a · b, by OpenBLAS; `finish` is called with each tile.
  func multiplyByOpenBLAS(
    _ out: MatrixView, _ a: Operand<Float>, _ b: Operand<Float>, accumulating: Bool,
    finishing finish: TileBody?
  ) {
    let work = out.rows * out.columns * a.columns
    let isWide = out.columns >= out.rows
    let length = isWide ? out.columns : out.rows
    // The kernels of OpenBLAS work on tiles of up to 48 columns.
    let unit = 48
    // A piece should take longer than handing it to a thread, about 10 µs.
    let pieces = min(max(1, min(8, work / 1_000_000)), length.dividedRoundingUp(by: unit))
    run(pieces) { piece, thread in
      let range = Self.part(piece, of: pieces, total: length, unit: unit)
      if isWide {
        matrixProduct(
          out.block(rows: 0..<out.rows, columns: range), a, b.columns(range),
          accumulating: accumulating)
        finish?(0..<out.rows, range, thread)
      } else {
        matrixProduct(out.rows(range), a.rows(range), b, accumulating: accumulating)
        finish?(range, 0..<out.columns, thread)
      }
    }
  }

  /// Range `piece` of `pieces` nearly equal ones of `0..<total`, cut at multiples of `unit`.
  static func part(_ piece: Int, of pieces: Int, total: Int, unit: Int) -> Range<Int> {
    let units = total.dividedRoundingUp(by: unit)
    return units * piece / pieces * unit..<min(total, units * (piece + 1) / pieces * unit)
  }
}

// MARK: - The library

extension ThreadPool {
  /// The variant of our own kernels that this process runs: `haswell`, `avx512`, `vnni`, `bfloat16`,
  /// `tiles`, or `baseline` where there is only one.
  public static var kernels: String { String(cString: ckernels_variant()) }

  /// What computes matrix products, and the processor that the kernels are for, such as
  /// `own kernels, bfloat16; OpenBLAS 0.3.21, SkylakeX`.
  public static var matrixKernels: String {
    prepareBLAS()
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
    let configuration = String(cString: openblas_get_config()).split(separator: " ")
    let openBLAS =
      configuration.prefix(2).joined(separator: " ") + ", "
      + String(cString: openblas_get_corename())
    return "own kernels, \(kernels); \(openBLAS)"
  }
}

private let blasIsPrepared: Bool = {
  copenblas_fit_processor()
  openblas_set_num_threads(1)
  return true
}()

/// Makes OpenBLAS use the kernels for this processor, and only the calling thread: ``ThreadPool``
/// provides the threads.
func prepareBLAS() {
  _ = blasIsPrepared
}

/// Makes OpenBLAS allocate the buffers for the products of `threads` threads, and returns the
/// number of threads that there is memory for: OpenBLAS 0.3.21 would retry forever if a product
/// could not allocate its buffer.
func reserveBLASMemory(threads: Int) -> Int {
  let count = copenblas_reserve(Int32(threads))
  guard count > 0 else {
    ProcessMemory.end(
      MemoryError(byteCount: copenblas_buffer_size, for: "matrix products (OpenBLAS)"))
  }
  if count < threads {
    ThreadShortage.report(
      "there is memory for only \(count) of the \(threads) threads; the result is the same. Use "
        + "--threads \(count) to request no more")
  }
  return Int(count)
}
