import CKernels

extension Workers {
  /// out = input · weights + bias, for inference.
  ///
  /// Each number of the result is a sum over blocks of 128 inputs, in ascending order, each of
  /// which is a chain of fused multiply-adds: it has the same bits however many rows there are
  /// beside it and however many threads.
  ///
  /// - Parameters:
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`.
  ///   - weights: The weights.
  ///   - bias: `[outputs]`; nil: zero.
  public func multiply(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, bias: Floats?
  ) {
    precondition(out.rows == input.rows && input.columns == weights.inputs)
    precondition(out.columns == weights.outputs && bias.map { $0.count == out.columns } ?? true)
    if out.rows == 1, case .floats(let floats) = weights.storage, !floats.isTransposed {
      multiplyRow(out.row(0), input.row(0), floats.view, bias: bias)
      return
    }
    // A piece should take longer than handing it to a thread, but leave some for each.
    let worthwhile = 100_000
    let panels = weights.panels
    let pieces = max(1, min(panels, 64, weights.byteCount * out.rows / worthwhile))
    run(pieces) { piece, _ in
      let layer = LinearPiece(out: out, input: input, weights: weights, bias: bias)
      for panel in panels * piece / pieces..<panels * (piece + 1) / pieces {
        layer.multiply(panel)
      }
    }
  }

  /// The product of one row with weights in single precision, `[inputs, outputs]`.
  ///
  /// The threads share the inputs, so that each reads its weights from front to back: more is to be
  /// had of the memory than by reading parts of rows.
  private func multiplyRow(_ out: Floats, _ input: Floats, _ weights: MatrixView, bias: Floats?) {
    let length = WeightMatrix.inputBlock
    let blocks = (input.count + length - 1) / length
    // With more threads than blocks the outputs are shared too.
    let parts = min((count + blocks - 1) / blocks, (out.count + 511) / 512)
    withUnsafeTemporaryAllocation(
      byteCount: blocks * out.count * MemoryLayout<Float>.stride, alignment: 64
    ) { memory in
      let sums = MatrixView(
        memory.bindMemory(to: Float.self), rows: blocks, columns: out.count)
      run(blocks * parts) { piece, _ in
        let (block, part) = piece.quotientAndRemainder(dividingBy: parts)
        let inputs = block * length..<min((block + 1) * length, input.count)
        let outputs = out.count * part / parts..<out.count * (part + 1) / parts
        let sum = sums.row(block)
        (base(sum) + outputs.lowerBound).initialize(repeating: 0, count: outputs.count)
        let floats = weights.block(rows: inputs, columns: outputs)
        ckernels_linear_row(
          base(sum) + outputs.lowerBound, base(input) + inputs.lowerBound, floats.base,
          floats.stride, inputs.count, outputs.count)
      }
      begin(out, bias)
      for block in 0..<blocks { ckernels_add(base(out), base(sums.row(block)), out.count) }
    }
  }
}

/// Puts the bias, or zero, into `out`.
private func begin(_ out: Floats, _ bias: Floats?) {
  if let bias {
    _ = out.update(fromContentsOf: bias)
  } else {
    out.update(repeating: 0)
  }
}

/// What a thread computes of a linear layer: some panels of the outputs.
private struct LinearPiece {
  let out: MatrixView
  let input: MatrixView
  let weights: WeightMatrix
  let bias: Floats?

  /// Computes the outputs of `panel` for all rows.
  func multiply(_ panel: Int) {
    let columns = weights.columns(ofPanel: panel)
    withWholePanel(columns) { target in
      for row in 0..<out.rows {
        begin(
          Floats(rebasing: target.row(row)[0..<columns.count]),
          bias.map { Floats(rebasing: $0[columns]) })
      }
      switch weights.storage {
      case .floats(let floats):
        let source = floats.columns(columns)
        withPanelBlocks(of: weights.inputs) { inputs, block in
          source.fillPanel(block, inputs: inputs)
          add(target, inputs, block, scales: nil)
        }
      case .bfloat16(let packed):
        let source = base(packed.elements) + weights.offset(panel: panel, input: 0)
        guard out.rows > 1 else {
          return ckernels_linear_row_bfloat16(target.base, input.base, source, weights.inputs)
        }
        withPanelBlocks(of: weights.inputs) { inputs, block in
          ckernels_panel_of_bfloat16(
            base(block), source + inputs.lowerBound * WeightMatrix.panel,
            inputs.count * WeightMatrix.panel)
          add(target, inputs, block, scales: nil)
        }
      case .int8(let packed, let scales):
        let source = base(packed.elements) + weights.offset(panel: panel, input: 0)
        let scale = base(scales.floats) + weights.scaleOffset(panel: panel, input: 0)
        guard out.rows > 1 else {
          return ckernels_linear_row_int8(
            target.base, input.base, source, scale, weights.inputs)
        }
        withPanelBlocks(of: weights.inputs) { inputs, block in
          ckernels_panel_of_int8(
            base(block), source + inputs.lowerBound * WeightMatrix.panel,
            inputs.count * WeightMatrix.panel)
          add(
            target, inputs, block,
            scales: scale + inputs.lowerBound / WeightMatrix.inputBlock * WeightMatrix.panel)
        }
      }
    }
  }

  /// Adds what the `inputs` of all rows give with the panel of their weights.
  private func add(
    _ target: MatrixView, _ inputs: Range<Int>, _ panel: Floats,
    scales: UnsafeMutablePointer<Float>?
  ) {
    ckernels_panel_product(
      target.base, target.stride, input.base + inputs.lowerBound, input.stride, out.rows,
      base(panel), scales, inputs.count)
  }

  /// Calls `body` with `columns` of `out`; where a panel is wider than what is left of them, with
  /// memory as wide as one that is copied there.
  private func withWholePanel(_ columns: Range<Int>, _ body: (_ target: MatrixView) -> Void) {
    let target = out.block(rows: 0..<out.rows, columns: columns)
    guard columns.count < WeightMatrix.panel else { return body(target) }
    withUnsafeTemporaryAllocation(
      of: Float.self, capacity: out.rows * WeightMatrix.panel
    ) { memory in
      memory.initialize(repeating: 0)
      let whole = MatrixView(memory, rows: out.rows, columns: WeightMatrix.panel)
      body(whole)
      for row in 0..<out.rows {
        _ = target.row(row).update(fromContentsOf: whole.row(row)[0..<columns.count])
      }
    }
  }
}
