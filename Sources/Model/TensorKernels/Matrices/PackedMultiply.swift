import CKernels

// Our own products for processors with AVX-512. With them a training step took 3 % less processor time
// on a Zen 4, and a fifth less time with AMX, than with oneDNN, which packs operands for each tile.
extension ThreadPool {
  /// The height of a panel of the left operand.
  fileprivate static func tileRows(_ kind: CKernelsWordKind) -> Int {
    kind == CKERNELS_BFLOAT16_PAIRS ? ckernels_pair_tile_rows() : Int(CKERNELS_TILE_ROWS)
  }
  private static var tileColumns: Int { Int(CKERNELS_TILE_COLUMNS) }
  /// The most words of the left operand that are packed at a time (16 MB).
  private static let leftWords = 4 << 20
  /// The number of multiplications from which OpenBLAS is slower.
  private static let largeProduct = 16_000_000
  /// The most words of a column in a sum whose parts are added in memory: a panel of them stays in
  /// the second-level cache.
  private static let mostWords = 1024
  /// The most words of a column that there is memory for: enough for a model of 13 billion parameters.
  private static let wordLimit = 3 << 12
  /// The words that a thread has memory for.
  private static var wordsOfThread: Int { wordLimit * tileColumns }

  /// The memory of ``packed``.
  static func packingMemory(threads: Int) -> Arena<UInt32> {
    Arena(count: leftWords + threads * wordsOfThread)
  }

  /// A thread's part of it.
  private func packingMemory(of thread: Int) -> UnsafeMutablePointer<UInt32> {
    packed.elements.base + Self.leftWords + thread * Self.wordsOfThread
  }

  // MARK: - Large products

  /// Whether ``multiplyPacked(_:_:bias:accumulating:finishing:)`` is the fastest way.
  static func packs(_ out: ActivationMatrix, _ terms: [ProductTerm]) -> Bool {
    guard case .fp32 = terms[0].a else { return true }
    return ckernels_packs_floats() != 0
      && out.rows * out.columns * terms[0].a.columns >= Self.largeProduct
  }

  /// out = the sum of `terms`, plus a bias, or out += the sum of `terms`; `finish` is called with
  /// each tile.
  ///
  /// Each output is summed in the order of the terms, in parts if the sum is long: if `out` is in
  /// bfloat16, which rounds the sum of each part, only if there is no memory for the whole.
  func multiplyPacked(
    _ out: ActivationMatrix, _ terms: [ProductTerm], bias: Floats?, accumulating: Bool,
    finishing finish: TileBody?
  ) {
    var steps = [terms]
    let (a, b) = (terms[0].a, terms[0].b)
    let others = terms.dropFirst().reduce(0) { $0 + $1.a.words }
    let most = if case .fp32 = out { Self.mostWords } else { Self.wordLimit - others }
    if a.words > most {
      let parts = Self.parts(of: a.columns, most: most * a.columns / a.words / 2 * 2, unit: 2)
      steps = parts.map { [ProductTerm(a: a.columns($0), b: b.rows($0))] }
      steps[steps.count - 1] += terms.dropFirst()
    }
    for (index, terms) in steps.enumerated() {
      let words = terms.reduce(0) { $0 + $1.a.words }
      let kind = terms[0].a.kind
      let unit = Self.tileRows(kind)
      let most = Self.leftWords / Self.leftPanel(words, kind) * unit
      for rows in Self.parts(of: out.rows, most: most, unit: unit) {
        let isInPlace = terms.count == 1 && terms[0].a.isRowsOfWords
        if !isInPlace { pack(terms.map { $0.a.rows(rows) }, words: words) }
        multiplyPacked(
          out, terms, rows, isInPlace: isInPlace, words: words, bias: index == 0 ? bias : nil,
          accumulating: accumulating || index > 0,
          finishing: index == steps.count - 1 ? finish : nil)
      }
    }
  }

  /// Nearly equal ranges of `0..<total` of at most `most` each, cut at multiples of `unit`.
  private static func parts(of total: Int, most: Int, unit: Int) -> [Range<Int>] {
    let parts = max(1, total.dividedRoundingUp(by: most))
    return (0..<parts).map { part($0, of: parts, total: total, unit: unit) }
  }

  /// Packs the left operands of a sum of products, panel after panel.
  private func pack(_ operands: [ActivationOperand], words: Int) {
    let (rows, kind) = (operands[0].rows, operands[0].kind)
    let (tileRows, panel) = (Self.tileRows(kind), Self.leftPanel(words, kind))
    let memory = packed.elements
    forEachBlock(of: rows, length: 96 / tileRows * tileRows) { rows, _ in
      var target = memory.base + rows.lowerBound / tileRows * panel
      for operand in operands {
        var lines = CKernelsLines(operand.rows(rows), operand.kind)
        ckernels_pack_left(target, panel, &lines)
        target += tileRows * operand.words
      }
    }
  }

