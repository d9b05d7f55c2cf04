import TensorKernels

/// Memory that the forward pass of one transformer block works in, `[rows, …]` each.
///
/// Training keeps some of it for the backward pass, block by block; sampling uses the same for all
/// blocks.
struct BlockBuffers {
  /// The input of the block and its output.
  let input, output: MatrixView
  /// Layer-normalized hidden states, `[rows, channels]`; scratch.
  let normalized: ActivationMatrix
  /// Mean and 1/deviation of the two layer normalizations, `[rows]`.
  let norm1Mean, norm1Rstd, norm2Mean, norm2Rstd: Floats
  /// Queries, keys and values, `[rows, 3 · channels]`.
  let qkv: ActivationMatrix
  /// What attention gathered, before its projection, `[rows, channels]`.
  let attended: ActivationMatrix
  /// The hidden states between attention and feed-forward part, `[rows, channels]`.
  let middle: MatrixView
  /// The output of a branch before it is added, `[rows, channels]`; scratch.
  let branch: MatrixView
  /// The feed-forward part before and after its activation, `[rows, inner]`; the latter is scratch.
  let preactivation, activation: ActivationMatrix
}

/// The dropouts of one block in one pass.
struct BlockDropouts {
  var attention: Dropout?
  var attentionOut: Dropout?
  var feedForwardOut: Dropout?
}

/// A model as the forward pass of its blocks sees it, however its weights are kept.
protocol TransformerBlocks {
  var configuration: GPT2Configuration { get }
  var layout: ParameterLayout { get }
  var threadPool: ThreadPool { get }

  /// The bias or the normalization that ``layout`` has at `range`.
  func vector(_ range: Range<Int>) -> Floats

  /// out = input · weight + bias, with the parameters that ``layout`` has there.
  func linear(
    _ out: ActivationMatrix, _ input: ActivationMatrix, weight: Range<Int>, bias: Range<Int>)
}

extension TransformerBlocks {
  /// The forward pass of block `index`: x + attention(norm(x)), then that + feedForward(norm(that)).
  ///
  /// `attend` fills `attended` from `qkv`: training attends within the batch, sampling to the
  /// cache too.
  func forwardBlock(
    _ index: Int, _ buffers: BlockBuffers,
    attend: (_ attended: ActivationMatrix, _ qkv: ActivationMatrix) -> Void
  ) {
    beginBlock(index, buffers, attentionOutDropout: nil, attend: attend)
    finishBlock(index, buffers, dropout: nil)
  }

  /// The forward pass of block `index` up to what enters the activation of its feed-forward part:
  /// all that the backward pass needs.
  func beginBlock(
    _ index: Int, _ buffers: BlockBuffers, attentionOutDropout: Dropout?,
    attend: (_ attended: ActivationMatrix, _ qkv: ActivationMatrix) -> Void
  ) {
    let block = layout.blocks[index]
    let epsilon = configuration.layerNormEpsilon
    threadPool.layerNorm(
      buffers.normalized, mean: buffers.norm1Mean, rstd: buffers.norm1Rstd, buffers.input,
      weight: vector(block.norm1Weight), bias: vector(block.norm1Bias), epsilon: epsilon)
    linear(buffers.qkv, buffers.normalized, weight: block.qkvWeight, bias: block.qkvBias)
    attend(buffers.attended, buffers.qkv)
    linear(
      .fp32(buffers.branch), buffers.attended, weight: block.attentionOutWeight,
      bias: block.attentionOutBias)
    threadPool.addResidual(
      buffers.middle, buffers.input, branch: buffers.branch, attentionOutDropout)
    threadPool.layerNorm(
      buffers.normalized, mean: buffers.norm2Mean, rstd: buffers.norm2Rstd, buffers.middle,
      weight: vector(block.norm2Weight), bias: vector(block.norm2Bias), epsilon: epsilon)
    linear(
      buffers.preactivation, buffers.normalized, weight: block.feedForwardInWeight,
      bias: block.feedForwardInBias)
  }

  /// The rest of the forward pass of block `index`.
  func finishBlock(_ index: Int, _ buffers: BlockBuffers, dropout: Dropout?) {
    let block = layout.blocks[index]
    threadPool.activate(buffers.activation, buffers.preactivation, configuration.activation)
    linear(
      .fp32(buffers.branch), buffers.activation, weight: block.feedForwardOutWeight,
      bias: block.feedForwardOutBias)
    threadPool.addResidual(
      buffers.output, buffers.middle, branch: buffers.branch, dropout)
  }

}

extension GPT2Model: TransformerBlocks {
  func linear(
    _ out: ActivationMatrix, _ input: ActivationMatrix, weight: Range<Int>, bias: Range<Int>
  ) {
    threadPool.multiply(
      out, input.asIs, weights(weight, columns: out.columns).asIs, bias: vector(bias))
  }

  /// The embedding of `tokens`: token plus position, `[tokens, channels]`.
  ///
  /// `position` gives the position of each row in its sequence.
  func embed(
    _ out: MatrixView, tokens: UnsafeBufferPointer<Int32>, position: (_ row: Int) -> Int
  ) {
    precondition(tokens.count == out.rows)
    let embedding = tokenEmbedding
    let positions = matrix(layout.positionEmbedding, columns: configuration.width)
    threadPool.split(out.rows, minimum: 16) { rows, _ in
      for row in rows {
        let token = embedding.row(Int(tokens[row]))
        let place = positions.row(position(row))
        let target = out.row(row)
        for channel in target.indices { target[channel] = token[channel] + place[channel] }
      }
    }
  }
}
