import COneDNN

extension ThreadPool {
  /// Whether the processor multiplies bfloat16, at twice the rate of floats.
  public static var multipliesBFloat16: Bool { conednn_has_bfloat16() != 0 }

  /// A product shared between the threads, in the precision of its operands: out = a · b, plus a
  /// bias, or out += a · b.
  ///
  /// The result does not depend on the number of threads: the product is cut by its shape alone.
  ///
  /// - Parameters:
  ///   - out: `[m, n]`, in single precision or in that of the operands.
  ///   - a: `[m, k]`.
  ///   - b: `[k, n]`, in the precision of `a`.
  ///   - bias: `[n]`, added to each row.
  ///   - accumulating: Whether the product is added to `out`; then there is no bias.
  public func multiply(
    _ out: ActivationMatrix, _ a: ActivationOperand, _ b: ActivationOperand,
    bias: Floats? = nil, accumulating: Bool = false
  ) {
    precondition(bias == nil || !accumulating)
    switch (out, a.matrix, b.matrix) {
    case (.fp32(let out), .fp32(let x), .fp32(let y)):
      if let bias { fillRows(out, with: bias) }
      multiply(
        out, a.isTransposed ? x.transposed : x.asIs, b.isTransposed ? y.transposed : y.asIs,
        accumulating: accumulating || bias != nil)
    case (_, .bf16(let x), .bf16(let y)):
      multiply(
        out, BFloat16Operand(matrix: x, isTransposed: a.isTransposed),
        BFloat16Operand(matrix: y, isTransposed: b.isTransposed), bias: bias,
        accumulating: accumulating)
    default: preconditionFailure("a product of two precisions")
    }
  }

  private func multiply(
    _ out: ActivationMatrix, _ a: BFloat16Operand, _ b: BFloat16Operand, bias: Floats?,
    accumulating: Bool
  ) {
    precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
    precondition(bias.map { $0.count == out.columns } ?? true)
    forEachTile(rows: out.rows, columns: out.columns) { rows, columns, worker in
      let product = BFloat16Product(
        out: out.block(rows: rows, columns: columns), a: a.rows(rows), b: b.columns(columns),
        bias: bias.map { Floats(rebasing: $0[columns]) }, accumulates: accumulating)
      bfloat16Products[worker].run(product)
    }
  }
}

private struct BFloat16Operand {
  let matrix: BFloat16Matrix
  let isTransposed: Bool

  var rows: Int { isTransposed ? matrix.columns : matrix.rows }
  var columns: Int { isTransposed ? matrix.rows : matrix.columns }
  /// Elements between neighbours of a column, and of a row.
  var strides: (Int64, Int64) {
    isTransposed ? (1, Int64(matrix.stride)) : (Int64(matrix.stride), 1)
  }

  func rows(_ range: Range<Int>) -> BFloat16Operand {
    block(rows: range, columns: 0..<columns)
  }

  func columns(_ range: Range<Int>) -> BFloat16Operand {
    block(rows: 0..<rows, columns: range)
  }

  private func block(rows: Range<Int>, columns: Range<Int>) -> BFloat16Operand {
    BFloat16Operand(
      matrix: isTransposed
        ? matrix.block(rows: columns, columns: rows) : matrix.block(rows: rows, columns: columns),
      isTransposed: isTransposed)
  }
}

/// A product on one thread.
private struct BFloat16Product {
  let out: ActivationMatrix
  let a: BFloat16Operand
  let b: BFloat16Operand
  let bias: Floats?
  let accumulates: Bool

  var shape: BFloat16ProductCache.Shape {
    let outStride =
      switch out {
      case .fp32(let matrix): matrix.stride
      case .bf16(let matrix): matrix.stride
      }
    let isHalf = if case .bf16 = out { true } else { false }
    return BFloat16ProductCache.Shape(
      rows: out.rows, columns: out.columns, inner: a.columns, aStride: a.matrix.stride,
      aIsTransposed: a.isTransposed, bStride: b.matrix.stride, bIsTransposed: b.isTransposed,
      outStride: outStride, outIsBFloat16: isHalf, hasBias: bias != nil, accumulates: accumulates)
  }

  /// The first number of the result.
  var target: UnsafeMutableRawPointer {
    switch out {
    case .fp32(let matrix): UnsafeMutableRawPointer(matrix.base)
    case .bf16(let matrix): UnsafeMutableRawPointer(matrix.base)
    }
  }
}

/// What oneDNN has made for the shapes of a thread's products: to make it takes longer than a small
/// product.
final class BFloat16ProductCache {
  struct Shape: Hashable {
    let rows, columns, inner, aStride: Int
    let aIsTransposed: Bool
    let bStride: Int
    let bIsTransposed: Bool
    let outStride: Int
    let outIsBFloat16, hasBias, accumulates: Bool
  }

  private nonisolated(unsafe) static let engine: dnnl_engine_t? = {
    var engine: dnnl_engine_t?
    return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success ? engine : nil
  }()

  private var products: [Shape: ConednnProduct] = [:]
  private var scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)

  deinit {
    for product in products.values {
      var product = product
      conednn_product_free(&product)
    }
    scratch.deallocate()
  }

  fileprivate func run(_ product: BFloat16Product) {
    var made = made(product)
    if scratch.count < made.scratch_size {
      scratch.deallocate()
      scratch = .allocate(byteCount: made.scratch_size, alignment: 64)
    }
    let status = conednn_product_run(
      &made, product.a.matrix.base, product.b.matrix.base, product.bias?.baseAddress,
      product.target, scratch.baseAddress)
    checkOneDNN(status)
  }

  private func made(_ product: BFloat16Product) -> ConednnProduct {
    let shape = product.shape
    if let made = products[shape] { return made }
    let (a, b) = (product.a.strides, product.b.strides)
    var description = ConednnProductShape(
      rows: Int64(shape.rows), columns: Int64(shape.columns), inner: Int64(shape.inner),
      a_row_stride: a.0, a_column_stride: a.1, b_row_stride: b.0, b_column_stride: b.1,
      out_stride: Int64(shape.outStride), out_is_bfloat16: shape.outIsBFloat16 ? 1 : 0,
      has_bias: shape.hasBias ? 1 : 0, accumulates: shape.accumulates ? 1 : 0)
    var made = ConednnProduct()
    let status = conednn_product_make(&made, Self.engine, &description)
    checkOneDNN(status)
    products[shape] = made
    return made
  }
}
