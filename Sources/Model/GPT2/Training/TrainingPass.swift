import TensorKernels

/// The forward and backward passes of training over batches of one shape.
///
/// Holds the gradients and the activations that the backward pass needs. Cheap ones (layer
/// normalization, GELU, attention weights, dropout masks) are recomputed instead.
public final class TrainingPass {
  /// Which dropout masks a pass draws.
  public struct DropoutSeed: Sendable {
    public let seed: UInt64
    public let pass: UInt32

    /// No two passes of a training run should have the same `pass` index.
    public init(seed: UInt64, pass: UInt32) {
      (self.seed, self.pass) = (seed, pass)
    }
  }

  public let model: any TrainableModel
  /// Sequences in the largest batch.
  public let batchSize: Int
  /// Positions of a sequence.
  public let sequenceLength: Int
  /// The gradients, in the same layout as the numbers that are trained.
  public let gradients: FloatArena
  /// Called in a backward pass when the gradients from an offset on are complete, with that offset.
  public var onGradientsComplete: ((_ start: Int) -> Void)?
  let network: TrainableNetwork
  let completeStarts: [Int]
  /// Where the gradients of each part lie; `nil` if only the loss is computed.
  let gradientParts: Transformer<LayerNormGradient, LinearGradient>?
  /// Whether the backward pass recomputes the activations of a block from its input.
  let checkpointsGradients: Bool

  private let buffers: (_ rows: Int) -> PassBuffers
  private let adapterBuffers: AdapterBuffers?
  let attentionScratch, rowSumScratch: FloatArena
  /// The logits of some rows at a time: all of them would take too much memory.
  private let logits: FloatArena

  /// Logits are computed in blocks of rows of about this many numbers.
  ///
  /// Each block adds to the gradient of a head that is trained, which is large.
  private static func logitBlock(isTrained: Bool) -> Int { isTrained ? 32 << 20 : 4 << 20 }

  /// Allocates memory for batches of up to `batchSize` sequences of `sequenceLength` positions;
  /// without gradients if only the loss is needed.
  ///
  /// With `checkpointsGradients`, only the input of each block is kept, and the rest is recomputed
  /// in the backward pass: less memory, but more time (Chen et al. 2016, Training deep nets with
  /// sublinear memory cost).
  public init(
    _ model: any TrainableModel, batchSize: Int, sequenceLength: Int, forGradients: Bool = true,
    checkpointsGradients: Bool = false
  ) {
    let configuration = model.configuration
    precondition(sequenceLength <= configuration.contextLength)
    self.model = model
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    self.checkpointsGradients = checkpointsGradients
    network = model.network
    completeStarts = network.completeStarts
    let gradients = FloatArena(count: forGradients ? model.trainable.floats.count : 0)
    self.gradients = gradients
    gradientParts =
      forGradients
      ? network.trainedParts.map {
        $0.gradient(in: gradients)
      } linear: {
        $0.gradient(in: gradients)
      } : nil
    let rows = batchSize * sequenceLength
    buffers = PassBuffers.allocate(
      configuration, rows: rows, precision: model.precision, forGradients: forGradients,
      keepsBlocks: forGradients && !checkpointsGradients)
    adapterBuffers = AdapterBuffers(network, rows: rows, model.threadPool, model.precision)
    let shape = AttentionShape(
      batchSize: batchSize, sequenceLength: sequenceLength, heads: configuration.heads,
      channels: configuration.embeddingSize, scale: 1)
    attentionScratch = FloatArena(count: model.threadPool.count * shape.scratchPerThread)
    rowSumScratch = FloatArena(
      count: ThreadPool.rowGradientScratch(
        channels: max(configuration.feedForwardSize, 3 * configuration.embeddingSize)))
    let vocabulary = configuration.vocabularySize
    let logitBlock = Self.logitBlock(isTrained: network.trainedParts.lmHead.weight != nil)
    let logitBlocks = (rows * vocabulary).dividedRoundingUp(by: logitBlock)
    logits = FloatArena(count: rows.dividedRoundingUp(by: logitBlocks) * vocabulary)
  }

