import CKernels

extension ThreadPool {
  /// out = input · weights + bias, for inference.
  ///
  /// Each number of the result is a sum over blocks of 128 inputs, in int4 of 32, in ascending
  /// order, and each block is a chain of fused multiply-adds. Where weights lie as `[outputs, inputs]`, it is a sum
  /// over blocks of 1024 inputs of 16 chains each; in ``Precision/bf16`` a block is summed as the
  /// processor's products do it. Weights that are integers are multiplied by integers: see
  /// ``IntegerRows``. The result therefore has the same bits regardless of the number of rows and
  /// threads.
  ///
  /// - Parameters:
  ///   - out: `[rows, outputs]`, overwritten.
  ///   - input: `[rows, inputs]`.
  ///   - weights: The weights.
  ///   - bias: `[outputs]`; `nil` for zero.
  ///   - precision: ``Precision/bf16`` rounds the input to bfloat16 too and uses the processor's
  ///     products of bfloat16; the weights must be packed. It makes no difference to integers.
  ///   - next: The weights of the next product, which idle threads begin to read.
  public func multiply(
    _ out: MatrixView, _ input: MatrixView, _ weights: WeightMatrix, bias: Floats?,
    precision: Precision = .fp32, next: WeightMatrix? = nil
  ) {
    precondition(out.rows == input.rows && input.columns == weights.inputs)
    precondition(out.columns == weights.outputs && bias.map { $0.count == out.columns } ?? true)
    precondition(precision == .fp32 || weights.isPacked, "the weights are not packed")
    if out.rows == 1, let next { readAhead(next.memory) }
    switch weights.storage {
    case .floats(let floats) where out.rows == 1:
      let multiply = floats.isTransposed ? multiplyRowTransposed : multiplyRow
      multiply(out.row(0), input.row(0), floats.matrix, bias)
    case .floats(let floats) where floats.isTransposed:
      withChains(input) { multiplyPieces(out, .floats($0), weights, bias) }
    case .bfloat16 where precision == .bf16:
      withPairs(input) { multiplyPieces(out, .pairs($0), weights, bias) }
    case .floats, .bfloat16:
      multiplyPieces(out, .floats(input), weights, bias)
    case .int8, .int4:
      withIntegers(input, for: weights) { multiplyPieces(out, .integers($0), weights, bias) }
    }
  }

  /// The product of several rows, or with packed weights.
  private func multiplyPieces(
    _ out: MatrixView, _ input: ProductInput, _ weights: WeightMatrix, _ bias: Floats?
  ) {
    // A piece should take longer than handing it to a thread, but there should be some for each.
    let worthwhile = 100_000
    let groups = weights.panels.dividedRoundingUp(by: PanelMemory.panels)
    let mostPieces = out.rows == 1 ? weights.panels : groups
    let pieces = max(1, min(mostPieces, 64, weights.byteCount * out.rows / worthwhile))
    let product = PanelProduct(out: out, input: input, weights: weights, bias: bias)
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
    let blocks = input.count.dividedRoundingUp(by: length)
    // If there are more threads than blocks, they also divide the outputs.
    let parts = max(
      min(count.dividedRoundingUp(by: blocks), out.count.dividedRoundingUp(by: 512)),
      out.count.dividedRoundingUp(by: PanelMemory.mostSums))
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
}
