import CheckpointFormat
import TensorKernels

/// A model that can be trained: what a ``TrainingPass``, the optimizer and checkpoints need of it.
public protocol TrainableModel: AnyObject {
  var configuration: GPT2Configuration { get }
  /// The threads that compute.
  var threadPool: ThreadPool { get }
  /// The numbers that training changes.
  var trainable: ParameterArray { get }
  /// All layers, and where the numbers that training changes are in them.
  var network: TrainableNetwork { get }
  /// Computes training's products in bfloat16, from copies of the trainable numbers that
  /// ``updateBFloat16Weights()`` or the optimizer keeps up to date.
  func enableBFloat16()
}

extension TrainableModel {
  /// The precision of training's products.
  public var precision: Precision { trainable.bfloat16Copies == nil ? .fp32 : .bf16 }

  /// Updates the bfloat16 copies, if there are any, after the trainable numbers have changed.
  public func updateBFloat16Weights() {
    guard let copies = trainable.bfloat16Copies else { return }
    threadPool.roundToBFloat16(copies.elements, trainable.floats.floats)
  }
}

/// Parameters in a single array.
///
/// Gradients and the moments of the optimizer have the same layout, so clipping, AdamW and
/// checkpoints are loops over ``parameters``.
public struct ParameterArray {
  /// What is in the array, in order.
  public let parameters: [ParameterLayout.Parameter]
  /// The numbers.
  public let floats: FloatArena
  /// ``floats`` rounded to the nearest bfloat16, if products use them.
  let bfloat16Copies: Arena<UInt16>?

  /// The bfloat16 copies of the numbers in `range`, if there are any.
  public func bfloat16Weights(_ range: Range<Int>) -> VectorView<UInt16>? {
    bfloat16Copies.map { $0[range] }
  }

  /// The contents of `arena`, which has this layout, for each parameter, for writing.
  public func tensors(of arena: FloatArena, prefix: String = "") -> [SafetensorsWriter.Tensor] {
    parameters.map {
      .init(name: prefix + $0.name, shape: $0.shape, floats: arena[$0.range].buffer)
    }
  }
}

/// The layers of a model in the form that training's passes use, and where the parameters that are
/// trained lie in the model's ``ParameterArray``.
public struct TrainableNetwork {
  let embeddings: Embeddings
  let parts: Transformer<LayerNorm, LinearLayer>
  /// The embeddings of tokens and positions, if they are trained.
  let trainedEmbeddings: (wte: ParameterLayout.Parameter, wpe: ParameterLayout.Parameter)?
  let trainedParts: Transformer<ParameterLayout.TrainedNorm, ParameterLayout.TrainedLinear>
  /// The probability with which elements of the inputs of adapters are dropped.
  var adapterDropout: Float = 0

  /// For each block, an offset in the ``ParameterArray``: from there on there are no parameters of
  /// earlier layers, so the gradients are complete after the backward pass of the block.
  var completeStarts: [Int] {
    var end = trainedEmbeddings.map { max($0.wte.range.upperBound, $0.wpe.range.upperBound) } ?? 0
    return trainedParts.blocks.map { block in
      let start = end
      var parameters = [block.ln1, block.ln2].flatMap { [$0.weight, $0.bias] }
      for linear in block.matrices {
        let adapter = linear.adapter
        parameters += [linear.weight, linear.bias, adapter?.a, adapter?.b, adapter?.magnitude]
      }
      end = parameters.compactMap { $0?.range.upperBound }.reduce(end, max)
      return start
    }
  }

  /// Where in a forward pass the first trained parameters of the blocks are; only the last layer
  /// normalization is trained if there are none.
  var firstTrained: (block: Int, part: BlockPart) {
    if trainedEmbeddings != nil { return (-1, .mlpProj) }
    for (index, block) in trainedParts.blocks.enumerated() {
      let isTrained = [
        block.ln1.isTrained, block.attnQKV.isTrained, block.attnProj.isTrained,
        block.ln2.isTrained, block.mlpFC.isTrained, block.mlpProj.isTrained,
      ]
      for (part, isTrained) in zip(BlockPart.allCases, isTrained) where isTrained {
        return (index, part)
      }
    }
    return (trainedParts.blocks.count, .ln1)
  }
}

/// The parts of a ``Block``, in the order of a forward pass.
enum BlockPart: Int, CaseIterable {
  case ln1, attnQKV, attnProj, ln2, mlpFC, mlpProj
}

extension ParameterLayout {
  /// The parameters of a layer normalization that are trained.
  struct TrainedNorm {
    var weight, bias: Parameter?

    var isTrained: Bool { weight != nil || bias != nil }

    /// Their gradients in an array of their layout.
    func gradient(in arena: FloatArena) -> LayerNormGradient {
      LayerNormGradient(
        weight: weight.map { arena[$0.range] }, bias: bias.map { arena[$0.range] })
    }
  }

  /// The parameters of a linear layer that are trained.
  struct TrainedLinear {
    var weight, bias: Parameter?
    var adapter: AdapterLayout.Module?

    var isTrained: Bool { weight != nil || bias != nil || adapter != nil }

    /// Their gradients in an array of their layout.
    func gradient(in arena: FloatArena) -> LinearGradient {
      LinearGradient(
        weights: weight.map { $0.matrix(in: arena) }, bias: bias.map { arena[$0.range] },
        adapter: adapter.map { adapter in
          LowRankGradient(
            a: adapter.a.matrix(in: arena), b: adapter.b.matrix(in: arena),
            magnitudes: adapter.magnitude.map { arena[$0.range] })
        })
    }
  }
}
