import CKernels

extension ThreadPool {
  /// −log softmax(logits)[target] of each row.
  ///
  /// - Parameters:
  ///   - logits: `[rows, vocabulary]`, replaced by the gradient of the sum times `gradientScale`
  ///     unless that is 0.
  ///   - targets: `[rows]`; rows with a negative target are skipped.
  ///   - gradientScale: What the gradient is multiplied by, usually 1 / number of targets.
  /// - Returns: `[rows]`; zero for a row that is skipped.
  public func crossEntropies(
    _ logits: MatrixView, targets: some Collection<Int32>, gradientScale: Float
  ) -> [Double] {
    let targets = Array(targets)
    precondition(targets.count == logits.rows)
    return [Double](unsafeUninitializedCapacity: logits.rows) { buffer, count in
      buffer.initialize(repeating: 0)
      count = logits.rows
      let losses = VectorView(buffer)
      split(logits.rows, minimum: max(1, 4096 / logits.columns), maximumPieces: 64) { rows, _ in
        for row in rows {
          let scores = logits.row(row)
          let target = Int(targets[row])
          if target >= 0 {
            precondition(target < logits.columns, "a target is outside the vocabulary")
            losses[row] = ckernels_cross_entropy(scores.base, scores.count, target, gradientScale)
          } else if gradientScale != 0 {
            scores.update(repeating: 0)
          }
        }
      }
    }
  }

  /// The sum of the ``crossEntropies(_:targets:gradientScale:)``, in the order of the rows.
  public func crossEntropy(
    _ logits: MatrixView, targets: some Collection<Int32>, gradientScale: Float
  ) -> Double {
    crossEntropies(logits, targets: targets, gradientScale: gradientScale).reduce(0, +)
  }
}
