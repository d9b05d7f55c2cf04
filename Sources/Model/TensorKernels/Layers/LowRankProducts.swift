import CKernels

/// A layer's adapter, and what a pass keeps of it.
struct AdapterInPass: Sendable {
  let adapter: LowRankAdapter
  let pass: LowRankPass

  init(_ adapter: LowRankAdapter, _ pass: LowRankPass?) {
    guard let pass else { preconditionFailure("an adapter needs memory for its products") }
    precondition(pass.hidden.columns == adapter.rank && pass.factors.count == adapter.outputs)
    (self.adapter, self.pass) = (adapter, pass)
  }

  var scratch: LowRankScratch { pass.scratch }
  var rank: Int { adapter.rank }

  /// scaling · outGradient · B, `[rows, rank]`.
  var hiddenGradient: ActivationMatrix {
    scratch.hiddenGradient.matrix(rows: pass.hidden.rows, columns: rank)
  }

  /// The adapter's part of some outputs.
  func term(_ outputs: Range<Int>) -> ProductTerm {
    ProductTerm(a: pass.hidden.asIs, b: adapter.b.rows(outputs).transposed)
  }

  /// The adapter's part of the gradient of the input, unless that is dropped out.
  var backwardTerm: ProductTerm? {
    pass.dropout == nil ? ProductTerm(a: hiddenGradient.asIs, b: adapter.a.asIs) : nil
  }

  /// Some rows of the input on their way to A.
  func dropped(_ input: ActivationMatrix, _ rows: Range<Int>, _ thread: Int) -> ActivationMatrix {
    guard let dropout = pass.dropout else { return input.rows(rows) }
    let columns = input.columns
    let target = scratch.dropped(thread, rows: rows.count, columns: columns)
    let memory = scratch.floats(thread, rows: 1, columns: columns).base
    for (index, row) in rows.enumerated() {
      let out = target.target(row: index, memory: memory)
      dropout.apply(
        out, from: input.floats(ofRow: row, copiedTo: memory), count: columns, row: row,
        columns: columns)
      target.store(out, row: index)
    }
    return target
  }
}

// The products are thin, so they are bound by reading the activations. Each is computed for as few
// rows as stay in the cache of a thread, or for a tile of the layer's own product that is there
// already.
extension ThreadPool {
  /// out = scaling · a · b for a block of rows, on the calling thread.
  private func scaledProduct(
    _ out: ActivationMatrix, _ a: ActivationOperand, _ b: ActivationOperand,
    _ update: AdapterInPass, _ thread: Int
  ) {
    let sums = update.scratch.floats(thread, rows: out.rows, columns: out.columns)
    multiply(sums, a, b, accumulating: false, onThread: thread)
    for row in 0..<out.rows {
      let target = out.target(row: row, memory: sums.row(row).base)
      ckernels_scale(target, sums.row(row).base, update.adapter.scaling, out.columns)
      out.store(target, row: row)
    }
  }

  // MARK: - Forward

  /// Computes what the adapter keeps for all rows: scaling · dropped(input) · Aᵀ.
  func computeHidden(_ update: AdapterInPass, _ input: ActivationMatrix) {
    precondition(update.pass.hidden.rows == input.rows)
    forEachBlock(of: input.rows, length: LowRankScratch.block) { rows, thread in
      scaledProduct(
        update.pass.hidden.rows(rows), update.dropped(input, rows, thread).asIs,
        update.adapter.a.transposed, update, thread)
    }
  }

  /// Computes what some outputs are multiplied by, if there are magnitudes.
  func computeFactors(
    _ update: AdapterInPass, _ weights: ActivationOperand, _ outputs: Range<Int>
  ) {
    guard let magnitudes = update.adapter.magnitudes else { return }
    let factors = update.pass.factors[outputs]
    columnLengths(factors, update.adapter, magnitudes, weights, outputs, update.scratch)
    for (index, output) in outputs.enumerated() {
      let length = factors[index]
      factors[index] = length > 0 ? magnitudes.values[output] / length : 0
    }
  }

  /// With magnitudes, scales a tile of the products, `out`, which has the outputs from
  /// `outputs.lowerBound` on, and adds the bias.
  func finish(
    _ update: AdapterInPass, _ out: ActivationMatrix, _ outputs: Range<Int>, _ bias: Floats?
  ) -> TileBody? {
    guard update.adapter.magnitudes != nil else { return nil }
    return { rows, columns, thread in
      let tile = out.block(rows: rows, columns: columns)
      let place = outputs.lowerBound + columns.lowerBound..<outputs.lowerBound + columns.upperBound
      let copy = update.pass.out?.block(rows: rows, columns: place)
      let memory = update.scratch.floats(thread, rows: 1, columns: columns.count).base
      for row in 0..<tile.rows {
        let floats = tile.floats(ofRow: row, copiedTo: memory)
        ckernels_scale_columns(
          floats, update.pass.factors[place].base, bias.map { $0[columns].base }, columns.count)
        tile.store(floats, row: row)
        copy?.copy(floats, toRow: row)
      }
    }
  }

  // MARK: - Backward

