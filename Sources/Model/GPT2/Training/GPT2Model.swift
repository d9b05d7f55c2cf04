import TensorKernels

/// A model of the GPT-2 architecture: its configuration and its parameters.
public final class GPT2Model: TrainableModel {
  public var configuration: GPT2Configuration {
    didSet { precondition(ParameterLayout(configuration).count == layout.count) }
  }
  /// The token ids for generating text, if they differ from those of ``configuration``.
  public var generation: GenerationConfiguration?
  public let layout: ParameterLayout
  /// All parameters, arranged as ``layout`` describes.
  public let parameters: FloatArena
  /// The threads that compute.
  public let threadPool: ThreadPool
  /// ``parameters`` rounded to the nearest bfloat16, in the same layout, if products use them.
  private var bfloat16Weights: Arena<UInt16>?
  /// What the user should know about how the configuration and weights were read, in whole
  /// sentences.
  public internal(set) var notes: [String] = []

  var embeddings: Embeddings {
    Embeddings(
      wte: .floats(layout.wte.matrix(in: parameters)), wpe: layout.wpe.matrix(in: parameters))
  }

  /// A model with all parameters zero.
  public init(_ configuration: GPT2Configuration, threadPool: ThreadPool) {
    self.configuration = configuration
    self.threadPool = threadPool
    layout = ParameterLayout(configuration)
    parameters = FloatArena(count: layout.count)
  }

  // MARK: - Training

  /// All parameters are trained.
  public var trainable: ParameterArray {
    ParameterArray(
      parameters: layout.parameters, floats: parameters, bfloat16Copies: bfloat16Weights)
  }

  public var network: TrainableNetwork {
    let weights: ActivationArena = bfloat16Weights.map { .bf16($0) } ?? .fp32(parameters)
    return TrainableNetwork(
      embeddings: embeddings,
      parts: layout.parts.map {
        $0.layerNorm(in: parameters)
      } linear: { linear in
        let (place, shape) = (linear.weight.range.lowerBound, linear.weight.shape)
        let matrix = weights.matrix(at: place, rows: shape[0], columns: shape[1])
        return LinearLayer(
          trainable: linear.isTransposed ? matrix.transposed : matrix.asIs,
          bias: linear.bias.map { parameters[$0.range] })
      },
      trainedEmbeddings: (layout.wte, layout.wpe),
      trainedParts: layout.parts.map {
        .init(weight: $0.weight, bias: $0.bias)
      } linear: {
        .init(weight: $0.weight, bias: $0.bias)
      })
  }

  public func enableBFloat16() {
    bfloat16Weights = Arena(count: layout.count)
  }

  // MARK: - New weights

  /// A model with new random weights: see ``drawWeights(seed:)``.
  public convenience init(_ configuration: GPT2Configuration, seed: UInt64, threadPool: ThreadPool)
  {
    self.init(configuration, threadPool: threadPool)
    drawWeights(seed: seed)
  }

  /// Gives a model whose parameters are all zero new random weights: normally distributed with the
  /// initializer range, smaller by a factor of √(2 · layers) in the two projections that feed the
  /// residual stream; biases are 0, and layer normalisation is 1 and 0 (Radford and others
  /// 2019, 2.3).
  public func drawWeights(seed: UInt64) {
    for parameter in layout.parameters {
      let floats = parameters[parameter.range]
      if parameter.name.hasSuffix(".bias") { continue }
      if !parameter.decays {
        floats.update(repeating: 1)
        continue
      }
      var deviation = configuration.initializerRange
      if parameter.name.hasSuffix("c_proj.weight") {
        deviation /= Float(2 * configuration.layers).squareRoot()
      }
      threadPool.drawNormal(
        floats, deviation: deviation, seed: seed, .initialWeights, stream: parameter.index)
    }
  }
}
