import CKernels

extension ThreadPool {
  /// out = input · weights + bias, for inference.
  ///
  /// Each number of the result is a sum over blocks of 128 inputs, in ascending order, each of
  /// which is a chain of fused multiply-adds, or, where weights lie as `[outputs, inputs]`, over
  /// blocks of 1024 inputs of 16 chains each: it has the same bits however many rows there are
  /// beside it and however many threads.
  ///
  /// - Parameters:
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`.
  ///   - weights: The weights.
  ///   - bias: `[outputs]`; nil: zero.
  ///   - precision: ``Precision/bf16`` rounds the input to bfloat16 too and takes the processor's
  ///     products of it; the weights must be packed so.
  ///   - next: The weights of the next product, which threads that are done begin to read.
  public func multiply(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, bias: Floats?,
    precision: Precision = .fp32, next: WeightMatrix? = nil
  ) {
    precondition(out.rows == input.rows && input.columns == weights.inputs)
    precondition(out.columns == weights.outputs && bias.map { $0.count == out.columns } ?? true)
    precondition(precision == .fp32 || weights.isPaired, "weights that are no pairs of bfloat16")
    if out.rows == 1, let next { readAhead(next.memory) }
    if out.rows == 1, case .floats(let floats) = weights.storage {
      let multiply = floats.isTransposed ? multiplyRowTransposed : multiplyRow
      return multiply(out.row(0), input.row(0), floats.view, bias)
    }
    if case .floats(let floats) = weights.storage, floats.isTransposed {
      return withChains(input) { multiplyPieces(out, $0, weights, bias) }
    }
    if precision == .bf16 {
      return withPairs(input) { multiplyPieces(out, input, weights, bias, pairs: $0) }
    }
    multiplyPieces(out, input, weights, bias)
  }

  /// The product of several rows, or with packed weights.
  private func multiplyPieces(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, _ bias: Floats?,
    pairs: PairMatrix? = nil
  ) {
    // A piece should take longer than handing it to a thread, but leave some for each.
    let worthwhile = 100_000
    let groups = (weights.panels + PanelMemory.panels - 1) / PanelMemory.panels
    let mostPieces = out.rows == 1 ? weights.panels : groups
    let pieces = max(1, min(mostPieces, 64, weights.byteCount * out.rows / worthwhile))
    let memory = panelMemory
    run(pieces) { piece, worker in
      let layer = LinearPiece(
        out: out, input: input, pairs: pairs, weights: weights, bias: bias,
        memory: memory[worker])
      var panels = weights.panels * piece / pieces..<weights.panels * (piece + 1) / pieces
      while !panels.isEmpty {
        let group = panels.prefix(PanelMemory.panels)
        layer.multiply(group)
        panels = group.upperBound..<panels.upperBound
      }
    }
  }

  /// The product of one row with weights in single precision, `[inputs, outputs]`.
  ///
  /// The threads share the inputs, so that each reads its weights from front to back: more is to be
  /// had of the memory than by reading parts of rows.
  private func multiplyRow(
    _ out: Floats, _ input: Floats, _ weights: MatrixView, _ bias: Floats?
  ) {
    let length = WeightMatrix.inputBlock
    let blocks = (input.count + length - 1) / length
    // With more threads than blocks the outputs are shared too.
    let parts = max(
      min((count + blocks - 1) / blocks, (out.count + 511) / 512),
      (out.count + PanelMemory.mostSums - 1) / PanelMemory.mostSums)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: blocks * out.count) { partials in
      let partials = MatrixView(partials, rows: blocks, columns: out.count)
      let memory = panelMemory
      run(blocks * parts) { piece, worker in
        let (block, part) = piece.quotientAndRemainder(dividingBy: parts)
        let inputs = block * length..<min((block + 1) * length, input.count)
        let outputs = out.count * part / parts..<out.count * (part + 1) / parts
        let floats = weights.block(rows: inputs, columns: outputs)
        let sums = memory[worker].sums(outputs.count, besides: floats.base)
        sums.update(repeating: 0)
        ckernels_linear_row(
          base(sums), base(input) + inputs.lowerBound, floats.base, floats.stride, inputs.count,
          outputs.count)
        _ = Floats(rebasing: partials.row(block)[outputs]).update(fromContentsOf: sums)
      }
      fill(out, with: bias)
      for block in 0..<blocks { ckernels_add(base(out), base(partials.row(block)), out.count) }
    }
  }
}

extension ThreadPool {
  /// Calls `body` with `input` as pairs of bfloat16; the last of an odd number of channels is with
  /// zero.
  private func withPairs(_ input: MatrixView, _ body: (_ pairs: PairMatrix) -> Void) {
    let width = (input.columns + 1) / 2
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: input.rows * width) { memory in
      guard let base = memory.baseAddress else { return }
      let pairs = PairMatrix(base: base, rows: input.rows, columns: width)
      split(input.rows, minimum: 16) { rows, _ in
        for row in rows {
          ckernels_pairs_of_floats(
            pairs.base + row * width, TensorKernels.base(input.row(row)), input.columns)
        }
      }
      body(pairs)
    }
  }

  /// Whether products in bfloat16 of inference are the processor's, at twice the rate of floats.
  public static var multipliesPairs: Bool { ckernels_multiplies_pairs() != 0 }
}

/// Puts the bias, or zero, into `out`.
func fill(_ out: Floats, with bias: Floats?) {
  if let bias {
    _ = out.update(fromContentsOf: bias)
  } else {
    out.update(repeating: 0)
  }
}

/// A matrix of pairs of bfloat16 of neighbouring channels, without gaps.
struct PairMatrix {
  let base: UnsafeMutablePointer<UInt32>
  let rows: Int
  let columns: Int
}

/// What a thread computes of a linear layer: some panels of the outputs.
struct LinearPiece {
  let out: MatrixView
  let input: MatrixView
  /// The input as pairs of bfloat16, to be multiplied as such.
  let pairs: PairMatrix?
  let weights: WeightMatrix
  let bias: Floats?
  let memory: PanelMemory

  /// Computes the outputs of `panels`, a few, for all rows.
  func multiply(_ panels: Range<Int>) {
    let columns =
      weights.columns(ofPanel: panels.lowerBound)
      .lowerBound..<weights.columns(ofPanel: panels.upperBound - 1).upperBound
    withWholePanels(columns) { target in
      for row in 0..<out.rows {
        fill(
          Floats(rebasing: target.row(row)[0..<columns.count]),
          with: bias.map { Floats(rebasing: $0[columns]) })
      }
      switch weights.storage {
      case .floats(let floats) where floats.isTransposed:
        for (index, panel) in panels.enumerated() { multiply(target, index, floats.view, panel) }
      case .floats(let floats):
        let source = floats.columns(columns)
        for inputs in weights.inputBlocks {
          source.fillPanels(memory.floats, inputs: inputs)
          for index in 0..<panels.count {
            add(
              target, index, inputs, memory.panel(index, inputs: inputs.count), scales: nil,
              next: source.panel(index, after: inputs))
          }
        }
      case .bfloat16(let packed):
        for (index, panel) in panels.enumerated() { multiply(target, index, packed, panel) }
      case .int8(let packed, let scales):
        for (index, panel) in panels.enumerated() {
          multiply(target, index, packed, scales, panel)
        }
      }
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ packed: Arena<UInt16>, _ panel: Int
  ) {
    let source = base(packed.elements) + weights.offset(panel: panel, input: 0)
    if let pairs { return multiply(target, index, source, pairs) }
    guard out.rows > 1 else {
      return ckernels_linear_row_bfloat16(
        target.base + index * WeightMatrix.panel, input.base, source, weights.inputs)
    }
    for inputs in weights.inputBlocks {
      let block = memory.panel(0, inputs: inputs.count)
      ckernels_panel_of_bfloat16(
        base(block), source + inputs.lowerBound * WeightMatrix.panel, inputs.count)
      add(target, index, inputs, block, scales: nil)
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ panel: UnsafeMutablePointer<UInt16>,
    _ pairs: PairMatrix
  ) {
    let out = target.base + index * WeightMatrix.panel
    guard pairs.rows > 1 else {
      return ckernels_linear_row_pairs(out, pairs.base, panel, pairs.columns)
    }
    for inputs in weights.inputBlocks {
      ckernels_pair_product(
        out, target.stride, pairs.base + inputs.lowerBound / 2, pairs.columns, pairs.rows,
        panel + inputs.lowerBound * WeightMatrix.panel, (inputs.count + 1) / 2)
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ packed: Arena<Int8>, _ scales: FloatArena, _ panel: Int
  ) {
    let source = base(packed.elements) + weights.offset(panel: panel, input: 0)
    let scale = base(scales.floats) + weights.scaleOffset(panel: panel, input: 0)
    guard out.rows > 1 else {
      return ckernels_linear_row_int8(
        target.base + index * WeightMatrix.panel, input.base, source, scale, weights.inputs)
    }
    for inputs in weights.inputBlocks {
      let block = memory.panel(0, inputs: inputs.count)
      ckernels_panel_of_int8(
        base(block), source + inputs.lowerBound * WeightMatrix.panel, block.count)
      add(
        target, index, inputs, block,
        scales: scale + inputs.lowerBound / WeightMatrix.inputBlock * WeightMatrix.panel)
    }
  }

  /// Adds to panel `index` of `target` what the `inputs` of all rows give with its weights.
  private func add(
    _ target: MatrixView, _ index: Int, _ inputs: Range<Int>, _ panel: Floats,
    scales: UnsafeMutablePointer<Float>?, next: MatrixView? = nil
  ) {
    ckernels_panel_product(
      target.base + index * WeightMatrix.panel, target.stride, input.base + inputs.lowerBound,
      input.stride, out.rows, base(panel), scales, inputs.count, next?.base, next?.stride ?? 0)
  }

  /// Calls `body` with `columns` of `out`; where the last panel is wider than what is left of them,
  /// with memory of whole panels that is copied there.
  private func withWholePanels(_ columns: Range<Int>, _ body: (_ target: MatrixView) -> Void) {
    let target = out.block(rows: 0..<out.rows, columns: columns)
    let panel = WeightMatrix.panel
    let width = (columns.count + panel - 1) / panel * panel
    guard columns.count < width else { return body(target) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: out.rows * width) { memory in
      memory.initialize(repeating: 0)
      let whole = MatrixView(memory, rows: out.rows, columns: width)
      body(whole)
      for row in 0..<out.rows {
        _ = target.row(row).update(fromContentsOf: whole.row(row)[0..<columns.count])
      }
    }
  }
}
