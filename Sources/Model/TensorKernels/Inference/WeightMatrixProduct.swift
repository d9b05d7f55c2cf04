import CKernels

extension ThreadPool {
  /// out = input · weights + bias, for inference.
  ///
  /// Each number of the result is a sum over blocks of 128 inputs, in int4 of 32, in ascending
  /// order, and each block is a chain of fused multiply-adds. Where weights lie as `[outputs, inputs]`, it is a sum
  /// over blocks of 1024 inputs of 16 chains each; in ``Precision/bf16`` a block is summed as the
  /// processor's products do it. The result therefore has the same bits regardless of the number of
  /// rows and threads.
  ///
  /// - Parameters:
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`.
  ///   - weights: The weights.
  ///   - bias: `[outputs]`; `nil` for zero.
  ///   - precision: ``Precision/bf16`` rounds the input to bfloat16 too and uses the processor's
  ///     products of bfloat16, which also hold the integers of int8 and int4; the weights must be
  ///     packed.
  ///   - next: The weights of the next product, which idle threads begin to read.
  public func multiply(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, bias: Floats?,
    precision: Precision = .fp32, next: WeightMatrix? = nil
  ) {
    precondition(out.rows == input.rows && input.columns == weights.inputs)
    precondition(out.columns == weights.outputs && bias.map { $0.count == out.columns } ?? true)
    precondition(precision == .fp32 || weights.isPacked, "the weights are not packed")
    if out.rows == 1, let next { readAhead(next.memory) }
    if case .floats(let floats) = weights.storage {
      if out.rows == 1 {
        let multiply = floats.isTransposed ? multiplyRowTransposed : multiplyRow
        return multiply(out.row(0), input.row(0), floats.matrix, bias)
      }
      if floats.isTransposed {
        return withChains(input) { multiplyPieces(out, $0, weights, bias) }
      }
    }
    if precision == .bf16 {
      return withPairs(input) { multiplyPieces(out, input, weights, bias, pairs: $0) }
    }
    multiplyPieces(out, input, weights, bias)
  }

  /// The product of several rows, or with packed weights.
  private func multiplyPieces(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, _ bias: Floats?,
    pairs: RowMajorMatrix<UInt32>? = nil
  ) {
    // A piece should take longer than handing it to a thread, but there should be some for each.
    let worthwhile = 100_000
    let groups = (weights.panels + PanelMemory.panels - 1) / PanelMemory.panels
    let mostPieces = out.rows == 1 ? weights.panels : groups
    let pieces = max(1, min(mostPieces, 64, weights.byteCount * out.rows / worthwhile))
    let product = PanelProduct(out: out, input: input, pairs: pairs, weights: weights, bias: bias)
    let (memory, panels) = (panelMemory, weights.panels)
    run(pieces) { piece, thread in
      var panels = panels * piece / pieces..<panels * (piece + 1) / pieces
      while !panels.isEmpty {
        let group = panels.prefix(PanelMemory.panels)
        product.multiply(group, memory[thread])
        panels = group.upperBound..<panels.upperBound
      }
    }
  }

  /// The product of one row with weights in single precision, `[inputs, outputs]`.
  ///
  /// The threads divide the inputs, so that each reads its weights from front to back, which is
  /// faster than reading parts of rows.
  private func multiplyRow(
    _ out: Floats, _ input: Floats, _ weights: MatrixView, _ bias: Floats?
  ) {
    let length = WeightMatrix.inputBlock
    let blocks = (input.count + length - 1) / length
    // If there are more threads than blocks, they also divide the outputs.
    let parts = max(
      min((count + blocks - 1) / blocks, (out.count + 511) / 512),
      (out.count + PanelMemory.mostSums - 1) / PanelMemory.mostSums)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: blocks * out.count) { partials in
      let partials = MatrixView(VectorView(partials), rows: blocks, columns: out.count)
      let memory = panelMemory
      run(blocks * parts) { piece, thread in
        let (block, part) = piece.quotientAndRemainder(dividingBy: parts)
        let inputs = block * length..<min((block + 1) * length, input.count)
        let outputs = out.count * part / parts..<out.count * (part + 1) / parts
        let floats = weights.block(rows: inputs, columns: outputs)
        let sums = memory[thread].sums(outputs.count, besides: floats.base)
        sums.update(repeating: 0)
        ckernels_linear_row(
          sums.base, input[inputs].base, floats.base, floats.stride, inputs.count, outputs.count)
        partials.row(block)[outputs].update(from: sums)
      }
      fill(out, with: bias)
      for block in 0..<blocks { ckernels_add(out.base, partials.row(block).base, out.count) }
    }
  }

  /// Calls `body` with the bfloat16 values of neighbouring channels of `input` as pairs, which are
  /// padded with zero to a multiple of what the processor multiplies at a time.
  private func withPairs(_ input: MatrixView, _ body: (_ pairs: RowMajorMatrix<UInt32>) -> Void) {
    let columns = ((input.columns + 1) / 2).roundedUp(toMultipleOf: ckernels_pair_unit())
    // Rows that are a power of two apart would map to few sets of the cache.
    let stride = columns + 16
    let rows = input.rows == 1 ? 1 : input.rows.roundedUp(toMultipleOf: ckernels_pair_tile_rows())
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: rows * stride) { memory in
      let pairs = RowMajorMatrix(
        base: VectorView(memory).base, rows: input.rows, columns: columns, stride: stride)
      split(input.rows, minimum: 16) { rows, _ in
        for row in rows {
          let target = pairs.row(row)
          target[input.columns / 2..<columns].update(repeating: 0)
          ckernels_pairs_of_floats(target.base, input.row(row).base, input.columns)
        }
      }
      body(pairs)
    }
  }
}

/// Puts the bias, or zero, into `out`.
func fill(_ out: Floats, with bias: Floats?) {
  if let bias { out.update(from: bias) } else { out.update(repeating: 0) }
}

/// A product with a ``WeightMatrix``, of which each thread computes some panels of the outputs.
///
/// Not copyable, because threads that count references to the same memory hinder each other.
struct PanelProduct: ~Copyable, Sendable {
  let out: MatrixView
  let input: MatrixView
  /// The input as pairs of bfloat16, if it is multiplied in that form.
  let pairs: RowMajorMatrix<UInt32>?
  let weights: WeightMatrix
  let bias: Floats?

  /// Computes the outputs of `panels`, a few, for all rows, with the memory of the calling thread.
  func multiply(_ panels: Range<Int>, _ memory: PanelMemory) {
    let columns =
      weights.columns(ofPanel: panels.lowerBound)
      .lowerBound..<weights.columns(ofPanel: panels.upperBound - 1).upperBound
    withWholePanels(columns) { target in
      for row in 0..<out.rows {
        fill(target.row(row)[0..<columns.count], with: bias.map { $0[columns] })
      }
      switch weights.storage {
      case .floats(let floats) where floats.isTransposed:
        for (index, panel) in panels.enumerated() {
          multiply(target, index, floats.matrix, panel, memory)
        }
      case .floats(let floats):
        let source = floats.columns(columns)
        for inputs in weights.inputBlocks {
          source.fillPanels(memory.floats, inputs: inputs)
          for index in 0..<panels.count {
            add(
              target, index, inputs, memory.panel(index, inputs: inputs.count),
              next: source.panel(index, after: inputs))
          }
        }
      case .bfloat16(let packed):
        for (index, panel) in panels.enumerated() {
          multiply(target, index, packed, panel, memory)
        }
      case .int8(let packed, let scales):
        for (index, panel) in panels.enumerated() {
          multiply(target, index, packed, scales, panel, memory)
        }
      case .int4(let blocks):
        for (index, panel) in panels.enumerated() {
          multiply(target, index, blocks, panel, memory)
        }
      }
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ packed: VectorView<UInt16>, _ panel: Int,
    _ memory: PanelMemory
  ) {
    let source = packed.base + weights.offset(panel: panel, input: 0)
    let out = target.base + index * WeightMatrix.panel
    if let pairs {
      ckernels_linear_pairs(
        out, target.stride, pairs.base, pairs.stride, pairs.rows, source, weights.inputs)
    } else if target.rows == 1 {
      ckernels_linear_row_bfloat16(out, input.base, source, weights.inputs)
    } else {
      for inputs in weights.inputBlocks {
        let block = memory.panel(0, inputs: inputs.count)
        ckernels_panel_of_bfloat16(
          block.base, source + inputs.lowerBound * WeightMatrix.panel, inputs.count)
        add(target, index, inputs, block)
      }
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ packed: VectorView<Int8>, _ scales: Floats, _ panel: Int,
    _ memory: PanelMemory
  ) {
    let source = packed.base + weights.offset(panel: panel, input: 0)
    let scale = scales.base + weights.scaleOffset(panel: panel, input: 0)
    let out = target.base + index * WeightMatrix.panel
    if let pairs {
      ckernels_linear_int8_pairs(
        out, target.stride, pairs.base, pairs.stride, pairs.rows, source, scale, weights.inputs)
    } else if target.rows == 1 {
      ckernels_linear_row_int8(out, input.base, source, scale, weights.inputs)
    } else {
      for inputs in weights.inputBlocks {
        let block = memory.panel(0, inputs: inputs.count)
        ckernels_panel_of_int8(
          block.base, source + inputs.lowerBound * WeightMatrix.panel, block.count)
        add(
          target, index, inputs, block,
          scales: scale + inputs.lowerBound / WeightMatrix.inputBlock * WeightMatrix.panel)
      }
    }
  }

  private func multiply(
    _ target: MatrixView, _ index: Int, _ blocks: VectorView<CKernelsInt4Block>, _ panel: Int,
    _ memory: PanelMemory
  ) {
    let source = blocks.base + weights.blockIndex(panel: panel, input: 0)
    let out = target.base + index * WeightMatrix.panel
    if let pairs {
      ckernels_linear_int4_pairs(
        out, target.stride, pairs.base, pairs.stride, pairs.rows, source, weights.inputs)
    } else if target.rows == 1 {
      ckernels_linear_row_int4(out, input.base, source, weights.inputs)
    } else {
      let scales = memory.panel(1, inputs: WeightMatrix.int4Block).base
      for (number, inputs) in weights.inputBlocks.enumerated() {
        let block = memory.panel(0, inputs: WeightMatrix.int4Block)
        ckernels_panel_of_int4(block.base, scales, source + number, inputs.count)
        add(target, index, inputs, block, scales: scales)
      }
    }
  }

  /// Adds the products of the `inputs` of all rows with a panel of weights to the panel at `index`
  /// of `target`.
  private func add(
    _ target: MatrixView, _ index: Int, _ inputs: Range<Int>, _ panel: Floats,
    scales: UnsafeMutablePointer<Float>? = nil, next: MatrixView? = nil
  ) {
    ckernels_panel_product(
      target.base + index * WeightMatrix.panel, target.stride, input.base + inputs.lowerBound,
      input.stride, out.rows, panel.base, scales, inputs.count, next?.base, next?.stride ?? 0)
  }

  /// Calls `body` with `columns` of `out`.
  ///
  /// If the last panel is wider than the remaining columns, calls it with memory for whole panels,
  /// which is then copied there.
  private func withWholePanels(_ columns: Range<Int>, _ body: (_ target: MatrixView) -> Void) {
    let target = out.block(rows: 0..<out.rows, columns: columns)
    let panel = WeightMatrix.panel
    let width = columns.count.roundedUp(toMultipleOf: panel)
    guard columns.count < width else { return body(target) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: out.rows * width) { memory in
      memory.initialize(repeating: 0)
      let whole = MatrixView(VectorView(memory), rows: out.rows, columns: width)
      body(whole)
      for row in 0..<out.rows { target.row(row).update(from: whole.row(row)[0..<columns.count]) }
    }
  }
}
