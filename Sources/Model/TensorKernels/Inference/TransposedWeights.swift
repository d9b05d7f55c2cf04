import CKernels

// Products with single-precision weights that lie as `[outputs, inputs]`.

extension ThreadPool {
  /// The product of one row.
  func multiplyRowTransposed(
    _ out: Floats, _ input: Floats, _ weights: MatrixView, _ bias: Floats?
  ) {
    fill(out, with: bias)
    // The chains of this many rows of weights are summed together.
    let group = WeightMatrix.chains
    split(out.count.dividedRoundingUp(by: group), minimum: 4, maximumPieces: 64) { groups, _ in
      let outputs = group * groups.lowerBound..<min(group * groups.upperBound, out.count)
      let rows = weights.rows(outputs)
      ckernels_linear_row_transposed(
        out[outputs].base, input.base, rows.base, rows.stride, input.count, outputs.count)
    }
  }

  /// Calls `body` with `input`, `[rows, inputs]`, in the order of the chains of each block.
  func withChains(_ input: MatrixView, _ body: (_ chained: MatrixView) -> Void) {
    let group = WeightMatrix.chains
    let columns = input.columns.roundedUp(toMultipleOf: group)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: input.rows * columns) { memory in
      let chained = MatrixView(VectorView(memory), rows: input.rows, columns: columns)
      split(input.rows, minimum: 16) { rows, _ in
        for row in rows {
          for block in WeightMatrix.chainBlocks(of: input.columns) {
            ckernels_inputs_of_chains(
              chained.row(row).base + block.lowerBound, input.row(row).base + block.lowerBound,
              block.count)
          }
        }
      }
      body(chained)
    }
  }
}

extension PanelProduct {
  /// Computes panel `panel` of the outputs, `target`, of `input` in the order of the chains.
  func multiply(
    _ target: MatrixView, _ input: MatrixView, _ floats: MatrixView, _ panel: Int,
    _ memory: PanelMemory
  ) {
    let rows = floats.rows(weights.columns(ofPanel: panel))
    let memory = memory.floats.base
    for block in WeightMatrix.chainBlocks(of: weights.inputs) {
      ckernels_panel_of_chains(
        memory, PanelMemory.chainStride, rows.base + block.lowerBound, rows.stride, block.count,
        rows.rows)
      let length = block.count.dividedRoundingUp(by: WeightMatrix.chains)
      for chain in 0..<WeightMatrix.chains {
        ckernels_panel_product(
          target.base, target.stride, input.base + block.lowerBound + chain * length, input.stride,
          out.rows, memory + chain * PanelMemory.chainStride, length, nil, 0)
      }
    }
  }
}

extension WeightMatrix {
  /// Chains of a block.
  static let chains = Int(CKERNELS_CHAINS)
  /// Inputs whose chains are summed before those of the next block.
  static let chainBlock = Int(CKERNELS_CHAIN_BLOCK)

  /// `inputs`, block by block of chains.
  static func chainBlocks(of inputs: Int) -> some Sequence<Range<Int>> {
    blocks(of: inputs, length: chainBlock)
  }
}
