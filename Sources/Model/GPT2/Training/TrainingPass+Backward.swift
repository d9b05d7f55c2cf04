import TensorKernels

extension TrainingPass {
  /// The backward pass from the gradient of the normalized last hidden states, which `head` left
  /// in `scratch.branch`, to the embeddings.
  func backward(
    _ tokens: UnsafeBufferPointer<Int32>, dropoutSeed: DropoutSeed?, accumulating: Bool
  ) {
    let (rows, width) = (tokens.count, model.configuration.width)
    let layout = model.layout
    let hiddenGradient = scratch.hiddenGradient.matrix(rows: rows, columns: width)
    model.threadPool.clear(hiddenGradient.floats)
    model.threadPool.layerNormBackward(
      inputGradient: hiddenGradient, weightGradient: gradients[layout.finalNormWeight],
      biasGradient: gradients[layout.finalNormBias],
      outGradient: scratch.branch.matrix(rows: rows, columns: width),
      mean: finalMean[0..<rows], rstd: finalRstd[0..<rows],
      input: inputs[blocks.count].matrix(rows: rows, columns: width),
      weight: model.vector(layout.finalNormWeight), scratch: scratch.rowSums.floats)
    for index in blocks.indices.reversed() {
      if checkpointsGradients { forwardBlock(index, rows: rows, dropoutSeed) }
      let dropouts = dropouts(index, dropoutSeed)
      backwardFeedForward(index, hiddenGradient, dropouts, accumulating)
      backwardAttention(index, hiddenGradient, dropouts, accumulating)
    }
    model.threadPool.drop(hiddenGradient, embeddingDropout(dropoutSeed))
    addEmbeddingGradients(tokens, hiddenGradient)
  }

  /// From the gradient of the block's output to that of `middle`, in place.
  private func backwardFeedForward(
    _ index: Int, _ hiddenGradient: MatrixView, _ dropouts: BlockDropouts, _ accumulating: Bool
  ) {
    let (rows, width) = (hiddenGradient.rows, hiddenGradient.columns)
    let inner = model.configuration.innerWidth
    let (block, activations) = (model.layout.blocks[index], blocks[index])
    let threadPool = model.threadPool
    let branch = scratch.branchGradient.matrix(rows: rows, columns: width)
    let activation = scratch.activation.matrix(rows: rows, columns: inner)
    let preactivation = activations.preactivation.matrix(rows: rows, columns: inner)
    let normalized = scratch.normalized.matrix(rows: rows, columns: width)
    let middle = activations.middle.matrix(rows: rows, columns: width)
    let normalizedGradient = scratch.normalizedGradient.matrix(rows: rows, columns: width)

    threadPool.drop(branch, from: hiddenGradient, dropouts.feedForwardOut)
    threadPool.activate(activation, preactivation, model.configuration.activation)
    addLinearGradients(
      block.feedForwardOutWeight, block.feedForwardOutBias, input: activation, outGradient: branch,
      accumulating)
    // The activation has served; its place takes its gradient.
    threadPool.multiply(
      activation, branch.asIs,
      model.weights(block.feedForwardOutWeight, columns: width).transposed)
    threadPool.activateBackward(activation, preactivation, model.configuration.activation)
    threadPool.layerNormAgain(
      normalized, mean: activations.norm2Mean[0..<rows], rstd: activations.norm2Rstd[0..<rows],
      middle, weight: model.vector(block.norm2Weight), bias: model.vector(block.norm2Bias))
    addLinearGradients(
      block.feedForwardInWeight, block.feedForwardInBias, input: normalized,
      outGradient: activation, accumulating)
    threadPool.multiply(
      .fp32(normalizedGradient), activation.asIs,
      model.weights(block.feedForwardInWeight, columns: inner).transposed)
    threadPool.layerNormBackward(
      inputGradient: hiddenGradient, weightGradient: gradients[block.norm2Weight],
      biasGradient: gradients[block.norm2Bias], outGradient: normalizedGradient,
      mean: activations.norm2Mean[0..<rows], rstd: activations.norm2Rstd[0..<rows],
      input: middle, weight: model.vector(block.norm2Weight), scratch: scratch.rowSums.floats)
  }