  /// Computes the sum of the losses of all targets, without gradients and without dropout.
  ///
  /// - Parameters:
  ///   - inputs: Tokens, `[sequences · sequenceLength]`, up to ``batchSize`` sequences.
  ///   - targets: `[sequences · sequenceLength]`, the token that follows each; negative for none.
  /// - Returns: the sum, in nats.
  public func loss(inputs: [Int32], targets: [Int32]) -> Double {
    let buffers = forward(inputs, dropoutSeed: nil)
    return forEachLogitBlock(buffers, targets: targets, gradientScale: 0) { _, _ in }
  }

  /// Computes the sum of the losses of all targets and leaves its gradient times `gradientScale`
  /// in ``gradients``.
  ///
  /// - Parameters:
  ///   - inputs: Tokens, `[sequences · sequenceLength]`, up to ``batchSize`` sequences.
  ///   - targets: `[sequences · sequenceLength]`, the token that follows each; negative for none.
  ///   - gradientScale: 1 / the number of targets of the whole step gives the gradient of the mean.
  ///   - dropoutSeed: Which masks are drawn; `nil` for no dropout.
  ///   - accumulating: Whether the gradient is added to the existing one.
  /// - Returns: the sum, in nats.
  public func lossAndGradients(
    inputs: [Int32], targets: [Int32], gradientScale: Float, dropoutSeed: DropoutSeed?,
    accumulating: Bool = false
  ) -> Double {
    guard let gradientParts else { preconditionFailure("this pass computes only the loss") }
    if !accumulating { clearGradients() }
    let buffers = forward(inputs, dropoutSeed: dropoutSeed)
    let (loss, gradient) = lossAndHiddenGradient(
      buffers, targets: targets, gradientScale: gradientScale, gradientParts.lmHead,
      accumulating: accumulating)
    backward(inputs, buffers, from: gradient, dropoutSeed: dropoutSeed, accumulating: accumulating)
    return loss
  }

  /// Clears the gradients that are sums over rows; those of the linear layers' matrices are
  /// overwritten by their first product.
  private func clearGradients() {
    let parts = network.trainedParts
    let products = Set(
      (parts.blocks.flatMap(\.matrices) + [parts.lmHead]).compactMap(\.weight?.index))
    for parameter in model.trainable.parameters where !products.contains(parameter.index) {
      model.threadPool.clear(gradients[parameter.range])
    }
  }

  // MARK: - Dropout

  /// The dropouts of a block.
  struct BlockDropouts {
    let attention, attnProj, mlpProj: Dropout?
  }

  func dropouts(_ index: Int, _ seed: DropoutSeed?) -> BlockDropouts {
    let configuration = model.configuration
    let first = UInt32(1 + 3 * index)
    return BlockDropouts(
      attention: dropout(configuration.attentionDropout, place: first, seed),
      attnProj: dropout(configuration.residualDropout, place: first + 1, seed),
      mlpProj: dropout(configuration.residualDropout, place: first + 2, seed))
  }

  /// What is kept of the adapters of block `index`; each matrix has a mask of its own.
  func adapters(_ index: Int, rows: Int, _ seed: DropoutSeed?) -> BlockAdapters? {
    let first = 1 + 3 * model.configuration.layers + 4 * index
    return adapterBuffers?.block(index, rows: rows) { matrix in
      let place = first + (AdaptableMatrix.allCases.firstIndex(of: matrix) ?? 0)
      return dropout(network.adapterDropout, place: UInt32(place), seed)
    }
  }

  func embeddingDropout(_ seed: DropoutSeed?) -> Dropout? {
    dropout(model.configuration.embeddingDropout, place: 0, seed)
  }

  private func dropout(_ probability: Float, place: UInt32, _ seed: DropoutSeed?) -> Dropout? {
    seed.flatMap {
      Dropout(probability: probability, seed: $0.seed, pass: $0.pass, place: place)
    }
  }

  // MARK: - Forward

  func attentionShape(rows: Int, layer: Int) -> AttentionShape {
    AttentionShape(
      batchSize: rows / sequenceLength, sequenceLength: sequenceLength,
      heads: model.configuration.heads, channels: model.configuration.embeddingSize,
      scale: model.configuration.attentionScale(layer: layer))
  }

