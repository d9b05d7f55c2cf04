import TensorKernels

/// The memory that a block is computed in; each buffer is `[rows, …]`.
struct BlockBuffers {
  /// The hidden states before and after the block, `[rows, channels]`.
  let input, output: MatrixView
  /// Layer-normalized hidden states, `[rows, channels]`; all blocks use the same.
  let normalized: ActivationMatrix
  let ln1, ln2: RowStatistics
  /// Queries, keys and values, `[rows, 3 · channels]`.
  let qkv: ActivationMatrix
  /// The output of the attention heads, `[rows, channels]`.
  let attentionOutput: ActivationMatrix
  /// The logarithm of the sum of the exponentials of each softmax in training's attention,
  /// `[rows · heads]`.
  let logSumExp: Floats
  /// The hidden states between the attention and the feed-forward layer, `[rows, channels]`.
  let residualAfterAttention: MatrixView
  /// The output of the attention or the feed-forward layer before it is added, `[rows, channels]`;
  /// all blocks share it.
  let branchOutput: MatrixView
  /// The feed-forward layer before and after its activation function, `[rows, feedForwardSize]`;
  /// all blocks use the same memory for the latter.
  let preactivation, activation: ActivationMatrix
}

/// The memory of a pass over a number of rows.
struct PassBuffers {
  let blocks: [BlockBuffers]
  /// The input of the first block and the output of the last, `[rows, channels]`.
  let embedding, last: MatrixView
  let lnF: RowStatistics
  /// The outputs of layer normalisations and branches, `[rows, channels]`.
  let normalized: ActivationMatrix
  let branchOutput: MatrixView
  /// `nil` if only the forward pass is computed.
  let gradients: Gradients?

  /// Memory for gradients, `[rows, …]`.
  struct Gradients {
    /// Of the residual stream.
    let hidden: MatrixView
    /// Of the output of the attention or the feed-forward layer, as it enters products; in single
    /// precision, in the memory of ``PassBuffers/branchOutput``.
    let branch: ActivationMatrix
    /// Of the output of layer normalisation; in single precision in the memory of
    /// ``PassBuffers/normalized``.
    let normalized: MatrixView
    let qkv: ActivationMatrix
  }

  var rows: Int { embedding.rows }

  /// Allocates memory for up to `rows` rows.
  ///
  /// Returns a function that owns the memory and creates buffers in it. Call it once for
  /// consecutive passes over the same number of rows.
  ///
  /// With `forGradients`, the input of each block is kept for a backward pass, and with
  /// `keepsBlocks`, what the block computes is kept too. Otherwise all blocks work in the same
  /// memory.
  static func allocate(
    _ configuration: GPT2Configuration, rows: Int, precision: Precision = .fp32,
    forGradients: Bool = false, keepsBlocks: Bool = false
  ) -> (_ rows: Int) -> PassBuffers {
    let (channels, inner) = (configuration.embeddingSize, configuration.feedForwardSize)
    func floats(_ columns: Int) -> (_ rows: Int) -> MatrixView {
      let arena = FloatArena(count: rows * columns)
      return { arena.matrix(rows: $0, columns: columns) }
    }
    func activations(_ columns: Int) -> (_ rows: Int) -> ActivationMatrix {
      let arena = ActivationArena(count: rows * columns, precision)
      return { arena.matrix(rows: $0, columns: columns) }
    }
    func statistics() -> (_ rows: Int) -> RowStatistics {
      let arena = FloatArena(count: 2 * rows)
      return { RowStatistics(mean: arena[0..<$0], rstd: arena[$0..<2 * $0]) }
    }
    let (branchOutput, normalizedGradient) = (floats(channels), floats(channels))
    var normalized: (Int) -> ActivationMatrix = { .fp32(normalizedGradient($0)) }
    var branchGradient: (Int) -> ActivationMatrix = { .fp32(branchOutput($0)) }
    if precision == .bf16 {
      (normalized, branchGradient) = (activations(channels), activations(channels))
    }
    let activation = activations(inner)
    func block() -> (_ rows: Int, _ input: MatrixView, _ output: MatrixView) -> BlockBuffers {
      let (qkv, attentionOutput) = (activations(3 * channels), activations(channels))
      let (logSumExp, residual) = (floats(configuration.heads), floats(channels))
      let (ln1, ln2, preactivation) = (statistics(), statistics(), activations(inner))
      return { [normalized] rows, input, output in
        BlockBuffers(
          input: input, output: output, normalized: normalized(rows), ln1: ln1(rows),
          ln2: ln2(rows), qkv: qkv(rows), attentionOutput: attentionOutput(rows),
          logSumExp: logSumExp(rows).elements, residualAfterAttention: residual(rows),
          branchOutput: branchOutput(rows), preactivation: preactivation(rows),
          activation: activation(rows))
      }
    }
    let sharedBlock = keepsBlocks ? nil : block()
    let blocks = (0..<configuration.layers).map { _ in sharedBlock ?? block() }
    let sharedHidden = forGradients ? nil : floats(channels)
    let hidden = (0...configuration.layers).map { _ in sharedHidden ?? floats(channels) }
    let lnF = statistics()
    let ownGradients = forGradients ? (floats(channels), activations(3 * channels)) : nil
    var current: PassBuffers?
    return { [normalized, branchGradient] rows in
      if let current, current.rows == rows { return current }
      let hidden = hidden.map { $0(rows) }
      let buffers = PassBuffers(
        blocks: blocks.indices.map { blocks[$0](rows, hidden[$0], hidden[$0 + 1]) },
        embedding: hidden[0], last: hidden[blocks.count], lnF: lnF(rows),
        normalized: normalized(rows), branchOutput: branchOutput(rows),
        gradients: ownGradients.map { hiddenGradient, qkvGradient in
          Gradients(
            hidden: hiddenGradient(rows), branch: branchGradient(rows),
            normalized: normalizedGradient(rows), qkv: qkvGradient(rows))
        })
      current = buffers
      return buffers
    }
  }
}