  /// From the gradient of `middle` to that of the block's input, in place.
  private func backwardAttention(
    _ index: Int, _ hiddenGradient: MatrixView, _ dropouts: BlockDropouts, _ accumulating: Bool
  ) {
    let (rows, width) = (hiddenGradient.rows, hiddenGradient.columns)
    let (block, activations) = (model.layout.blocks[index], blocks[index])
    let threadPool = model.threadPool
    let branch = scratch.branchGradient.matrix(rows: rows, columns: width)
    let normalized = scratch.normalized.matrix(rows: rows, columns: width)
    let attended = activations.attended.matrix(rows: rows, columns: width)
    let qkvGradient = scratch.qkvGradient.matrix(rows: rows, columns: 3 * width)
    let input = inputs[index].matrix(rows: rows, columns: width)
    let normalizedGradient = scratch.normalizedGradient.matrix(rows: rows, columns: width)

    threadPool.drop(branch, from: hiddenGradient, dropouts.attentionOut)
    addLinearGradients(
      block.attentionOutWeight, block.attentionOutBias, input: attended, outGradient: branch,
      accumulating)
    // The normalized hidden states are not needed yet; their place takes the gradient of attended.
    threadPool.multiply(
      normalized, branch.asIs, model.weights(block.attentionOutWeight, columns: width).transposed)
    threadPool.attentionBackward(
      qkvGradient: qkvGradient, outGradient: normalized, out: attended,
      logSums: activations.logSums[0..<rows * model.configuration.heads],
      qkv: activations.qkv.matrix(rows: rows, columns: 3 * width),
      attentionShape(rows: rows, layer: index),
      dropout: dropouts.attention, scratch: scratch.attention.floats)
    threadPool.layerNormAgain(
      normalized, mean: activations.norm1Mean[0..<rows], rstd: activations.norm1Rstd[0..<rows],
      input, weight: model.vector(block.norm1Weight), bias: model.vector(block.norm1Bias))
    addLinearGradients(
      block.qkvWeight, block.qkvBias, input: normalized, outGradient: qkvGradient,
      accumulating)
    threadPool.multiply(
      .fp32(normalizedGradient), qkvGradient.asIs,
      model.weights(block.qkvWeight, columns: 3 * width).transposed)
    threadPool.layerNormBackward(
      inputGradient: hiddenGradient, weightGradient: gradients[block.norm1Weight],
      biasGradient: gradients[block.norm1Bias], outGradient: normalizedGradient,
      mean: activations.norm1Mean[0..<rows], rstd: activations.norm1Rstd[0..<rows],
      input: input, weight: model.vector(block.norm1Weight), scratch: scratch.rowSums.floats)
  }

  /// The gradients of weight and bias of out = input · weight + bias; that of the bias is added.
  private func addLinearGradients(
    _ weight: Range<Int>, _ bias: Range<Int>, input: ActivationMatrix,
    outGradient: ActivationMatrix, _ accumulating: Bool
  ) {
    model.threadPool.multiply(
      .fp32(gradientMatrix(weight, columns: outGradient.columns)), input.transposed,
      outGradient.asIs, accumulating: accumulating)
    model.threadPool.addRowSum(gradients[bias], outGradient, scratch: scratch.rowSums.floats)
  }

  private func addEmbeddingGradients(
    _ tokens: UnsafeBufferPointer<Int32>, _ hiddenGradient: MatrixView
  ) {
    let width = hiddenGradient.columns
    let tokenGradient = gradientMatrix(model.layout.tokenEmbedding, columns: width)
    let positionGradient = gradientMatrix(model.layout.positionEmbedding, columns: width)
    // Two rows may be of the same token, so the threads share the channels.
    model.threadPool.split(width, minimum: 32) { channels, _ in
      for (row, token) in tokens.enumerated() {
        let gradient = hiddenGradient.row(row)
        let tokenRow = tokenGradient.row(Int(token))
        let positionRow = positionGradient.row(row % time)
        for channel in channels {
          tokenRow[channel] += gradient[channel]
          positionRow[channel] += gradient[channel]
        }
      }
    }
  }
}
