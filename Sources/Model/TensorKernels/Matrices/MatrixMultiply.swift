import CKernels

/// What is done to a tile of a product as soon as a thread has computed it, while it is in the cache.
typealias TileBody = @Sendable (_ rows: Range<Int>, _ columns: Range<Int>, _ thread: Int) -> Void

/// One of the products that are summed: a · b.
struct ProductTerm: Sendable {
  let a, b: ActivationOperand
}

extension ThreadPool {
  /// Whether the processor multiplies bfloat16, at twice the rate of floats or more.
  public static var multipliesBFloat16: Bool { ckernels_multiplies_pairs() != 0 }

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

  /// A product divided among the threads, in the precision of its operands: out = a · b, plus a
  /// bias, or out += a · b.
  ///
  /// The result does not depend on the number of threads: only the shape determines how the product
  /// is divided.
  ///
  /// - Parameters:
  ///   - out: `[m, n]`, in single precision or in that of the operands, which it must not overlap.
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
    guard case (.fp32(let matrix), .fp32(let a), .fp32(let b)) = (out, term.a, term.b) else {
      preconditionFailure("the operands differ in precision")
    }
    if let bias { fillRows(matrix, with: bias) }
    multiplyByOpenBLAS(matrix, a, b, accumulating: accumulating || bias != nil) {
      [self] rows, columns, thread in
      if let other {
        multiply(
          matrix.block(rows: rows, columns: columns), other.a.rows(rows), other.b.columns(columns),
          accumulating: true, onThread: thread)
      }
      finish?(rows, columns, thread)
    }
  }

  /// A thin product on the calling thread, which is `thread`: out = a · b, or out += a · b.
  func multiply(
    _ out: MatrixView, _ a: ActivationOperand, _ b: ActivationOperand, accumulating: Bool,
    onThread thread: Int
  ) {
    switch (a, b) {
    case (.fp32(let a), .fp32(let b)): matrixProduct(out, a, b, accumulating: accumulating)
    default: multiplyParts(out, a, b, accumulating: accumulating, onThread: thread)
    }
  }
}
