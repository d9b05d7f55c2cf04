import TensorKernels

extension InferencePass {
  /// How probable `sequences` are to the model.
  ///
  /// transformers' loss of a sequence is this, divided by one token less than it has, and negative.
  /// The output matrix is applied to as many positions at a time as the pass has sequences.
  ///
  /// - Parameter sequences: each of 2 tokens or more, and of one token more than the pass has
  ///   positions at most.
  /// - Returns: for each the natural logarithm of the probability of all of its tokens but the first,
  ///   each after those before it; NaN if the logits are not finite.
  public func logProbabilities(of sequences: [[Int32]]) -> [Double] {
    var sums = [Double](repeating: 0, count: sequences.count)
    /// What goes through the model together: positions of sequences, with the tokens behind them.
    var rows: [(sequence: Int, continuation: Continuation, target: Int32)] = []
    func score() {
      guard !rows.isEmpty else { return }
      let logits = logits(rows.map(\.continuation))
      for (index, row) in rows.enumerated()
      where UnsafeBufferPointer(logits.row(index)).firstNonFinite != nil {
        sums[row.sequence] = .nan
      }
      // Token after token, so that a sum does not depend on what goes through together.
      let losses = rows.map(\.target).withUnsafeBufferPointer {
        model.threadPool.crossEntropies(logits, targets: $0, gradientScale: 0)
      }
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