  /// Adds the gradients of the adapter's parameters, and leaves ``AdapterInPass/hiddenGradient``;
  /// with magnitudes, `outGradient` becomes that of the products before they are scaled.
  func addGradients(
    _ update: AdapterInPass, _ gradient: LowRankGradient, outGradient: ActivationMatrix,
    input: ActivationMatrix, out: ActivationMatrix?, bias: Floats?
  ) {
    if let magnitudes = update.adapter.magnitudes {
      guard let out = update.pass.out ?? out, let gradient = gradient.magnitudes else {
        preconditionFailure("the gradient of the magnitudes needs the output")
      }
      addMagnitudeGradient(gradient, update, magnitudes, outGradient, out, bias)
    }
    let (rank, rows, hidden) = (update.rank, input.rows, update.pass.hidden)
    let (inputs, outputs, block) = (input.columns, outGradient.columns, LowRankScratch.block)
    let parts = min(LowRankScratch.parts, rows.dividedRoundingUp(by: block))
    let sums = update.scratch.sums
    let size = rank * (inputs + outputs)
    run(parts) { part, thread in
      let a = sums.matrix(at: part * size, rows: rank, columns: inputs)
      let b = sums.matrix(at: part * size + rank * inputs, rows: outputs, columns: rank)
      let range = rows * part / parts..<rows * (part + 1) / parts
      for start in stride(from: range.lowerBound, to: range.upperBound, by: block) {
        let rows = start..<min(start + block, range.upperBound)
        let (outGradient, hiddenGradient) = (
          outGradient.rows(rows), update.hiddenGradient.rows(rows)
        )
        let isFirst = start == range.lowerBound
        scaledProduct(hiddenGradient, outGradient.asIs, update.adapter.b.asIs, update, thread)
        multiply(
          b, outGradient.transposed, hidden.rows(rows).asIs, accumulating: !isFirst,
          onThread: thread)
        multiply(
          a, hiddenGradient.transposed, update.dropped(input, rows, thread).asIs,
          accumulating: !isFirst, onThread: thread)
      }
    }
    addParts(gradient.a.elements, sums, size: size, first: 0, parts)
    addParts(gradient.b.elements, sums, size: size, first: rank * inputs, parts)
  }

  /// Adds the sums of all parts, which lie `size` floats apart, in order.
  private func addParts(
    _ out: Floats, _ sums: FloatArena, size: Int, first: Int, _ parts: Int
  ) {
    split(out.count, minimum: 8192) { range, _ in
      for part in 0..<parts {
        let start = part * size + first + range.lowerBound
        ckernels_add(out[range].base, sums[start..<start + range.count].base, range.count)
      }
    }
  }

  /// Adds the gradient of the magnitudes, and scales `outGradient`.
  ///
  /// The lengths of the columns are taken as constants (Liu and others 2024, 4.3).
  /// With z the sum of the products, out = magnitude / length · z + bias, so that
  /// Σ outGradient · z / length = (Σ outGradient · out − bias · Σ outGradient) / magnitude.
  private func addMagnitudeGradient(
    _ gradient: Floats, _ update: AdapterInPass, _ magnitudes: LowRankAdapter.Magnitudes,
    _ outGradient: ActivationMatrix, _ out: ActivationMatrix, _ bias: Floats?
  ) {
    let outputs = outGradient.columns
    let (factors, parts) = (update.pass.factors, LowRankScratch.parts)
    let sums = update.scratch.sums
    sums[0..<2 * parts * outputs].update(repeating: 0)
    split(outGradient.rows, minimum: 1, maximumPieces: parts) { rows, part in
      let products = sums[2 * part * outputs..<(2 * part + 1) * outputs]
      let gradients = sums[(2 * part + 1) * outputs..<(2 * part + 2) * outputs]
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * outputs) { memory in
        let memory = VectorView(memory).base
        for row in rows {
          let change = outGradient.floats(ofRow: row, copiedTo: memory)
          ckernels_magnitude_backward(
            change, products.base, gradients.base,
            out.floats(ofRow: row, copiedTo: memory + outputs), factors.base, outputs)
          outGradient.store(change, row: row)
        }
      }
    }
    for output in 0..<outputs {
      // Without a magnitude there is no output to tell the products from.
      guard magnitudes.values[output] != 0 else { continue }
      var (product, sum): (Float, Float) = (0, 0)
      for part in 0..<parts {
        product += sums.floats[2 * part * outputs + output]
        sum += sums.floats[(2 * part + 1) * outputs + output]
      }
      gradient[output] += (product - (bias?[output] ?? 0) * sum) / magnitudes.values[output]
    }
  }

  /// Adds the adapter's part, dropped out, to a tile of the gradient of the layer's input.
  func finishBackward(_ update: AdapterInPass, _ inputGradient: ActivationMatrix) -> TileBody? {
    guard let dropout = update.pass.dropout else { return nil }
    let hiddenGradient = update.hiddenGradient
    return { [self] rows, columns, thread in
      let tile = inputGradient.block(rows: rows, columns: columns)
      // A mask is drawn from the beginning of a stretch.
      let first = columns.lowerBound / Dropout.stretch * Dropout.stretch
      let a = update.adapter.a.asIs.columns(first..<columns.upperBound)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns.count) { memory in
        let memory = VectorView(memory).base
        for start in stride(from: rows.lowerBound, to: rows.upperBound, by: LowRankScratch.block) {
          let part = start..<min(start + LowRankScratch.block, rows.upperBound)
          let sums = update.scratch.floats(thread, rows: part.count, columns: a.columns)
          multiply(
            sums, hiddenGradient.rows(part).asIs, a, accumulating: false, onThread: thread)
          for (index, row) in part.enumerated() {
            let sum = sums.row(index).base
            dropout.apply(
              sum, from: sum, count: a.columns, row: row, columns: inputGradient.columns,
              firstColumn: first)
            let target = row - rows.lowerBound
            let floats = tile.floats(ofRow: target, copiedTo: memory)
            ckernels_add(floats, sum + (columns.lowerBound - first), columns.count)
            tile.store(floats, row: target)
          }
        }
      }
    }
  }
}
