import CKernels

extension ThreadPool {
  /// Packs `floats`, `[inputs, outputs]`, into a matrix of that size.
  public func pack(_ floats: Operand<Float>, into matrix: WeightMatrix) {
    precondition(floats.rows == matrix.inputs && floats.columns == matrix.outputs)
    let memory = panelMemory
    run(matrix.panels) { panel, thread in
      let outputs = matrix.columns(ofPanel: panel)
      matrix.store(
        floats.columns(outputs), firstInput: 0, firstOutput: outputs.lowerBound, memory[thread])
    }
  }

  /// Packs weights that are read a few rows at a time, so that little memory is needed besides.
  ///
  /// - Parameters:
  ///   - matrix: Where they are packed.
  ///   - isTransposed: Whether they are read as `[outputs, inputs]`, not as `[inputs, outputs]`.
  ///   - read: Copies some rows to `floats`; called by several threads at once.
  /// - Throws: what `read` throws.
  public func pack(
    into matrix: WeightMatrix, isTransposed: Bool,
    read: @Sendable (_ rows: Range<Int>, _ floats: MatrixView) throws -> Void
  ) throws {
    let (rows, columns) =
      isTransposed ? (matrix.outputs, matrix.inputs) : (matrix.inputs, matrix.outputs)
    let step = min(rows, isTransposed ? WeightMatrix.panel : matrix.blockLength)
    let floats = FloatArena(count: count * step * columns)
    let memory = panelMemory
    try forEachBlock(of: rows, length: step) { part, thread in
      let view = floats.matrix(at: thread * step * columns, rows: part.count, columns: columns)
      try read(part, view)
      matrix.store(
        isTransposed ? view.transposed : view.asIs,
        firstInput: isTransposed ? 0 : part.lowerBound,
        firstOutput: isTransposed ? part.lowerBound : 0, memory[thread])
    }
  }
}

extension WeightMatrix {
  /// Packs weights, `[some inputs, some outputs]`, of which the first input is the first of a block
  /// and the first output that of a panel; the last ones end a block and a panel too.
  fileprivate func store(
    _ floats: Operand<Float>, firstInput: Int, firstOutput: Int, _ memory: PanelMemory
  ) {
    for first in stride(from: 0, to: floats.columns, by: Self.panel) {
      let columns = floats.columns(first..<min(first + Self.panel, floats.columns))
      for inputs in Self.blocks(of: floats.rows, length: blockLength) {
        let block = memory.panel(0, inputs: inputs.count)
        columns.fillPanels(block, inputs: inputs)
        store(
          block, panel: (firstOutput + first) / Self.panel,
          inputs: firstInput + inputs.lowerBound..<firstInput + inputs.upperBound)
      }
    }
  }

  /// Packs a block of a panel.
  private func store(_ block: Floats, panel: Int, inputs: Range<Int>) {
    let offset = offset(panel: panel, input: inputs.lowerBound)
    switch storage {
    case .floats: preconditionFailure("weights in single precision are not packed")
    case .bfloat16(let weights):
      let count = inputs.count.roundedUp(toMultipleOf: 2) * Self.panel
      ckernels_bfloat16_of_panel(weights[offset..<offset + count].base, block.base, inputs.count)
    case .int8(let weights, let scales):
      let count = inputs.count.roundedUp(toMultipleOf: Self.int8Unit) * Self.panel
      let scaleOffset = scaleOffset(panel: panel, input: inputs.lowerBound)
      ckernels_int8_of_panel(
        weights[offset..<offset + count].base,
        scales[scaleOffset..<scaleOffset + Self.panel].base, block.base, inputs.count)
    case .int4(let blocks):
      let index = blockIndex(panel: panel, input: inputs.lowerBound)
      ckernels_int4_of_panel(blocks[index..<index + 1].base, block.base, inputs.count)
    }
  }
}
