import COneDNN
import COpenBLAS
import FileSupport
import Threading

/// A matrix as it enters a product: as it is or transposed.
public struct Operand {
  let view: MatrixView
  let isTransposed: Bool

  /// Rows of the matrix that enters the product.
  public var rows: Int { isTransposed ? view.columns : view.rows }
  /// Columns of the matrix that enters the product.
  public var columns: Int { isTransposed ? view.rows : view.columns }

  fileprivate var cblas: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }

  fileprivate var blasLetter: CChar { CChar(UInt8(ascii: isTransposed ? "T" : "N")) }

  func rows(_ range: Range<Int>) -> Operand {
    Operand(
      view: isTransposed
        ? view.block(rows: 0..<view.rows, columns: range) : view.rows(range),
      isTransposed: isTransposed)
  }

  func columns(_ range: Range<Int>) -> Operand {
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

/// The same by oneDNN, whose kernels for AVX-512 are the faster ones for large products.
private func largeMatrixProduct(
  _ out: MatrixView, _ a: Operand, _ b: Operand, factor: Float, accumulating: Bool
) {
  precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
  conednn_stay_on_thread()
  let status = dnnl_sgemm(
    a.blasLetter, b.blasLetter, Int64(out.rows), Int64(out.columns), Int64(a.columns), factor,
    a.view.base, Int64(a.view.stride), b.view.base, Int64(b.view.stride), accumulating ? 1 : 0,
    out.base, Int64(out.stride))
  checkOneDNN(status)
}

/// Ends the process if a call of oneDNN failed.
func checkOneDNN(_ status: dnnl_status_t) {
  if status == dnnl_out_of_memory {
    ProcessMemory.end(MemoryError(for: "a matrix product (oneDNN)"))
  }
  precondition(status == dnnl_success, "oneDNN: status \(status.rawValue)")
}

/// Multiplications from which on a product is oneDNN's.
private let largeProduct = 16_000_000

extension ThreadPool {
  /// A product shared between the threads: out = factor · a · b, or out += factor · a · b.
  ///
  /// The result does not depend on the number of threads: the product is cut by its shape alone.
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
    if usesOneDNN && work >= largeProduct {
      multiplyTiles(out, a, b, factor: factor, accumulating: accumulating)
      return
    }
    let isWide = out.columns >= out.rows
    // A part should take longer than handing it to a thread, about 10 µs.
    let parts = max(1, min(8, work / 1_000_000))
    // The kernels of OpenBLAS work on tiles of up to 48 columns.
    cut(isWide ? out.columns : out.rows, parts: parts, unit: 48) { range in
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

  /// The same in tiles of about 512 × 512, which threads that are slowed down take fewer of.
  ///
  /// Larger tiles are up to 5 % faster each, as less is packed twice, but leave threads without
  /// work. Rows and columns are cut at multiples of a vector, 16.
  private func multiplyTiles(
    _ out: MatrixView, _ a: Operand, _ b: Operand, factor: Float, accumulating: Bool
  ) {
    forEachTile(rows: out.rows, columns: out.columns) { rows, columns, _ in
      largeMatrixProduct(
        out.block(rows: rows, columns: columns), a.rows(rows), b.columns(columns), factor: factor,
        accumulating: accumulating)
    }
  }

  /// Calls `body` for each tile of a result of `rows` × `columns`, in parallel.
  func forEachTile(
    rows: Int, columns: Int,
    _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    let tileSize = 512
    let rowParts = (rows + tileSize - 1) / tileSize
    let columnParts = (columns + tileSize - 1) / tileSize
    run(rowParts * columnParts) { tile, worker in
      body(
        Self.part(tile % rowParts, of: rowParts, total: rows, unit: 16),
        Self.part(tile / rowParts, of: columnParts, total: columns, unit: 16), worker)
    }
  }

  /// Calls `body` for each of at most `parts` ranges of `0..<total`, in parallel.
  private func cut(_ total: Int, parts: Int, unit: Int, _ body: (Range<Int>) -> Void) {
    let pieces = min(parts, (total + unit - 1) / unit)
    run(pieces) { piece, _ in body(Self.part(piece, of: pieces, total: total, unit: unit)) }
  }

  /// The range `piece` of `pieces` about equal ones of `0..<total`, cut at multiples of `unit`.
  private static func part(_ piece: Int, of pieces: Int, total: Int, unit: Int) -> Range<Int> {
    let units = (total + unit - 1) / unit
    return units * piece / pieces * unit..<min(total, units * (piece + 1) / pieces * unit)
  }
}

extension ThreadPool {
  /// The libraries that compute matrix products and the processor their kernels are for, such as
  /// `oneDNN 2.6.3, AVX-512, and OpenBLAS 0.3.21, SkylakeX`.
  public static var matrixKernels: String {
    prepareBLAS()
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
    let configuration = String(cString: openblas_get_config()).split(separator: " ")
    let openBLAS =
      configuration.prefix(2).joined(separator: " ") + ", "
      + String(cString: openblas_get_corename())
    guard usesOneDNN, let version = dnnl_version()?.pointee else { return openBLAS }
    return "oneDNN \(version.major).\(version.minor).\(version.patch), AVX-512, and \(openBLAS)"
  }
}

/// Makes OpenBLAS use the kernels that fit the processor, on the calling thread alone: the
/// parallelism is ``ThreadPool``'.
func prepareBLAS() {
  _ = blasIsPrepared
}

/// Whether large products are oneDNN's.
private let usesOneDNN = conednn_has_avx512() != 0

private let blasIsPrepared: Bool = {
  copenblas_fit_processor()
  openblas_set_num_threads(1)
  return true
}()

/// Makes OpenBLAS allocate what the products of so many `threads` take, and returns how many it has
/// memory for: OpenBLAS 0.3.21 tries for ever if a product finds none.
func reserveBLASMemory(threads: Int) -> Int {
  let count = copenblas_reserve(Int32(threads))
  guard count > 0 else {
    ProcessMemory.end(
      MemoryError(byteCount: copenblas_buffer_size, for: "matrix products (OpenBLAS)"))
  }
  if count < threads {
    ThreadShortage.report(
      "no memory for more than \(count) thread\(count == 1 ? "" : "s") of the \(threads) wanted: "
        + "the result is the same; --threads \(count) asks for no more")
  }
  return Int(count)
}
