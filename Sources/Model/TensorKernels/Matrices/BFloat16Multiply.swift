import COneDNN

extension ThreadPool {
  /// Whether the processor multiplies bfloat16, at twice the rate of floats.
  public static var multipliesBFloat16: Bool { conednn_has_bfloat16() != 0 }

  /// A product divided among the threads, in the precision of its operands: out = a · b, plus a
  /// bias, or out += a · b.
  ///
  /// The result does not depend on the number of threads: only the shape determines how the product
  /// is divided.
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
    multiply(
      out, ProductTerm(a: a, b: b), adding: nil, bias: bias, accumulating: accumulating,
      finishing: nil)
  }

  /// out = the product of `term`, plus that of `other`, plus a bias, or out += these products;
  /// `finish` is called with each tile.
  func multiply(
    _ out: ActivationMatrix, _ term: ProductTerm, adding other: ProductTerm?, bias: Floats?,
    accumulating: Bool, finishing finish: TileBody?
  ) {
    precondition(bias == nil || !accumulating)
    precondition(bias.map { $0.count == out.columns } ?? true)
    let terms = [term, other].compactMap(\.self)
    for term in terms {
      precondition(out.rows == term.a.rows && out.columns == term.b.columns)
      precondition(term.a.columns == term.b.rows)
    }
    if Self.packs(out, terms) {
      return multiplyPacked(
        out, terms, bias: bias, accumulating: accumulating, finishing: finish)
    }
    let finish: TileBody? =
      if let other {
        { [self] rows, columns, thread in
          multiply(
            out.block(rows: rows, columns: columns), other.a.rows(rows), other.b.columns(columns),
            accumulating: true, onThread: thread)
          finish?(rows, columns, thread)
        }
      } else { finish }
    switch (out, term.a, term.b) {
    case (.fp32(let out), .fp32(let a), .fp32(let b)):
      if let bias { fillRows(out, with: bias) }
      multiplyByLibrary(out, a, b, accumulating: accumulating || bias != nil, finishing: finish)
    case (_, .bf16(let a), .bf16(let b)):
      forEachTile(rows: out.rows, columns: out.columns) { rows, columns, thread in
        bfloat16Products[thread].multiply(
          out.block(rows: rows, columns: columns), a.rows(rows), b.columns(columns),
          bias: bias.map { $0[columns] }, accumulating: accumulating)
        finish?(rows, columns, thread)
      }
    default: preconditionFailure("the operands differ in precision")
    }
  }

  /// A product on the calling thread, which is `thread`: out = a · b, or out += a · b.
  func multiply(
    _ out: ActivationMatrix, _ a: ActivationOperand, _ b: ActivationOperand, accumulating: Bool,
    onThread thread: Int
  ) {
    switch (out, a, b) {
    case (.fp32(let out), .fp32(let a), .fp32(let b)):
      matrixProduct(out, a, b, accumulating: accumulating)
    case (_, .bf16(let a), .bf16(let b)):
      precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
      bfloat16Products[thread].multiply(out, a, b, bias: nil, accumulating: accumulating)
    default: preconditionFailure("the operands differ in precision")
    }
  }
}

/// The bfloat16 products that oneDNN has prepared for the shapes that one thread has encountered:
/// preparing takes longer than a small product.
final class BFloat16ProductCache {
  private struct Shape: Hashable {
    let rows, columns, inner: Int
    let a, b: Layout
    let outStride: Int
    let outIsBFloat16, hasBias, accumulates: Bool
  }

  private struct Layout: Hashable {
    let rowStride, columnStride: Int

    init(_ operand: Operand<UInt16>) {
      let stride = operand.matrix.stride
      (rowStride, columnStride) = operand.isTransposed ? (1, stride) : (stride, 1)
    }
  }

  // Several threads may use oneDNN's engines; this one is never replaced.
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

  /// out = a · b, plus a bias, or out += a · b, on the calling thread.
  func multiply(
    _ out: ActivationMatrix, _ a: Operand<UInt16>, _ b: Operand<UInt16>, bias: Floats?,
    accumulating: Bool
  ) {
    let (target, stride, isBFloat16) =
      switch out {
      case .fp32(let matrix): (UnsafeMutableRawPointer(matrix.base), matrix.stride, false)
      case .bf16(let matrix): (UnsafeMutableRawPointer(matrix.base), matrix.stride, true)
      }
    var product = prepared(
      Shape(
        rows: out.rows, columns: out.columns, inner: a.columns, a: Layout(a), b: Layout(b),
        outStride: stride, outIsBFloat16: isBFloat16, hasBias: bias != nil,
        accumulates: accumulating))
    if scratch.count < product.scratch_size {
      scratch.deallocate()
      scratch = .allocate(byteCount: product.scratch_size, alignment: 64)
    }
    checkOneDNN(
      conednn_product_run(
        &product, a.matrix.base, b.matrix.base, bias?.base, target, scratch.baseAddress))
  }

  private func prepared(_ shape: Shape) -> ConednnProduct {
    if let product = products[shape] { return product }
    var description = ConednnProductShape(
      rows: Int64(shape.rows), columns: Int64(shape.columns), inner: Int64(shape.inner),
      a_row_stride: Int64(shape.a.rowStride), a_column_stride: Int64(shape.a.columnStride),
      b_row_stride: Int64(shape.b.rowStride), b_column_stride: Int64(shape.b.columnStride),
      out_stride: Int64(shape.outStride), out_is_bfloat16: shape.outIsBFloat16 ? 1 : 0,
      has_bias: shape.hasBias ? 1 : 0, accumulates: shape.accumulates ? 1 : 0)
    var product = ConednnProduct()
    checkOneDNN(conednn_product_make(&product, Self.engine, &description))
    products[shape] = product
    return product
  }
}
