import TensorKernels

/// The forward and backward passes of training over batches of one shape.
///
/// Holds the gradients and the activations that the backward pass needs; cheap ones (layer
/// normalization, GELU, attention weights, dropout masks) are computed again instead.
public final class TrainingPass {
  /// Which dropout masks a pass draws.
  public struct DropoutSeed: Sendable {
    public var seed: UInt64
    /// The number of the pass: no two passes of a training should have the same.
    public var pass: UInt32

    public init(seed: UInt64, pass: UInt32) {
      self.seed = seed
      self.pass = pass
    }
  }

  public let model: GPT2Model
  /// Sequences in the largest batch.
  public let batch: Int
  /// Positions of a sequence.
  public let time: Int
  /// The gradients, laid out as the parameters.
  public let gradients: FloatArena

  /// Whether the backward pass computes the activations of a block again from its input.
  public let checkpointsGradients: Bool

  /// The input of each block, `[rows, channels]`, and of what follows the last.
  let inputs: [FloatArena]
  let blocks: [BlockActivations]
  let scratch: ScratchMemory
  /// The last layer normalization's mean and 1/deviation.
  let finalMean: FloatArena
  let finalRstd: FloatArena

  /// Activations of one block that are kept for the backward pass, beside its input.
  struct BlockActivations {
    let qkv, attended, preactivation: ActivationArena
    let middle: FloatArena
    let norm1Mean, norm1Rstd, norm2Mean, norm2Rstd, logSums: FloatArena
  }

  /// Memory that all blocks share.
  struct ScratchMemory {
    let normalized, activation, qkvGradient: ActivationArena
    let branch, hiddenGradient, attention, rowSums: FloatArena
    /// The gradient of a branch as it enters products; in single precision in the memory of
    /// ``branch``.
    let branchGradient: ActivationArena
    /// The gradient of what layer normalization made; in single precision in the memory of
    /// ``normalized``.
    let normalizedGradient: FloatArena
    /// Logits of some rows.
    let logits: FloatArena
    let logitRows: Int
  }

  /// Logits are made in blocks of rows of about this many numbers, never all at once.
  private static let logitBlock = 32 << 20

  /// Memory for batches of up to `batch` sequences of `time` positions; without gradients if only
  /// the loss is wanted.
  ///
  /// With `checkpointsGradients` only the input of each block is kept, and the rest is computed
  /// again in the backward pass: less memory, a third more time (Chen and others 2016, Training
  /// deep nets with sublinear memory cost).
  public init(
    _ model: GPT2Model, batch: Int, time: Int, forGradients: Bool = true,
    checkpointsGradients: Bool = false
  ) {
    precondition(time <= model.configuration.contextLength)
    self.model = model
    self.batch = batch
    self.time = time
    self.checkpointsGradients = checkpointsGradients
    let configuration = model.configuration
    let (rows, width, inner) = (batch * time, configuration.width, configuration.innerWidth)
    gradients = FloatArena(count: forGradients ? model.layout.count : 0)
    func arena(_ columns: Int) -> ActivationArena {
      ActivationArena(count: rows * columns, model.precision)
    }
    func makeBlock() -> BlockActivations {
      func floats(_ columns: Int) -> FloatArena { FloatArena(count: rows * columns) }
      return BlockActivations(
        qkv: arena(3 * width), attended: arena(width), preactivation: arena(inner),
        middle: floats(width), norm1Mean: floats(1), norm1Rstd: floats(1),
        norm2Mean: floats(1), norm2Rstd: floats(1), logSums: floats(configuration.heads))
    }
    // Where nothing is kept, all blocks work in the memory of one.
    let shared = forGradients && !checkpointsGradients ? nil : makeBlock()
    blocks = (0..<configuration.layers).map { _ in shared ?? makeBlock() }
    let input = forGradients ? nil : FloatArena(count: rows * width)
    inputs = (0...configuration.layers).map { _ in input ?? FloatArena(count: rows * width) }
    finalMean = FloatArena(count: rows)
    finalRstd = FloatArena(count: rows)
    let logitBlocks =
      (rows * configuration.vocabularySize + Self.logitBlock - 1) / Self.logitBlock
    let logitRows = (rows + logitBlocks - 1) / logitBlocks
    let shape = AttentionShape(
      batch: batch, time: time, heads: configuration.heads, channels: width, scale: 1)
    let branch = FloatArena(count: rows * width)
    let normalizedGradient = FloatArena(count: rows * width)
    let isHalf = model.precision == .bf16
    scratch = ScratchMemory(
      normalized: isHalf ? arena(width) : .fp32(normalizedGradient), activation: arena(inner),
      qkvGradient: arena(forGradients ? 3 * width : 0), branch: branch,
      hiddenGradient: FloatArena(count: forGradients ? rows * width : 0),
      attention: FloatArena(count: model.threadPool.count * shape.scratchPerWorker),
      rowSums: FloatArena(count: ThreadPool.rowGradientScratch(channels: max(inner, 3 * width))),
      branchGradient: isHalf ? arena(width) : .fp32(branch),
      normalizedGradient: normalizedGradient,
      logits: FloatArena(count: logitRows * configuration.vocabularySize), logitRows: logitRows)
  }

