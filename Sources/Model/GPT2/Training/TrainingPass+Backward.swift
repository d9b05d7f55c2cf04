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
    for index in buffers.blocks.indices.reversed() {
      if checkpointsGradients { forwardBlockUpToActivation(index, buffers, dropoutSeed) }
      let step = BlockBackward(
        pass: self, block: network.parts.blocks[index], blockGradients: gradientParts.blocks[index],
        buffers: buffers.blocks[index], gradients: gradients,
        dropouts: dropouts(index, dropoutSeed), accumulating: accumulating)
      step.feedForward()
      step.attention(attentionShape(rows: buffers.rows, layer: index))
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
  let accumulating: Bool

  private var threadPool: ThreadPool { pass.model.threadPool }

  /// From the gradient of the block's output to that after the attention.
  func feedForward() {
    let function = pass.model.configuration.activation
    threadPool.drop(gradients.branch, from: gradients.hidden, dropouts.mlpProj)
    threadPool.activate(buffers.activation, buffers.preactivation, function)
    // The activation is not needed after this, so its gradient takes its place.
    backward(
      block.mlpProj, blockGradients.mlpProj, inputGradient: buffers.activation,
      outGradient: gradients.branch, input: buffers.activation)
    threadPool.activateBackward(buffers.activation, buffers.preactivation, function)
    let input = buffers.residualAfterAttention
    threadPool.recomputeLayerNorm(buffers.normalized, buffers.ln2, input, block.ln2)
    backward(
      block.mlpFC, blockGradients.mlpFC, inputGradient: .fp32(gradients.normalized),
      outGradient: buffers.activation, input: buffers.normalized)
    pass.layerNormBackward(
      block.ln2, blockGradients.ln2, outGradient: gradients.normalized, buffers.ln2, input: input,
      gradients)
  }

  /// From the gradient after the attention to that of the block's input.
  func attention(_ shape: AttentionShape) {
    threadPool.drop(gradients.branch, from: gradients.hidden, dropouts.attnProj)
    // The normalized hidden states are not needed yet, so the gradient of the attention's output
    // takes their place.
    backward(
      block.attnProj, blockGradients.attnProj, inputGradient: buffers.normalized,
      outGradient: gradients.branch, input: buffers.attentionOutput)
    threadPool.attentionBackward(
      qkvGradient: gradients.qkv, outGradient: buffers.normalized, out: buffers.attentionOutput,
      logSumExp: buffers.logSumExp, qkv: buffers.qkv, shape, dropout: dropouts.attention,
      scratch: pass.attentionScratch.floats)
    threadPool.recomputeLayerNorm(buffers.normalized, buffers.ln1, buffers.input, block.ln1)
    backward(
      block.attnQKV, blockGradients.attnQKV, inputGradient: .fp32(gradients.normalized),
      outGradient: gradients.qkv, input: buffers.normalized)
    pass.layerNormBackward(
      block.ln1, blockGradients.ln1, outGradient: gradients.normalized, buffers.ln1,
      input: buffers.input, gradients)
  }

  private func backward(
    _ layer: LinearLayer, _ gradient: LinearGradient, inputGradient: ActivationMatrix,
    outGradient: ActivationMatrix, input: ActivationMatrix
  ) {
    threadPool.backward(
      layer, gradient, inputGradient: inputGradient, outGradient: outGradient, input: input,
      accumulating: accumulating, scratch: pass.rowSumScratch.floats)
  }
}
