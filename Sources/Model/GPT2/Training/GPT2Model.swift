import Foundation
import TensorKernels

/// A model of the GPT-2 architecture: its configuration and its parameters.
public final class GPT2Model {
  public var configuration: GPT2Configuration {
    didSet { precondition(ParameterLayout(configuration).count == layout.count) }
  }
  /// The ids for writing texts, where they are not those of ``configuration``.
  public var generation: GenerationConfiguration?
  public let layout: ParameterLayout
  /// All parameters, laid out as ``layout`` says.
  public let parameters: FloatArena
  /// The threads that compute.
  public let threadPool: ThreadPool
  /// What the products of a training are computed with.
  public var precision: Precision { halves == nil ? .fp32 : .bf16 }
  /// The nearest bfloat16 of ``parameters``, in the same layout, where products need them.
  private var halves: Arena<UInt16>?
  /// What a user should know of how configuration and weights were read; whole sentences.
  public internal(set) var notes: [String] = []

  /// A model with all parameters zero.
  public init(_ configuration: GPT2Configuration, threadPool: ThreadPool) {
    self.configuration = configuration
    self.threadPool = threadPool
    layout = ParameterLayout(configuration)
    parameters = FloatArena(count: layout.count)
  }

  /// A model with new random weights: see ``drawWeights(seed:)``.
  public convenience init(_ configuration: GPT2Configuration, seed: UInt64, threadPool: ThreadPool)
  {
    self.init(configuration, threadPool: threadPool)
    drawWeights(seed: seed)
  }

  /// Gives a model whose parameters are all zero new random weights: normal with the initializer
  /// range, the two projections that feed the residual stream smaller by √(2 · layers), biases 0,
  /// layer normalization 1 and 0 (Radford and others 2019, 2.3).
  public func drawWeights(seed: UInt64) {
    for (index, parameter) in layout.parameters.enumerated() {
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
      let scale = Double(deviation)
      threadPool.split((floats.count + 1) / 2, minimum: 4096) { pairs, _ in
        var generator = PhiloxGenerator(
          seed: seed, .initialWeights, stream: index, skippingPairs: pairs.lowerBound)
        let range = 2 * pairs.lowerBound..<min(floats.count, 2 * pairs.upperBound)
        self.fill(Floats(rebasing: floats[range]), deviation: scale, &generator)
      }
    }
  }

  /// Fills `floats` with normally distributed numbers (Box and Muller's transform).
  private func fill(
    _ floats: Floats, deviation: Double, _ generator: inout PhiloxGenerator
  ) {
    for position in stride(from: 0, to: floats.count, by: 2) {
      // 1 − u keeps the logarithm away from 0.
      let radius = deviation * (-2 * log(1 - generator.nextUnit())).squareRoot()
      let angle = 2 * Double.pi * generator.nextUnit()
      floats[position] = Float(radius * cos(angle))
      if position + 1 < floats.count { floats[position + 1] = Float(radius * sin(angle)) }
    }
  }

  // MARK: - Precision

  /// Makes the products of a training be of bfloat16, with copies of the parameters that
  /// ``updateHalves()`` makes and keeps up to date.
  public func multiplyHalves() {
    halves = Arena(count: layout.count)
  }

  /// The copies in bfloat16 of the parameters in `range`, if there are any.
  public func halves(_ range: Range<Int>) -> UnsafeMutableBufferPointer<UInt16>? {
    halves.map { $0[range] }
  }

  /// Makes the copies in bfloat16 again, if there are any, after the parameters have changed.
  public func updateHalves() {
    if let halves { threadPool.halve(halves.elements, parameters.floats) }
  }

  // MARK: - Views of the parameters

  /// A matrix as it enters the products of a training.
  func weights(_ range: Range<Int>, columns: Int) -> ActivationMatrix {
    guard let halves else { return .fp32(matrix(range, columns: columns)) }
    return ActivationArena.bf16(halves).matrix(range, columns: columns)
  }

  func vector(_ range: Range<Int>) -> Floats { parameters[range] }

  func matrix(_ range: Range<Int>, columns: Int) -> MatrixView {
    parameters.matrix(at: range.lowerBound, rows: range.count / columns, columns: columns)
  }

  /// The output matrix, `[vocabulary, channels]`.
  var head: ActivationMatrix { weights(layout.head, columns: configuration.width) }

  /// The token embedding, `[vocabulary, channels]`.
  var tokenEmbedding: MatrixView {
    matrix(layout.tokenEmbedding, columns: configuration.width)
  }
}
