import TensorKernels

/// The parts of a transformer block, named as in GPT-2's weights.
///
/// A part can be anything that is known about it: where its parameters lie (``ParameterLayout``),
/// the parameters themselves (``GPT2Model``, ``InferenceModel``), or their gradients
/// (``TrainingPass``).
struct Block<Norm, Linear> {
  let ln1: Norm
  let attnQKV, attnProj: Linear
  let ln2: Norm
  let mlpFC, mlpProj: Linear
}

extension Block {
  /// The matrices, in the order of a forward pass.
  var matrices: [Linear] { [attnQKV, attnProj, mlpFC, mlpProj] }
}

/// The parts of a GPT-2 after its embeddings.
struct Transformer<Norm, Linear> {
  let blocks: [Block<Norm, Linear>]
  let lnF: Norm
  let lmHead: Linear

  /// The same parts, each transformed, in the order of a forward pass.
  func map<NewNorm, NewLinear>(
    norm: (Norm) throws -> NewNorm, linear: (Linear) throws -> NewLinear
  ) rethrows -> Transformer<NewNorm, NewLinear> {
    try Transformer<NewNorm, NewLinear>(
      blocks: blocks.map {
        try Block<NewNorm, NewLinear>(
          ln1: norm($0.ln1), attnQKV: linear($0.attnQKV), attnProj: linear($0.attnProj),
          ln2: norm($0.ln2), mlpFC: linear($0.mlpFC), mlpProj: linear($0.mlpProj))
      }, lnF: norm(lnF), lmHead: linear(lmHead))
  }
}

extension Transformer: Sendable where Norm: Sendable, Linear: Sendable {}
extension Block: Sendable where Norm: Sendable, Linear: Sendable {}

/// What a pass keeps of the adapters of a block.
typealias BlockAdapters = Block<Void, LowRankPass?>

extension Block<LayerNorm, LinearLayer> {
  /// The forward pass x + attention(ln1(x)), and then from the result up to the input of the
  /// activation function: everything that the backward pass needs.
  ///
  /// `attend` computes `attentionOutput` from `qkv`: training attends within the batch, sampling
  /// also to the cache.
  func forwardUpToActivation(
    _ buffers: BlockBuffers, _ configuration: GPT2Configuration, _ threadPool: ThreadPool,
    dropout: Dropout? = nil, adapters: BlockAdapters? = nil,
    attend: (_ attentionOutput: ActivationMatrix, _ qkv: ActivationMatrix) -> Void
  ) {
    let epsilon = configuration.layerNormEpsilon
    threadPool.layerNorm(buffers.normalized, buffers.ln1, buffers.input, ln1, epsilon: epsilon)
    threadPool.forward(
      attnQKV, buffers.qkv, buffers.normalized, adapters?.attnQKV, next: attnProj)
    attend(buffers.attentionOutput, buffers.qkv)
    threadPool.forward(
      attnProj, .fp32(buffers.branchOutput), buffers.attentionOutput, adapters?.attnProj,
      next: mlpFC)
    threadPool.addResidual(
      buffers.residualAfterAttention, buffers.input, branchOutput: buffers.branchOutput, dropout)
    threadPool.layerNorm(
      buffers.normalized, buffers.ln2, buffers.residualAfterAttention, ln2, epsilon: epsilon)
    threadPool.forward(
      mlpFC, buffers.preactivation, buffers.normalized, adapters?.mlpFC, next: mlpProj)
  }

  /// The rest of the forward pass; `next` is the first layer after the block.
  func forwardFromActivation(
    _ buffers: BlockBuffers, _ configuration: GPT2Configuration, _ threadPool: ThreadPool,
    dropout: Dropout? = nil, adapters: BlockAdapters? = nil, next: LinearLayer? = nil
  ) {
    threadPool.activate(buffers.activation, buffers.preactivation, configuration.activation)
    threadPool.forward(
      mlpProj, .fp32(buffers.branchOutput), buffers.activation, adapters?.mlpProj, next: next)
    threadPool.addResidual(
      buffers.output, buffers.residualAfterAttention, branchOutput: buffers.branchOutput, dropout)
  }
}
