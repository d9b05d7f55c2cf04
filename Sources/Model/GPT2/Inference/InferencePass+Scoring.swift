import TensorKernels

extension InferencePass {
  /// How probable `sequences` are to the model.
  ///
  /// transformers' loss of a sequence is the negative of this, divided by the number of its tokens
  /// minus 1. The head is applied to as many positions at a time as the pass has sequences.
  ///
  /// - Parameter sequences: Each of at least 2 tokens, and of at most one more than the pass has
  ///   positions.
  /// - Returns: for each the natural logarithm of the probability of all its tokens but the first,
  ///   each after those before it; NaN if the logits are not finite.
  public func logProbabilities(of sequences: [[Int32]]) -> [Double] {
    var sums = [Double](repeating: 0, count: sequences.count)
    // What goes through the model together: positions of sequences, with the tokens after them.
    var rows: [(sequence: Int, continuation: Continuation, target: Int32)] = []
    func score() {
      guard !rows.isEmpty else { return }
      let logits = logits(rows.map(\.continuation))
      for (index, row) in rows.enumerated()
      where UnsafeBufferPointer(logits.row(index)).firstNonFinite != nil {
        sums[row.sequence] = .nan
      }
      // Token after token, so that a sum does not depend on what goes through together.
      let losses = model.threadPool.crossEntropies(
        logits, targets: rows.map(\.target), gradientScale: 0)
      for (row, loss) in zip(rows, losses) { sums[row.sequence] -= loss }
      rows.removeAll(keepingCapacity: true)
    }
    for (index, tokens) in sequences.enumerated() {
      precondition(tokens.count >= 2)
      let cache = KeyValueCache(model.configuration, capacity: tokens.count - 1)
      for (token, target) in zip(tokens, tokens.dropFirst()) {
        rows.append((index, Continuation(cache, [token]), target))
        if rows.count == sequenceCapacity { score() }
      }
    }
    score()
    return sums
  }
}