  /// Computes the sum of the losses of all targets, without gradients and without dropout.
  ///
  /// - Parameters:
  ///   - tokens: `[sequences · time]`, up to ``batch`` sequences.
  ///   - targets: `[sequences · time]`: the token that follows each; negative: none.
  /// - Returns: the sum, in nats.
  public func loss(
    tokens: UnsafeBufferPointer<Int32>, targets: UnsafeBufferPointer<Int32>
  ) -> Double {
    forward(tokens, dropoutSeed: nil)
    return head(targets: targets, gradientScale: 0, accumulating: false)
  }

  /// Computes the sum of the losses of all targets and leaves its gradient times `gradientScale`
  /// in ``gradients``.
  ///
  /// - Parameters:
  ///   - tokens: `[sequences · time]`, up to ``batch`` sequences.
  ///   - targets: `[sequences · time]`: the token that follows each; negative: none.
  ///   - gradientScale: 1 / number of targets of the whole step gives the gradient of the mean.
  ///   - dropoutSeed: Which masks are drawn; `nil`: no dropout.
  ///   - accumulating: Whether the gradient is added to the one that is there.
  /// - Returns: the sum, in nats.
  public func lossAndGradients(
    tokens: UnsafeBufferPointer<Int32>, targets: UnsafeBufferPointer<Int32>,
    gradientScale: Float, dropoutSeed: DropoutSeed?, accumulating: Bool = false
  ) -> Double {
    precondition(gradients.count == model.layout.count, "made for the loss only")
    if !accumulating { clearGradients() }
    forward(tokens, dropoutSeed: dropoutSeed)
    let loss = head(targets: targets, gradientScale: gradientScale, accumulating: accumulating)
    backward(tokens, dropoutSeed: dropoutSeed, accumulating: accumulating)
    return loss
  }

  /// Clears the gradients that are sums over rows; those of the matrices in the blocks and of the
  /// head are overwritten by their first product.
  private func clearGradients() {
    let products = Set(
      [model.layout.head]
        + model.layout.blocks.flatMap {
          [$0.qkvWeight, $0.attentionOutWeight, $0.feedForwardInWeight, $0.feedForwardOutWeight]
        })
    for parameter in model.layout.parameters where !products.contains(parameter.range) {
      model.threadPool.clear(gradients[parameter.range])
    }
  }

  // MARK: - Shapes

  func attentionShape(rows: Int, layer: Int) -> AttentionShape {
    AttentionShape(
      batch: rows / time, time: time, heads: model.configuration.heads,
      channels: model.configuration.width,
      scale: model.configuration.attentionScale(layer: layer))
  }

  /// The dropouts of block `index`.
  func dropouts(_ index: Int, _ seed: DropoutSeed?) -> BlockDropouts {
    guard let seed else { return BlockDropouts() }
    func dropout(_ probability: Float, _ place: Int) -> Dropout? {
      Dropout(
        probability: probability, seed: seed.seed, pass: seed.pass,
        place: UInt32(1 + 3 * index + place))
    }
    let configuration = model.configuration
    return BlockDropouts(
      attention: dropout(configuration.attentionDropout, 0),
      attentionOut: dropout(configuration.residualDropout, 1),
      feedForwardOut: dropout(configuration.residualDropout, 2))
  }

  func embeddingDropout(_ seed: DropoutSeed?) -> Dropout? {
    seed.flatMap {
      Dropout(
        probability: model.configuration.embeddingDropout, seed: $0.seed, pass: $0.pass, place: 0)
    }
  }

  // MARK: - Forward

