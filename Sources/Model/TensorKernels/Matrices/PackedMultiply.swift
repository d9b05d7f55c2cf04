import CKernels

/// One of the products that are summed: a · b.
struct ProductTerm: Sendable {
  let a, b: ActivationOperand
}

// Our own products for processors with AVX-512. On a Zen 4 those of a training step of rugpt3medium
// in bfloat16 take 3 % less processor time than with oneDNN, which packs numbers again for each tile
// of 512 × 512, and OpenBLAS for attention.
extension ThreadPool {
  /// The height of a panel of the left operand.
  fileprivate static func tileRows(_ kind: CKernelsWordKind) -> Int {
    kind == CKERNELS_BFLOAT16_PAIRS ? ckernels_pair_tile_rows() : Int(CKERNELS_TILE_ROWS)
  }
  private static var tileColumns: Int { Int(CKERNELS_TILE_COLUMNS) }
  /// The most words of the left operand that are packed at a time (16 MB).
  private static let leftWords = 4 << 20
  /// The most words of a column in a sum whose parts are added in memory: a panel of them stays in
  /// the second-level cache.
  private static let mostWords = 1024
  /// The most words of a column that there is memory for.
  private static let wordLimit = 1 << 13

  /// The memory of ``packed``.
  static func packingMemory(threads: Int) -> Arena<UInt32> {
    Arena(count: leftWords + threads * wordLimit * tileColumns)
  }

  /// A thread's part of it.
  private func packingMemory(of thread: Int) -> UnsafeMutablePointer<UInt32> {
    packed.elements.base + Self.leftWords + thread * Self.wordLimit * Self.tileColumns
  }

  // MARK: - Large products

  /// Whether ``multiplyPacked(_:_:bias:accumulating:finishing:)`` is the fastest way.
  static func packs(_ out: ActivationMatrix, _ terms: [ProductTerm]) -> Bool {
    guard case .bf16 = terms[0].a else {
      return ckernels_packs_floats() != 0
        && out.rows * out.columns * terms[0].a.columns >= largeProduct
    }
    guard multipliesPairs else { return false }
    if case .fp32 = out { return true }
    return terms.reduce(0) { $0 + $1.a.words } < wordLimit
  }

  /// out = the sum of `terms`, plus a bias, or out += the sum of `terms`; `finish` is called with
  /// each tile.
  ///
  /// Each output is summed in the order of the terms, in parts if `out` is in single precision and
  /// the sum is long.
  func multiplyPacked(
    _ out: ActivationMatrix, _ terms: [ProductTerm], bias: Floats?, accumulating: Bool,
    finishing finish: TileBody?
  ) {
    var steps = [terms]
    if case .fp32 = out, terms[0].a.words > Self.mostWords {
      let (a, b) = (terms[0].a, terms[0].b)
      let parts = Self.parts(
        of: a.columns, most: Self.mostWords * a.columns / a.words / 2 * 2, unit: 2)
      steps = parts.map { [ProductTerm(a: a.columns($0), b: b.rows($0))] }
      steps[steps.count - 1] += terms.dropFirst()
    }
    for (index, terms) in steps.enumerated() {
      let words = terms.reduce(0) { $0 + $1.a.words }
      let kind = terms[0].a.kind
      let unit = Self.tileRows(kind)
      let most = Self.leftWords / Self.leftPanel(words, kind) * unit
      for rows in Self.parts(of: out.rows, most: most, unit: unit) {
        pack(terms.map { $0.a.rows(rows) }, words: words)
        multiplyPacked(
          out, terms, rows, words: words, bias: index == 0 ? bias : nil,
          accumulating: accumulating || index > 0,
          finishing: index == steps.count - 1 ? finish : nil)
      }
    }
  }

  /// Nearly equal ranges of `0..<total` of at most `most` each, cut at multiples of `unit`.
  private static func parts(of total: Int, most: Int, unit: Int) -> [Range<Int>] {
    let parts = max(1, (total + most - 1) / most)
    return (0..<parts).map { part($0, of: parts, total: total, unit: unit) }
  }

  /// Packs the left operands of a sum of products, panel after panel.
  private func pack(_ operands: [ActivationOperand], words: Int) {
    let (rows, kind) = (operands[0].rows, operands[0].kind)
    let (tileRows, panel) = (Self.tileRows(kind), Self.leftPanel(words, kind))
    let step = 96 / tileRows * tileRows
    let memory = packed.elements
    run((rows + step - 1) / step) { piece, _ in
      let rows = piece * step..<min((piece + 1) * step, rows)
      var target = memory.base + rows.lowerBound / tileRows * panel
      for operand in operands {
        var lines = CKernelsLines(operand.rows(rows), operand.kind)
        ckernels_pack_left(target, panel, &lines)
        target += tileRows * operand.words
      }
    }
  }

  /// Multiplies `rows` of the left operands, which are packed, by the right ones.
  private func multiplyPacked(
    _ out: ActivationMatrix, _ terms: [ProductTerm], _ rows: Range<Int>, words: Int,
    bias: Floats?, accumulating: Bool, finishing finish: TileBody?
  ) {
    // Some panels at a time, so that the left operand is read less often.
    let panels = (out.columns + Self.tileColumns - 1) / Self.tileColumns
    let fitting = Self.mostWords * 2 / max(1, words)
    let step = max(1, min(panels / 8, fitting, 4)) * Self.tileColumns
    let left = packed.elements
    run((out.columns + step - 1) / step) { piece, thread in
      let columns = piece * step..<min((piece + 1) * step, out.columns)
      let right = packingMemory(of: thread)
      var target = right
      for term in terms {
        var lines = CKernelsLines(term.b.columns(columns).transposed, term.b.kind)
        ckernels_pack_right(target, Self.rightPanel(words), &lines)
        target += Self.tileColumns * term.a.words
      }
      var product = CKernelsProduct(
        out.block(rows: rows, columns: columns), words: words, terms[0].a.kind,
        accumulating: accumulating)
      product.bias = bias.map { UnsafePointer($0[columns].base) }
      ckernels_multiply_packed(&product, left.base, right)
      finish?(rows, columns, thread)
    }
  }