  /// Multiplies `rows` of the left operands, which are packed unless there is one that the kernel
  /// reads in place, by the right ones.
  private func multiplyPacked(
    _ out: ActivationMatrix, _ terms: [ProductTerm], _ rows: Range<Int>, isInPlace: Bool,
    words: Int, bias: Floats?, accumulating: Bool, finishing finish: TileBody?
  ) {
    // Some panels at a time, so that the left operand is read less often.
    let panels = out.columns.dividedRoundingUp(by: Self.tileColumns)
    let fitting = Self.mostWords * 2 / max(1, words)
    let step = max(1, min(panels / 8, fitting, 4)) * Self.tileColumns
    let columnParts = out.columns.dividedRoundingUp(by: step)
    // Many threads divide the rows as well, although each part packs the right operand again.
    let wanted = (2 * count).dividedRoundingUp(by: columnParts)
    let kind = terms[0].a.kind
    let (tileRows, leftPanel) = (Self.tileRows(kind), Self.leftPanel(words, kind))
    let rowParts = Self.parts(
      of: rows.count, most: max(192, rows.count.dividedRoundingUp(by: wanted)), unit: tileRows)
    let left = packed.elements
    run(columnParts * rowParts.count) { piece, thread in
      let (column, row) = piece.quotientAndRemainder(dividingBy: rowParts.count)
      let columns = column * step..<min((column + 1) * step, out.columns)
      let part = rowParts[row]
      let rows = rows.lowerBound + part.lowerBound..<rows.lowerBound + part.upperBound
      let right = packingMemory(of: thread)
      var target = right
      for term in terms {
        var lines = CKernelsLines(term.b.columns(columns).transposed, term.b.kind)
        ckernels_pack_right(target, Self.rightPanel(words), &lines)
        target += Self.tileColumns * term.a.words
      }
      var product = CKernelsProduct(
        out.block(rows: rows, columns: columns), words: words, kind, accumulating: accumulating)
      product.bias = bias.map { UnsafePointer($0[columns].base) }
      if isInPlace {
        product.multiply(terms[0].a.rows(rows), right)
      } else {
        let first = left.base + part.lowerBound / tileRows * leftPanel
        ckernels_multiply_packed(&product, first, right)
      }
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
    ckernels_packs_floats() != 0 && inner <= mostInner(rows: rows, columns: columns)
  }

  /// The longest sums for which a thread has memory.
  private static func mostInner(rows: Int, columns: Int) -> Int {
    // Lines of words, some more than numbers in the end, in panels of which the last may be incomplete.
    let lines = rows + tileRows(CKERNELS_BFLOAT16_PAIRS) + columns + tileColumns
    return wordsOfThread / lines - 3 - ckernels_pair_unit()
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
      if case (.bf16, .bf16) = (a, b) { Self.multipliesBFloat16 } else { false }
    let words = hasPairs ? a.words : a.columns
    let kind = hasPairs ? CKERNELS_BFLOAT16_PAIRS : CKERNELS_FLOATS
    let tileRows = Self.tileRows(kind)
    let (leftPanel, rightPanel) = (Self.leftPanel(words, kind), Self.rightPanel(words))
    let left = packingMemory(of: thread)
    let right = left + a.rows.dividedRoundingUp(by: tileRows) * leftPanel
    var lines = CKernelsLines(a, hasPairs ? CKERNELS_BFLOAT16_PAIRS : a.kindOfFloats)
    ckernels_pack_left(left, leftPanel, &lines)
    lines = CKernelsLines(b.transposed, hasPairs ? CKERNELS_BFLOAT16_PAIRS : b.kindOfFloats)
    ckernels_pack_right(right, rightPanel, &lines)
    var product = CKernelsProduct(out, words: words, kind, accumulating: accumulating)
    product.factor = factor
    ckernels_multiply_packed(&product, left, right)
  }

  /// The same in parts for which a thread has memory: out = a · b, or out += a · b.
  func multiplyParts(
    _ out: MatrixView, _ a: ActivationOperand, _ b: ActivationOperand, accumulating: Bool,
    onThread thread: Int
  ) {
    for rows in Self.parts(of: out.rows, most: 1024, unit: Self.tileRows(CKERNELS_BFLOAT16_PAIRS)) {
      for columns in Self.parts(of: out.columns, most: 1024, unit: Self.tileColumns) {
        let most = Self.mostInner(rows: rows.count, columns: columns.count)
        for inner in Self.parts(of: a.columns, most: most, unit: 2) {
          multiplySmall(
            .fp32(out.block(rows: rows, columns: columns)), a.rows(rows).columns(inner),
            b.rows(inner).columns(columns), accumulating: accumulating || inner.lowerBound > 0,
            onThread: thread)
        }
      }
    }
  }
}

extension ActivationOperand {
  /// Whether the words of each row are adjacent, so that the kernel need not have them packed.
  fileprivate var isRowsOfWords: Bool {
    guard !isTransposed else { return false }
    guard case .bf16(let operand) = self else { return true }
    let matrix = operand.matrix
    return ThreadPool.tileRows(kind) == Int(CKERNELS_TILE_ROWS) && columns.isMultiple(of: 2)
      && matrix.stride.isMultiple(of: 2) && Int(bitPattern: matrix.base).isMultiple(of: 4)
  }

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
    (left_row_stride, left_word_stride) = (1, Int(CKERNELS_TILE_ROWS))
  }

  /// Multiplies a left operand that is not packed, but ``ActivationOperand/isRowsOfWords``.
  fileprivate mutating func multiply(_ left: ActivationOperand, _ right: UnsafePointer<UInt32>) {
    let (first, stride) = left.matrix.place
    (left_row_stride, left_word_stride) = (has_pairs == 0 ? stride : stride / 2, 1)
    left_panel_words = Int(CKERNELS_TILE_ROWS) * left_row_stride
    ckernels_multiply_packed(&self, first.assumingMemoryBound(to: UInt32.self), right)
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
