import CKernels
import COneDNN
import COpenBLAS
import FileSupport
import Threading

/// What is done to a tile of a product as soon as a thread has computed it, while it is in the cache.
typealias TileBody = @Sendable (_ rows: Range<Int>, _ columns: Range<Int>, _ thread: Int) -> Void

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

/// out = a · b, or out += a · b, by oneDNN, whose kernels for AVX-512 are faster for large
/// products.
private func largeMatrixProduct(
  _ out: MatrixView, _ a: Operand<Float>, _ b: Operand<Float>, accumulating: Bool
) {
  precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
  conednn_stay_on_thread()
  func letter(_ operand: Operand<Float>) -> CChar {
    CChar(UInt8(ascii: operand.isTransposed ? "T" : "N"))
  }
  let status = dnnl_sgemm(
    letter(a), letter(b), Int64(out.rows), Int64(out.columns), Int64(a.columns), 1,
    a.matrix.base, Int64(a.matrix.stride), b.matrix.base, Int64(b.matrix.stride),
    accumulating ? 1 : 0, out.base, Int64(out.stride))
  checkOneDNN(status)
}

/// Ends the process if a call of oneDNN failed.
func checkOneDNN(_ status: dnnl_status_t) {
  if status == dnnl_out_of_memory {
    ProcessMemory.end(MemoryError(for: "a matrix product (oneDNN)"))
  }
  precondition(status == dnnl_success, "oneDNN: status \(status.rawValue)")
}

/// The number of multiplications above which OpenBLAS does not compute a product.
let largeProduct = 16_000_000

extension ThreadPool {
  /// A product divided among the threads: out = a · b, or out += a · b.
  ///
  /// The result does not depend on the number of threads: only the shape determines how the product
  /// is divided.
  ///
  /// - Parameters:
  ///   - out: `[m, n]`.
  ///   - a: `[m, k]`.
  ///   - b: `[k, n]`.
  ///   - accumulating: Whether the product is added to `out`.
  public func multiply(
    _ out: MatrixView, _ a: Operand<Float>, _ b: Operand<Float>, accumulating: Bool = false
  ) {
    multiply(.fp32(out), .fp32(a), .fp32(b), accumulating: accumulating)
  }

  /// The same by a library; `finish` is called with each tile.
  func multiplyByLibrary(
    _ out: MatrixView, _ a: Operand<Float>, _ b: Operand<Float>, accumulating: Bool,
    finishing finish: TileBody?
  ) {
    let work = out.rows * out.columns * a.columns
    if usesOneDNN && work >= largeProduct {
      return forEachTile(rows: out.rows, columns: out.columns) { rows, columns, thread in
        largeMatrixProduct(
          out.block(rows: rows, columns: columns), a.rows(rows), b.columns(columns),
          accumulating: accumulating)
        finish?(rows, columns, thread)
      }
    }
    let isWide = out.columns >= out.rows
    let length = isWide ? out.columns : out.rows
    // The kernels of OpenBLAS work on tiles of up to 48 columns.
    let unit = 48
    // A piece should take longer than handing it to a thread, about 10 µs.
    let pieces = min(max(1, min(8, work / 1_000_000)), (length + unit - 1) / unit)
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

  /// Calls `body` for each tile of about 512 × 512 of a result of `rows` × `columns`, in parallel.
  ///
  /// Slower threads process fewer tiles. Larger tiles are up to 5 % faster each, because less is
  /// packed twice, but leave threads idle. Rows and columns are divided at multiples of 16, the
  /// length of a vector.
  func forEachTile(
    rows: Int, columns: Int,
    _ body: @Sendable (_ rows: Range<Int>, _ columns: Range<Int>, _ thread: Int) -> Void
  ) {
    let tileSize = 512
    let rowParts = (rows + tileSize - 1) / tileSize
    let columnParts = (columns + tileSize - 1) / tileSize
    run(rowParts * columnParts) { tile, thread in
      body(
        Self.part(tile % rowParts, of: rowParts, total: rows, unit: 16),
        Self.part(tile / rowParts, of: columnParts, total: columns, unit: 16), thread)
    }
  }

  /// Range `piece` of `pieces` nearly equal ones of `0..<total`, cut at multiples of `unit`.
  static func part(_ piece: Int, of pieces: Int, total: Int, unit: Int) -> Range<Int> {
    let units = (total + unit - 1) / unit
    return units * piece / pieces * unit..<min(total, units * (piece + 1) / pieces * unit)
  }
}

// MARK: - The libraries

extension ThreadPool {
  /// The variant of our own kernels that this process runs: `haswell`, `avx512`, `bfloat16`, or `baseline`
  /// where there is only one.
  public static var kernels: String { String(cString: ckernels_variant()) }

  /// What computes matrix products, and the processor that the kernels are for, such as
  /// `own kernels, bfloat16; oneDNN 2.6.3, AVX-512; OpenBLAS 0.3.21, SkylakeX`.
  public static var matrixKernels: String {
    prepareBLAS()
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
    let configuration = String(cString: openblas_get_config()).split(separator: " ")
    let openBLAS =
      configuration.prefix(2).joined(separator: " ") + ", "
      + String(cString: openblas_get_corename())
    let own = "own kernels, \(kernels)"
    guard usesOneDNN, let version = dnnl_version()?.pointee else { return "\(own); \(openBLAS)" }
    let oneDNN = "oneDNN \(version.major).\(version.minor).\(version.patch), AVX-512"
    return "\(own); \(oneDNN); \(openBLAS)"
  }
}

/// Whether oneDNN computes large products.
private let usesOneDNN = conednn_has_avx512() != 0

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