  /// Words from the beginning of a panel to that of the next: some more than those of a panel, so
  /// that their beginnings do not map to the same set of a cache.
  fileprivate static func leftPanel(_ words: Int, _ kind: CKernelsWordKind) -> Int {
    tileRows(kind) * words + 16
  }
  fileprivate static func rightPanel(_ words: Int) -> Int { tileColumns * words + 16 }

  // MARK: - Small products

  /// Whether ``multiplySmall(_:_:_:factor:accumulating:onThread:)`` has memory for operands of this
  /// size.
  static func packsSmall(rows: Int, columns: Int, inner: Int) -> Bool {
    // Lines of words, some more than numbers in the end, in panels of which the last may be incomplete.
    let words = inner + 3 + ckernels_pair_unit()
    let lines = rows + tileRows(CKERNELS_BFLOAT16_PAIRS) + columns + tileColumns
    return ckernels_packs_floats() != 0 && words * lines <= wordLimit * tileColumns
  }

  /// out = factor · a · b, or out += factor · a · b, on the calling thread, which is `thread`.
  ///
  /// The operands may differ in precision; then all numbers become floats.
  func multiplySmall(
    _ out: ActivationMatrix, _ a: ActivationOperand, _ b: ActivationOperand, factor: Float = 1,
    accumulating: Bool = false, onThread thread: Int
  ) {
    precondition(Self.packsSmall(rows: out.rows, columns: out.columns, inner: a.columns))
    precondition(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows)
    let hasPairs =
      if case (.bf16, .bf16) = (a, b) { Self.multipliesPairs } else { false }
    let words = hasPairs ? a.words : a.columns
    let kind = hasPairs ? CKERNELS_BFLOAT16_PAIRS : CKERNELS_FLOATS
    let tileRows = Self.tileRows(kind)
    let (leftPanel, rightPanel) = (Self.leftPanel(words, kind), Self.rightPanel(words))
    let left = packingMemory(of: thread)
    let right = left + (a.rows + tileRows - 1) / tileRows * leftPanel
    var lines = CKernelsLines(a, hasPairs ? CKERNELS_BFLOAT16_PAIRS : a.kindOfFloats)
    ckernels_pack_left(left, leftPanel, &lines)
    lines = CKernelsLines(b.transposed, hasPairs ? CKERNELS_BFLOAT16_PAIRS : b.kindOfFloats)
    ckernels_pack_right(right, rightPanel, &lines)
    var product = CKernelsProduct(out, words: words, kind, accumulating: accumulating)
    product.factor = factor
    ckernels_multiply_packed(&product, left, right)
  }
}

extension ActivationOperand {
  /// How the numbers become words if both operands have the same precision.
  fileprivate var kind: CKernelsWordKind {
    if case .bf16 = self { CKERNELS_BFLOAT16_PAIRS } else { CKERNELS_FLOATS }
  }

  /// How the numbers become floats.
  fileprivate var kindOfFloats: CKernelsWordKind {
    if case .bf16 = self { CKERNELS_BFLOAT16 } else { CKERNELS_FLOATS }
  }

  /// The number of words of a row of that ``kind``.
  fileprivate var words: Int {
    guard case .bf16 = self else { return columns }
    return ((columns + 1) / 2).roundedUp(toMultipleOf: ckernels_pair_unit())
  }
}

extension CKernelsLines {
  /// The rows of an operand.
  fileprivate init(_ operand: ActivationOperand, _ kind: CKernelsWordKind) {
    self.init()
    let (first, stride) = operand.matrix.place
    (numbers, self.stride, self.kind) = (UnsafeRawPointer(first), stride, kind)
    lines_are_rows = operand.isTransposed ? 0 : 1
    (count, inner) = (operand.rows, operand.columns)
  }
}

extension CKernelsProduct {
  fileprivate init(
    _ out: ActivationMatrix, words: Int, _ kind: CKernelsWordKind, accumulating: Bool
  ) {
    self.init()
    (self.out, stride) = out.place
    if case .bf16 = out { out_is_bfloat16 = 1 }
    accumulates = accumulating ? 1 : 0
    factor = 1
    has_pairs = kind == CKERNELS_BFLOAT16_PAIRS ? 1 : 0
    (rows, columns, self.words) = (out.rows, out.columns, words)
    (left_panel_words, right_panel_words) = (
      ThreadPool.leftPanel(words, kind), ThreadPool.rightPanel(words)
    )
  }
}

extension ActivationMatrix {
  /// The first number, and how many there are from row to row.
  fileprivate var place: (UnsafeMutableRawPointer, Int) {
    switch self {
    case .fp32(let matrix): (UnsafeMutableRawPointer(matrix.base), matrix.stride)
    case .bf16(let matrix): (UnsafeMutableRawPointer(matrix.base), matrix.stride)
    }
  }
}
