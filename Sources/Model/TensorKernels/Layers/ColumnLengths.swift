import CKernels

extension ThreadPool {
  /// The squares of the lengths of the columns of the weights of `layer`, which are `[inputs,
  /// outputs]`, in the precision of its products.
  public func columnSquares(of layer: LinearLayer, _ squares: Floats) {
    forEachPart(of: layer) { outputs, weights in
      precondition(!weights.isTransposed && squares.count >= outputs.upperBound)
      split(outputs.count, minimum: 64) { columns, _ in
        let part = weights.columns(columns).matrix
        var sums = [Double](repeating: 0, count: part.columns)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: part.columns) { memory in
          for row in 0..<part.rows {
            let floats = part.floats(ofRow: row, copiedTo: VectorView(memory).base)
            for column in sums.indices { sums[column] += Double(floats[column] * floats[column]) }
          }
        }
        for (column, sum) in sums.enumerated() {
          squares[outputs.lowerBound + columns.lowerBound + column] = Float(sum)
        }
      }
    }
  }

  /// The lengths of the columns of W + scaling · (B · A)ᵀ, `[outputs]`, where W are the weights of
  /// `layer` and its adapter has magnitudes.
  public func columnLengths(of layer: LinearLayer, _ lengths: Floats, _ scratch: LowRankScratch) {
    guard let adapter = layer.adapter, let magnitudes = adapter.magnitudes else {
      preconditionFailure("the layer has no magnitudes")
    }
    forEachPart(of: layer) { outputs, weights in
      columnLengths(lengths[outputs], adapter, magnitudes, weights, outputs, scratch)
    }
  }

  /// The same for some outputs, whose weights are `weights`.
  ///
  /// With the columns w of W and b of Bᵀ, ‖w + s · Aᵀ · b‖² =
  /// ‖w‖² + s · b · (2 · A · w + s · A · Aᵀ · b), which takes no more than a product with a few rows.
  func columnLengths(
    _ lengths: Floats, _ adapter: LowRankAdapter, _ magnitudes: LowRankAdapter.Magnitudes,
    _ weights: ActivationOperand, _ outputs: Range<Int>, _ scratch: LowRankScratch
  ) {
    let (rank, scaling) = (adapter.rank, adapter.scaling)
    let products = scratch.sums.matrix(rows: rank, columns: outputs.count)
    let gram = scratch.sums.matrix(at: rank * outputs.count, rows: rank, columns: rank)
    multiply(.fp32(products), adapter.a.asIs, weights)
    multiply(gram, magnitudes.a.asIs, magnitudes.a.transposed)
    split(outputs.count, minimum: 256) { range, _ in
      for index in range {
        let output = outputs.lowerBound + index
        let b = magnitudes.b.row(output)
        var change: Float = 0
        for k in 0..<rank {
          let own = ckernels_dot(gram.row(k).base, b.base, rank)
          change += b[k] * (2 * products.row(k)[index] + scaling * own)
        }
        lengths[index] = max(0, magnitudes.squares[output] + scaling * change).squareRoot()
      }
    }
  }
}
