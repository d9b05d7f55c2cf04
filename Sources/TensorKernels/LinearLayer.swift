import CKernels

extension Workers {
  /// out = input · weights + bias, for inference.
  ///
  /// Each number of the result is one chain of fused multiply-adds over the inputs, in ascending
  /// order: it has the same bits however many rows there are beside it and however many threads.
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
    // A piece should take longer than handing it to a thread, but leave some for each.
    let worthwhile = 100_000
    let panels = weights.panels
    let pieces = max(1, min(panels, 64, weights.byteCount * out.rows / worthwhile))
    run(pieces) { piece, _ in
      let range = panels * piece / pieces..<panels * (piece + 1) / pieces
      let layer = LinearPiece(out: out, input: input, weights: weights, bias: bias)
      if out.rows == 1 { layer.multiplyRow(range) } else { layer.multiplyRows(range) }
    }
  }
}

/// What a thread computes of a linear layer: some panels of the outputs.
private struct LinearPiece {
  let out: MatrixView
  let input: MatrixView
  let weights: WeightMatrix
  let bias: Floats?

  /// Inputs whose panel of floats is in the second-level cache while all rows go over it.
  static let rowsBlock = 256
  /// Inputs whose panel of floats is in the first-level cache for one row.
  static let rowBlock = 64

  func multiplyRow(_ panels: Range<Int>) {
    let columns =
      weights.columns(ofPanel: panels.lowerBound)
      .lowerBound..<weights.columns(ofPanel: panels.upperBound - 1).upperBound
    switch weights.storage {
    case .floats(let floats) where !floats.isTransposed:
      let target = out.block(rows: 0..<1, columns: columns)
      begin(target, columns)
      ckernels_linear_row(
        target.base, input.base, floats.view.base + columns.lowerBound, floats.view.stride,
        weights.inputs, columns.count)
    case .floats(let floats):
      for panel in panels { multiply(panel, floats, blockLength: Self.rowBlock) }
    case .bfloat16(let packed):
      for panel in panels {
        withWholePanel(panel) { target, columns in
          begin(target, columns)
          ckernels_linear_row_bfloat16(
            target.base, input.base,
            base(packed.elements) + weights.offset(panel: panel, input: 0), weights.inputs)
        }
      }
    case .int8(let packed, let scales):
      for panel in panels {
        withWholePanel(panel) { target, columns in
          begin(target, columns)
          ckernels_linear_row_int8(
            target.base, input.base,
            base(packed.elements) + weights.offset(panel: panel, input: 0),
            base(scales.floats) + weights.scaleOffset(panel: panel, input: 0), weights.inputs)
        }
      }
    }
  }

  func multiplyRows(_ panels: Range<Int>) {
    for panel in panels {
      switch weights.storage {
      case .floats(let floats): multiply(panel, floats, blockLength: Self.rowsBlock)
      case .bfloat16(let packed):
        multiply(panel, blockLength: Self.rowsBlock) { block, inputs in
          ckernels_panel_of_bfloat16(
            base(block),
            base(packed.elements) + weights.offset(panel: panel, input: inputs.lowerBound),
            inputs.count * WeightMatrix.panel)
          return nil
        }
      case .int8(let packed, let scales):
        multiply(panel, blockLength: WeightMatrix.scaleBlock) { block, inputs in
          ckernels_panel_of_int8(
            base(block),
            base(packed.elements) + weights.offset(panel: panel, input: inputs.lowerBound),
            inputs.count * WeightMatrix.panel)
          return base(scales.floats)
            + weights.scaleOffset(panel: panel, input: inputs.lowerBound)
        }
      }
    }
  }

  /// A panel of weights in single precision.
  private func multiply(_ panel: Int, _ floats: Operand, blockLength: Int) {
    let source = floats.columns(weights.columns(ofPanel: panel))
    multiply(panel, blockLength: blockLength) { block, inputs in
      source.fillPanel(block, inputs: inputs)
      return nil
    }
  }

  /// A panel for all rows, block after block of the inputs; `fill` makes the floats of a block and
  /// returns its scales.
  private func multiply(
    _ panel: Int, blockLength: Int,
    fill: (_ block: Floats, _ inputs: Range<Int>) -> UnsafeMutablePointer<Float>?
  ) {
    withWholePanel(panel) { target, columns in
      begin(target, columns)
      withPanelBlocks(of: weights.inputs, length: blockLength) { inputs, block in
        let scales = fill(block, inputs)
        ckernels_panel_product(
          target.base, target.stride, input.base + inputs.lowerBound, input.stride, out.rows,
          base(block), scales, inputs.count)
      }
    }
  }

  /// Puts the bias into the rows of `target`, which are the outputs `columns`.
  private func begin(_ target: MatrixView, _ columns: Range<Int>) {
    for row in 0..<target.rows {
      let floats = target.row(row)
      if let bias {
        _ = floats.update(fromContentsOf: bias[columns])
      } else {
        floats.update(repeating: 0)
      }
    }
  }

  /// Calls `body` with the columns of `panel` in `out`; where the last panel is wider than what is
  /// left of them, with memory that is copied there.
  private func withWholePanel(
    _ panel: Int, _ body: (_ target: MatrixView, _ columns: Range<Int>) -> Void
  ) {
    let columns = weights.columns(ofPanel: panel)
    let target = out.block(rows: 0..<out.rows, columns: columns)
    guard columns.count < WeightMatrix.panel else { return body(target, columns) }
    let count = out.rows * WeightMatrix.panel
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { memory in
      memory.initialize(repeating: 0)
      let whole = MatrixView(memory, rows: out.rows, columns: WeightMatrix.panel)
      body(
        MatrixView(
          base: whole.base, rows: out.rows, columns: columns.count, stride: whole.stride), columns)
      for row in 0..<out.rows {
        _ = target.row(row).update(fromContentsOf: whole.row(row)[0..<columns.count])
      }
    }
  }
}
