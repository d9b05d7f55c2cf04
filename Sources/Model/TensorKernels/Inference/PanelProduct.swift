import CKernels

/// A product with a ``WeightMatrix``, of which each thread computes some panels of the outputs.
///
/// Not copyable, because threads that count references to the same memory hinder each other.
struct PanelProduct: ~Copyable, Sendable {
  let out: MatrixView
  let input: ProductInput
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
      if case (.floats(let floats), .floats(let input)) = (weights.storage, input),
        !floats.isTransposed
      {
        return multiply(target, input, floats.columns(columns), memory)
      }
      for (index, panel) in panels.enumerated() {
        let first = index * WeightMatrix.panel
        multiply(target.columns(first..<first + WeightMatrix.panel), panel, memory)
      }
    }
  }

  /// The product with panel `panel` of weights.
  private func multiply(_ out: MatrixView, _ panel: Int, _ memory: PanelMemory) {
    switch (weights.storage, input) {
    case (.floats(let floats), .floats(let input)):
      multiply(out, input, floats.matrix, panel, memory)
    case (.bfloat16(let packed), _):
      multiply(out, packed.base + weights.offset(panel: panel, input: 0), memory)
    case (.int8(let packed, let scales), .integers(let input)):
      ckernels_linear_int8(
        out.base, out.stride, input.forKernels, out.rows,
        packed.base + weights.offset(panel: panel, input: 0),
        scales.base + weights.scaleOffset(panel: panel, input: 0), weights.inputs)
    case (.int4(let blocks), .integers(let input)):
      ckernels_linear_int4(
        out.base, out.stride, input.forKernels, out.rows,
        blocks.base + weights.blockIndex(panel: panel, input: 0), weights.inputs)
    default: preconditionFailure("the input is not in the form for these weights")
    }
  }

  /// The product of several rows with some panels of weights in single precision,
  /// `[inputs, outputs]`.
  private func multiply(
    _ target: MatrixView, _ input: MatrixView, _ floats: Operand<Float>, _ memory: PanelMemory
  ) {
    let panels = floats.columns.dividedRoundingUp(by: WeightMatrix.panel)
    for inputs in weights.inputBlocks {
      floats.fillPanels(memory.floats, inputs: inputs)
      for panel in 0..<panels {
        let first = panel * WeightMatrix.panel
        add(
          target.columns(first..<first + WeightMatrix.panel), input.columns(inputs),
          memory.panel(panel, inputs: inputs.count), next: floats.panel(panel, after: inputs))
      }
    }
  }

  /// The product with a panel of bfloat16, `source`.
  private func multiply(
    _ target: MatrixView, _ source: UnsafeMutablePointer<UInt16>, _ memory: PanelMemory
  ) {
    switch input {
    case .pairs(let pairs):
      ckernels_linear_pairs(
        target.base, target.stride, pairs.base, pairs.stride, pairs.rows, source, weights.inputs)
    case .floats(let input) where input.rows == 1:
      ckernels_linear_row_bfloat16(target.base, input.base, source, weights.inputs)
    case .floats(let input):
      for inputs in weights.inputBlocks {
        let block = memory.panel(0, inputs: inputs.count)
        ckernels_panel_of_bfloat16(
          block.base, source + inputs.lowerBound * WeightMatrix.panel, inputs.count)
        add(target, input.columns(inputs), block)
      }
    case .integers: preconditionFailure("bfloat16 is not multiplied by integers")
    }
  }

  /// Adds the products of some inputs of all rows with a panel of weights to a panel of the outputs.
  private func add(
    _ target: MatrixView, _ input: MatrixView, _ panel: Floats, next: MatrixView? = nil
  ) {
    ckernels_panel_product(
      target.base, target.stride, input.base, input.stride, out.rows, panel.base, input.columns,
      next?.base, next?.stride ?? 0)
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

extension MatrixView {
  fileprivate func columns(_ range: Range<Int>) -> MatrixView {
    block(rows: 0..<rows, columns: range)
  }
}

/// Puts the bias, or zero, into `out`.
func fill(_ out: Floats, with bias: Floats?) {
  if let bias { out.update(from: bias) } else { out.update(repeating: 0) }
}
