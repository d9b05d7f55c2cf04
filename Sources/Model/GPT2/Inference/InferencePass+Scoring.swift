import TensorKernels

extension InferencePass {
  /// How probable `sequences` are according to the model.
  ///
  /// The loss that transformers computes for a sequence is the negative of this, divided by the
  /// number of its tokens minus 1. The head is applied to as many positions at a time as the pass
  /// has sequences.
  ///
  /// - Parameter sequences: Each has at least 2 tokens, and at most one more than the pass has
  ///   positions.
  /// - Returns: for each sequence, the natural logarithm of the probability of all its tokens
  ///   except the first, each given those before it; NaN if the logits are not finite.
  public func logProbabilities(of sequences: [[Int32]]) -> [Double] {
    var sums = [Double](repeating: 0, count: sequences.count)
    // What goes through the model together: positions of sequences, each with the token after it.
    var rows: [(sequence: Int, continuation: Continuation, target: Int32)] = []
    func score() {
      guard !rows.isEmpty else { return }
      let logits = logits(rows.map(\.continuation))
      for (index, row) in rows.enumerated()
      where UnsafeBufferPointer(logits.row(index)).firstNonFinite != nil {
        sums[row.sequence] = .nan
      }
      // Sum token by token, so that a sum does not depend on what goes through the model together.
      let losses = model.threadPool.crossEntropies(
        logits, targets: rows.map(\.target), gradientScale: 0)
      for (row, loss) in zip(rows, losses) { sums[row.sequence] -= loss }
      rows.removeAll(keepingCapacity: true)
    }
    for (index, tokens) in sequences.enumerated() {
      precondition(tokens.count >= 2)
      let cache = KeyValueCache(model, capacity: tokens.count - 1)
      for (token, target) in zip(tokens, tokens.dropFirst()) {
        rows.append((index, Continuation(cache, [token]), target))
        if rows.count == sequenceCapacity { score() }
      }
    }
    score()
    return sums
  }
}
