import TensorKernels

/// The memory of a training pass for a number of rows.
struct TrainingMemory {
  /// What each block keeps for the backward pass.
  private let blocks: [BlockMemory]
  /// The input of each block and of what follows the last, `[rows, channels]`.
  private let hidden: [FloatArena]
  private let normalized, activation, qkvGradient, branchGradient: ActivationArena
  private let branchOutput, hiddenGradient, normalizedGradient, finalStatistics: FloatArena
  private let configuration: GPT2Configuration

  private struct BlockMemory {
    let qkv, attentionOutput, preactivation: ActivationArena
    let residualAfterAttention: FloatArena
    /// Mean and 1/deviation of two layer normalizations, and the `logSumExp` of each head.
    let statistics: FloatArena
  }

  /// Memory for `rows` rows; without that of gradients if only the loss is wanted.
  ///
  /// If the blocks keep nothing, they all work in the memory of one.
  init(
    _ configuration: GPT2Configuration, rows: Int, precision: Precision, forGradients: Bool,
    keepsBlocks: Bool
  ) {
    self.configuration = configuration
    let (channels, inner) = (configuration.embeddingSize, configuration.feedForwardSize)
    func floats(_ columns: Int) -> FloatArena { FloatArena(count: rows * columns) }
    func activations(_ columns: Int) -> ActivationArena {
      ActivationArena(count: rows * columns, precision)
    }
    func makeBlock() -> BlockMemory {
      BlockMemory(
        qkv: activations(3 * channels), attentionOutput: activations(channels),
        preactivation: activations(inner), residualAfterAttention: floats(channels),
        statistics: floats(4 + configuration.heads))
    }
    let sharedBlock = keepsBlocks ? nil : makeBlock()
    blocks = (0..<configuration.layers).map { _ in sharedBlock ?? makeBlock() }
    let sharedHidden = forGradients ? nil : floats(channels)
    hidden = (0...configuration.layers).map { _ in sharedHidden ?? floats(channels) }
    finalStatistics = floats(2)
    branchOutput = floats(channels)
    hiddenGradient = floats(forGradients ? channels : 0)
    qkvGradient = activations(forGradients ? 3 * channels : 0)
    activation = activations(inner)
    // In single precision gradients take the place of what they are computed from.
    normalizedGradient = floats(channels)
    let isBFloat16 = precision == .bf16
    normalized = isBFloat16 ? activations(channels) : .fp32(normalizedGradient)
    branchGradient = isBFloat16 ? activations(channels) : .fp32(branchOutput)
  }

  /// The buffers for a batch of `rows` rows, at most as many as there is memory for.
  func buffers(rows: Int) -> TrainingBuffers {
    let (channels, inner) = (configuration.embeddingSize, configuration.feedForwardSize)
    func statistics(_ arena: FloatArena, _ index: Int = 0) -> RowStatistics {
      RowStatistics(
        mean: arena[2 * index * rows..<(2 * index + 1) * rows],
        rstd: arena[(2 * index + 1) * rows..<(2 * index + 2) * rows])
    }
    let hidden = hidden.map { $0.matrix(rows: rows, columns: channels) }
    let branchOutput = branchOutput.matrix(rows: rows, columns: channels)
    let normalized = normalized.matrix(rows: rows, columns: channels)
    let activation = activation.matrix(rows: rows, columns: inner)
    return TrainingBuffers(
      blocks: blocks.enumerated().map { index, block in
        BlockBuffers(
          input: hidden[index], output: hidden[index + 1], normalized: normalized,
          ln1: statistics(block.statistics, 0), ln2: statistics(block.statistics, 1),
          qkv: block.qkv.matrix(rows: rows, columns: 3 * channels),
          attentionOutput: block.attentionOutput.matrix(rows: rows, columns: channels),
          residualAfterAttention: block.residualAfterAttention.matrix(
            rows: rows, columns: channels),
          branchOutput: branchOutput,
          preactivation: block.preactivation.matrix(rows: rows, columns: inner),
          activation: activation)
      },
      logSumExp: blocks.map { $0.statistics[4 * rows..<(4 + configuration.heads) * rows] },
      embedding: hidden[0], last: hidden[blocks.count], lnF: statistics(finalStatistics),
      normalized: normalized, branchOutput: branchOutput,
      gradients: hiddenGradient.count == 0
        ? nil
        : TrainingBuffers.Gradients(
          hidden: hiddenGradient.matrix(rows: rows, columns: channels),
          branch: branchGradient.matrix(rows: rows, columns: channels),
          normalized: normalizedGradient.matrix(rows: rows, columns: channels),
          qkv: qkvGradient.matrix(rows: rows, columns: 3 * channels)))
  }
}

/// Views of ``TrainingMemory`` for batches of one shape.
struct TrainingBuffers {
  let blocks: [BlockBuffers]
  /// The logarithm of the sum of each softmax of the attention of each block.
  let logSumExp: [Floats]
  /// The input of the first block and the output of the last, `[rows, channels]`.
  let embedding, last: MatrixView
  let lnF: RowStatistics
  /// What layer normalizations and branches compute, `[rows, channels]`; all blocks use the same.
  let normalized: ActivationMatrix
  let branchOutput: MatrixView
  let gradients: Gradients?

  /// Memory for gradients, `[rows, …]`.
  struct Gradients {
    /// Of the residual stream.
    let hidden: MatrixView
    /// Of the output of attention or feed-forward layer, as it enters products; in single precision
    /// in the memory of ``TrainingBuffers/branchOutput``.
    let branch: ActivationMatrix
    /// Of the output of layer normalization; in single precision in the memory of
    /// ``TrainingBuffers/normalized``.
    let normalized: MatrixView
    let qkv: ActivationMatrix
  }

  var rows: Int { embedding.rows }
}