  /// The forward pass up to the normalized last hidden states.
  private func forward(_ inputs: [Int32], dropoutSeed: DropoutSeed?) -> PassBuffers {
    let rows = inputs.count
    precondition(rows > 0 && rows % sequenceLength == 0 && rows <= batchSize * sequenceLength)
    let buffers = buffers(rows)
    embed(buffers.embedding, inputs)
    model.threadPool.drop(buffers.embedding, embeddingDropout(dropoutSeed))
    for (index, block) in network.parts.blocks.enumerated() {
      forwardBlockUpToActivation(index, buffers, dropoutSeed)
      block.forwardFromActivation(
        buffers.blocks[index], model.configuration, model.threadPool,
        dropout: dropouts(index, dropoutSeed).mlpProj,
        adapters: adapters(index, rows: rows, dropoutSeed))
    }
    model.threadPool.layerNorm(
      buffers.normalized, buffers.lnF, buffers.last, network.parts.lnF,
      epsilon: model.configuration.layerNormEpsilon)
    return buffers
  }

  /// The embeddings of tokens and their positions, `[rows, channels]`.
  private func embed(_ out: MatrixView, _ inputs: [Int32]) {
    let (embeddings, length) = (network.embeddings, sequenceLength)
    model.threadPool.split(out.rows, minimum: 16) { rows, _ in
      for row in rows {
        embeddings.sum(out.row(row), token: inputs[row], position: row % length)
      }
    }
  }

  /// Computes from the input of block `index` what its backward pass needs.
  func forwardBlockUpToActivation(
    _ index: Int, _ buffers: PassBuffers, _ dropoutSeed: DropoutSeed?
  ) {
    let dropouts = dropouts(index, dropoutSeed)
    network.parts.blocks[index].forwardUpToActivation(
      buffers.blocks[index], model.configuration, model.threadPool, dropout: dropouts.attnProj,
      adapters: adapters(index, rows: buffers.rows, dropoutSeed)
    ) { attentionOutput, qkv in
      model.threadPool.attention(
        attentionOutput, logSumExp: buffers.blocks[index].logSumExp, qkv,
        attentionShape(rows: buffers.rows, layer: index), dropout: dropouts.attention,
        scratch: attentionScratch.floats)
    }
  }

  // MARK: - Loss

  /// Computes logits and loss block by block of rows.
  ///
  /// Calls `body` for each block with the gradient of the logits, unless `gradientScale` is 0.
  /// Returns the sum of the losses.
  private func forEachLogitBlock(
    _ buffers: PassBuffers, targets: [Int32], gradientScale: Float,
    _ body: (_ rows: Range<Int>, _ logitGradient: MatrixView) -> Void
  ) -> Double {
    precondition(targets.count == buffers.rows)
    let vocabulary = model.configuration.vocabularySize
    let blockRows = logits.count / vocabulary
    var loss = 0.0
    for start in stride(from: 0, to: targets.count, by: blockRows) {
      let rows = start..<min(targets.count, start + blockRows)
      let logits = logits.matrix(rows: rows.count, columns: vocabulary)
      model.threadPool.forward(network.parts.lmHead, .fp32(logits), buffers.normalized.rows(rows))
      loss += model.threadPool.crossEntropy(
        logits, targets: targets[rows], gradientScale: gradientScale)
      if gradientScale != 0 { body(rows, logits) }
    }
    return loss
  }

  /// The loss and the gradient of the normalized last hidden states; also computes the head's
  /// gradient.
  private func lossAndHiddenGradient(
    _ buffers: PassBuffers, targets: [Int32], gradientScale: Float, _ lmHead: LinearGradient,
    accumulating: Bool
  ) -> (loss: Double, gradient: MatrixView) {
    let threadPool = model.threadPool
    let hiddenGradient = buffers.branchOutput
    let loss = forEachLogitBlock(buffers, targets: targets, gradientScale: gradientScale) {
      rows, logitGradient in
      threadPool.backward(
        network.parts.lmHead, lmHead, inputGradient: .fp32(hiddenGradient.rows(rows)),
        outGradient: model.precision == .bf16
          ? threadPool.roundToBFloat16InPlace(logitGradient) : .fp32(logitGradient),
        input: buffers.normalized.rows(rows), accumulating: accumulating || rows.lowerBound > 0,
        scratch: rowSumScratch.floats)
    }
    return (loss, hiddenGradient)
  }
}
