import CKernels

/// The weights, `[inputs, outputs]`, of a linear layer that training leaves as they are.
///
/// Products with many rows want a row-major matrix in their own precision. Weights in another form
/// are converted to one for each product, a part of the outputs at a time.
public enum FrozenWeights: Sendable {
  /// Row-major, in memory that the value does not own.
  case rows(ActivationOperand)
  /// In panels.
  case packed(WeightMatrix)

  var inputs: Int {
    switch self {
    case .rows(let weights): weights.rows
    case .packed(let weights): weights.inputs
    }
  }

  var outputs: Int {
    switch self {
    case .rows(let weights): weights.columns
    case .packed(let weights): weights.outputs
    }
  }
}

extension ThreadPool {
  /// The weights of `outputs`, which begin and end with a panel, converted in the memory of
  /// `scratch` and to its precision.
  func convert(
    _ weights: FrozenWeights, outputs: Range<Int>, in scratch: ActivationArena
  ) -> ActivationOperand {
    switch weights {
    case .rows(let operand):
      let source = operand.columns(outputs)
      let target = scratch.matrix(rows: source.matrix.rows, columns: source.matrix.columns)
      convertRows(target, source.matrix)
      return operand.isTransposed ? target.transposed : target.asIs
    case .packed(let matrix):
      let target = scratch.matrix(rows: matrix.inputs, columns: outputs.count)
      let first = outputs.lowerBound / WeightMatrix.panel
      let memory = panelMemory
      run(outputs.count.dividedRoundingUp(by: WeightMatrix.panel)) { index, thread in
        matrix.unpack(
          panel: first + index, into: target, column: index * WeightMatrix.panel, memory[thread])
      }
      return target.asIs
    }
  }

  /// Converts each row of `input` to the other precision.
  private func convertRows(_ out: ActivationMatrix, _ input: ActivationMatrix) {
    splitRows(out.rows, of: out.columns) { rows in
      for row in rows {
        switch (out, input) {
        case (.fp32(let out), .bf16(let input)):
          ckernels_floats_of_bfloat16(out.row(row).base, input.row(row).base, input.columns)
        case (_, .fp32(let input)): out.copy(input.row(row).base, toRow: row)
        case (.bf16, .bf16): preconditionFailure("there is nothing to convert")
        }
      }
    }
  }
}

extension WeightMatrix {
  /// Writes the weights of panel `index` to the columns of `out` from `column` on, row by row.
  fileprivate func unpack(
    panel index: Int, into out: ActivationMatrix, column: Int, _ memory: PanelMemory
  ) {
    let count = columns(ofPanel: index).count
    let target = out.block(rows: 0..<inputs, columns: column..<column + count)
    for range in inputBlocks {
      let panel = memory.panel(0, inputs: range.count)
      let scales = unpack(index, range, panel, memory)
      for input in range {
        let row = panel.base + (input - range.lowerBound) * Self.panel
        if let scales { ckernels_multiply(row, scales, count) }
        target.copy(row, toRow: input)
      }
    }
  }

  /// Unpacks the block `inputs` of a panel to floats, and returns what they are to be multiplied by.
  private func unpack(
    _ index: Int, _ inputs: Range<Int>, _ panel: Floats, _ memory: PanelMemory
  ) -> UnsafePointer<Float>? {
    let offset = offset(panel: index, input: inputs.lowerBound)
    switch storage {
    case .floats: preconditionFailure("weights in single precision are not packed")
    case .bfloat16(let packed):
      ckernels_panel_of_bfloat16(panel.base, packed.base + offset, inputs.count)
      return nil
    case .int8(let packed, let scales):
      ckernels_panel_of_int8(panel.base, packed.base + offset, inputs.count)
      return UnsafePointer(
        scales.base + scaleOffset(panel: index, input: inputs.lowerBound))
    case .int4(let blocks):
      let scales = memory.panel(1, inputs: Self.int4Block).base
      ckernels_panel_of_int4(
        panel.base, scales,
        blocks.base + blockIndex(panel: index, input: inputs.lowerBound), inputs.count)
      return UnsafePointer(scales)
    }
  }
}