  private func forward(_ tokens: UnsafeBufferPointer<Int32>, dropoutSeed: DropoutSeed?) {
    let rows = tokens.count
    precondition(rows > 0 && rows % time == 0 && rows <= batch * time)
    let width = model.configuration.width
    let input = inputs[0].matrix(rows: rows, columns: width)
    model.embed(input, tokens: tokens) { $0 % time }
    model.threadPool.drop(input, embeddingDropout(dropoutSeed))
    for index in blocks.indices {
      forwardBlock(index, rows: rows, dropoutSeed)
      model.finishBlock(
        index, buffers(index, rows: rows), dropout: dropouts(index, dropoutSeed).feedForwardOut)
    }
    let final = inputs[blocks.count].matrix(rows: rows, columns: width)
    model.threadPool.layerNorm(
      scratch.normalized.matrix(rows: rows, columns: width), mean: finalMean[0..<rows],
      rstd: finalRstd[0..<rows], final, weight: model.vector(model.layout.finalNormWeight),
      bias: model.vector(model.layout.finalNormBias),
      epsilon: model.configuration.layerNormEpsilon)
  }

  /// Computes the activations of block `index` from its input, without its output.
  func forwardBlock(_ index: Int, rows: Int, _ dropoutSeed: DropoutSeed?) {
    let dropouts = dropouts(index, dropoutSeed)
    let logSums = blocks[index].logSums[0..<rows * model.configuration.heads]
    model.beginBlock(
      index, buffers(index, rows: rows), attentionOutDropout: dropouts.attentionOut
    ) { attended, qkv in
      model.threadPool.attention(
        attended, logSums: logSums, qkv, attentionShape(rows: rows, layer: index),
        dropout: dropouts.attention, scratch: scratch.attention.floats)
    }
  }

  private func buffers(_ index: Int, rows: Int) -> BlockBuffers {
    let block = blocks[index]
    let (width, inner) = (model.configuration.width, model.configuration.innerWidth)
    return BlockBuffers(
      input: inputs[index].matrix(rows: rows, columns: width),
      output: inputs[index + 1].matrix(rows: rows, columns: width),
      normalized: scratch.normalized.matrix(rows: rows, columns: width),
      norm1Mean: block.norm1Mean[0..<rows], norm1Rstd: block.norm1Rstd[0..<rows],
      norm2Mean: block.norm2Mean[0..<rows], norm2Rstd: block.norm2Rstd[0..<rows],
      qkv: block.qkv.matrix(rows: rows, columns: 3 * width),
      attended: block.attended.matrix(rows: rows, columns: width),
      middle: block.middle.matrix(rows: rows, columns: width),
      branch: scratch.branch.matrix(rows: rows, columns: width),
      preactivation: block.preactivation.matrix(rows: rows, columns: inner),
      activation: scratch.activation.matrix(rows: rows, columns: inner))
  }

  /// Logits and loss by blocks of rows.
  ///
  /// With a gradient scale other than 0, makes the gradient of the output matrix and leaves that of
  /// the normalized last hidden states in `scratch.branch`.
  private func head(
    targets: UnsafeBufferPointer<Int32>, gradientScale: Float, accumulating: Bool
  ) -> Double {
    let (rows, width) = (targets.count, model.configuration.width)
    let threadPool = model.threadPool
    let hidden = scratch.normalized.matrix(rows: rows, columns: width)
    let hiddenGradient = scratch.branch.matrix(rows: rows, columns: width)
    var loss = 0.0
    for start in stride(from: 0, to: rows, by: scratch.logitRows) {
      let range = start..<min(rows, start + scratch.logitRows)
      let logits = scratch.logits.matrix(
        rows: range.count, columns: model.configuration.vocabularySize)
      threadPool.multiply(.fp32(logits), hidden.rows(range).asIs, model.head.transposed)
      loss += threadPool.crossEntropy(
        logits, targets: UnsafeBufferPointer(rebasing: targets[range]),
        gradientScale: gradientScale)
      guard gradientScale != 0 else { continue }
      let gradient =
        model.precision == .bf16 ? threadPool.halvedInPlace(logits) : .fp32(logits)
      threadPool.multiply(.fp32(hiddenGradient.rows(range)), gradient.asIs, model.head.asIs)
      threadPool.multiply(
        .fp32(gradientMatrix(model.layout.head, columns: width)), gradient.transposed,
        hidden.rows(range).asIs, accumulating: accumulating || start > 0)
    }
    return loss
  }

  func gradientMatrix(_ range: Range<Int>, columns: Int) -> MatrixView {
    gradients.matrix(at: range.lowerBound, rows: range.count / columns, columns: columns)
  }
}
