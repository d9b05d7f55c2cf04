import TensorKernels

extension TrainingPass {
  /// The backward pass to the embeddings, from the `gradient` of the normalized last hidden states.
  func backward(
    _ inputs: [Int32], _ buffers: PassBuffers, from gradient: MatrixView,
    dropoutSeed: DropoutSeed?, accumulating: Bool
  ) {
    guard let gradientParts, let gradients = buffers.gradients else {
      preconditionFailure("this pass computes only the loss")
    }
    model.threadPool.clear(gradients.hidden.elements)
    layerNormBackward(
      network.parts.lnF, gradientParts.lnF, outGradient: gradient, buffers.lnF, input: buffers.last,
      gradients)
    // Nothing before the first trained parameters needs a gradient.
    let firstTrained = network.firstTrained
    for index in (max(0, firstTrained.block)..<buffers.blocks.endIndex).reversed() {
      if checkpointsGradients { forwardBlockUpToActivation(index, buffers, dropoutSeed) }
      let step = BlockBackward(
        pass: self, block: network.parts.blocks[index],
        blockGradients: gradientParts.blocks[index], buffers: buffers.blocks[index],
        gradients: gradients, dropouts: dropouts(index, dropoutSeed),
        adapters: adapters(index, rows: buffers.rows, dropoutSeed), accumulating: accumulating,
        firstTrained: index == firstTrained.block ? firstTrained.part : nil)
      step.feedForward()
      step.attention(attentionShape(rows: buffers.rows, layer: index))
      onGradientsComplete?(completeStarts[index])
    }
    if let (wte, wpe) = network.trainedEmbeddings {
      model.threadPool.drop(gradients.hidden, embeddingDropout(dropoutSeed))
      addEmbeddingGradients(
        wte.matrix(in: self.gradients), wpe.matrix(in: self.gradients), inputs, gradients.hidden)
    }
  }

  /// Adds to the gradient of the residual stream the part that comes through a layer normalisation.
  fileprivate func layerNormBackward(
    _ norm: LayerNorm, _ gradient: LayerNormGradient, outGradient: MatrixView,
    _ statistics: RowStatistics, input: MatrixView, _ gradients: PassBuffers.Gradients
  ) {
    model.threadPool.layerNormBackward(
      norm, gradient: gradient, inputGradient: gradients.hidden, outGradient: outGradient,
      statistics, input: input, scratch: rowSumScratch.floats)
  }

  private func addEmbeddingGradients(
    _ wteGradient: MatrixView, _ wpeGradient: MatrixView, _ inputs: [Int32],
    _ hiddenGradient: MatrixView
  ) {
    let length = sequenceLength
    // Two rows may belong to the same token, so the threads divide the channels.
    model.threadPool.split(hiddenGradient.columns, minimum: 32) { channels, _ in
      for (row, token) in inputs.enumerated() {
        let gradient = hiddenGradient.row(row)
        let (tokenRow, positionRow) = (wteGradient.row(Int(token)), wpeGradient.row(row % length))
        for channel in channels {
          tokenRow[channel] += gradient[channel]
          positionRow[channel] += gradient[channel]
        }
      }
    }
  }
}

/// The backward pass of one block, which changes the gradient of the residual stream in place.
private struct BlockBackward {
  let pass: TrainingPass
  let block: Block<LayerNorm, LinearLayer>
  let blockGradients: Block<LayerNormGradient, LinearGradient>
  let buffers: BlockBuffers
  let gradients: PassBuffers.Gradients
  let dropouts: TrainingPass.BlockDropouts
  let adapters: BlockAdapters?
  let accumulating: Bool
  /// The first part with trained parameters if the pass ends in this block.
  let firstTrained: BlockPart?

  private var threadPool: ThreadPool { pass.model.threadPool }

  /// Whether the pass reaches beyond the input of `part`.
  private func continues(before part: BlockPart) -> Bool {
    firstTrained.map { $0.rawValue < part.rawValue } ?? true
  }

  /// From the gradient of the block's output to that after the attention.
  func feedForward() {
    let function = pass.model.configuration.activation
    threadPool.drop(gradients.branch, from: gradients.hidden, dropouts.mlpProj)
    if blockGradients.mlpProj.needsInput {
      threadPool.activate(buffers.activation, buffers.preactivation, function)
    }
    // The activation is not needed after this, so its gradient takes its place.
    backward(
      .mlpProj, block.mlpProj, blockGradients.mlpProj, adapters?.mlpProj,
      inputGradient: buffers.activation, outGradient: gradients.branch, input: buffers.activation)
    guard continues(before: .mlpProj) else { return }
    threadPool.activateBackward(buffers.activation, buffers.preactivation, function)
    let input = buffers.residualAfterAttention
    if blockGradients.mlpFC.needsInput {
      threadPool.recomputeLayerNorm(buffers.normalized, buffers.ln2, input, block.ln2)
    }
    backward(
      .mlpFC, block.mlpFC, blockGradients.mlpFC, adapters?.mlpFC,
      inputGradient: .fp32(gradients.normalized), outGradient: buffers.activation,
      input: buffers.normalized, out: buffers.preactivation)
    guard continues(before: .mlpFC) else { return }
    pass.layerNormBackward(
      block.ln2, blockGradients.ln2, outGradient: gradients.normalized, buffers.ln2, input: input,
      gradients)
  }

  /// From the gradient after the attention to that of the block's input.
  func attention(_ shape: AttentionShape) {
    guard continues(before: .ln2) else { return }
    threadPool.drop(gradients.branch, from: gradients.hidden, dropouts.attnProj)
    // The normalized hidden states are not needed yet, so the gradient of the attention's output
    // takes their place.
    backward(
      .attnProj, block.attnProj, blockGradients.attnProj, adapters?.attnProj,
      inputGradient: buffers.normalized, outGradient: gradients.branch,
      input: buffers.attentionOutput)
    guard continues(before: .attnProj) else { return }
    threadPool.attentionBackward(
      qkvGradient: gradients.qkv, outGradient: buffers.normalized, out: buffers.attentionOutput,
      logSumExp: buffers.logSumExp, qkv: buffers.qkv, shape, dropout: dropouts.attention,
      scratch: pass.attentionScratch.floats)
    if blockGradients.attnQKV.needsInput {
      threadPool.recomputeLayerNorm(buffers.normalized, buffers.ln1, buffers.input, block.ln1)
    }
    backward(
      .attnQKV, block.attnQKV, blockGradients.attnQKV, adapters?.attnQKV,
      inputGradient: .fp32(gradients.normalized), outGradient: gradients.qkv,
      input: buffers.normalized, out: buffers.qkv)
    guard continues(before: .attnQKV) else { return }
    pass.layerNormBackward(
      block.ln1, blockGradients.ln1, outGradient: gradients.normalized, buffers.ln1,
      input: buffers.input, gradients)
  }

  private func backward(
    _ part: BlockPart, _ layer: LinearLayer, _ gradient: LinearGradient, _ adapter: LowRankPass?,
    inputGradient: ActivationMatrix, outGradient: ActivationMatrix, input: ActivationMatrix,
    out: ActivationMatrix? = nil
  ) {
    threadPool.backward(
      layer, gradient, inputGradient: continues(before: part) ? inputGradient : nil,
      outGradient: outGradient, input: input, out: out, adapter, accumulating: accumulating,
      scratch: pass.rowSumScratch.floats)
  }
}
