import GPT2
import TensorKernels
import Testing

/// A model and a batch, as small as they can be for what they are to show.
private struct Shape: Sendable, CustomTestStringConvertible {
  let vocabulary, channels, heads, inner, layers, batchSize, sequenceLength: Int

  var testDescription: String {
    "\(vocabulary) tokens, \(layers) layers of \(channels)/\(inner) channels, \(heads) heads, "
      + "\(batchSize) × \(sequenceLength)"
  }

  func model(_ variant: Variant) -> GPT2Model {
    tinyModel(
      vocabularySize: vocabulary, contextLength: sequenceLength + 1, embeddingSize: channels,
      layers: layers,
      heads: heads, feedForwardSize: inner
    ) {
      $0.activation = variant.activation
      $0.scalesAttention = variant.scalesAttention
      $0.scalesAttentionByLayer = variant.scalesAttentionByLayer
      $0.tiesWordEmbeddings = variant.tiesWordEmbeddings
    }
  }

  var tokens: [Int32] { someTokens(batchSize * sequenceLength, vocabularySize: vocabulary) }

  /// If there are several, one of them is missing.
  var targets: [Int32] {
    var targets = someTokens(batchSize * sequenceLength, vocabularySize: vocabulary, seed: 4)
    if targets.count > 2 { targets[1] = -1 }
    return targets
  }
}

private let ordinary = Shape(
  vocabulary: 11, channels: 6, heads: 3, inner: 24, layers: 3, batchSize: 2, sequenceLength: 5)

private let shapes = [
  ordinary,
  // A head of one channel, a feed-forward part of one.
  Shape(vocabulary: 5, channels: 7, heads: 7, inner: 1, layers: 2, batchSize: 1, sequenceLength: 3),
  // One position, so that attention has nothing to choose from.
  Shape(
    vocabulary: 9, channels: 5, heads: 1, inner: 13, layers: 2, batchSize: 3, sequenceLength: 1),
  // What is left over after whole vectors of 4, 8 and 16 numbers.
  Shape(
    vocabulary: 37, channels: 33, heads: 3, inner: 41, layers: 2, batchSize: 1, sequenceLength: 9),
  // More positions than a tile of the attention.
  Shape(
    vocabulary: 7, channels: 6, heads: 2, inner: 5, layers: 2, batchSize: 1, sequenceLength: 70),
]

/// What a configuration chooses of the forward pass.
private struct Variant: Sendable, CustomTestStringConvertible {
  var activation = ActivationFunction.geluTanh
  var scalesAttention = true
  var scalesAttentionByLayer = false
  var tiesWordEmbeddings = true

  var testDescription: String {
    "\(activation), \(scalesAttention ? "" : "not ")scaled"
      + "\(scalesAttentionByLayer ? " by layer" : ""), \(tiesWordEmbeddings ? "tied" : "separate")"
  }

  static let all = [ActivationFunction.geluTanh, .gelu, .relu].flatMap { activation in
    (0..<8).map {
      Variant(
        activation: activation, scalesAttention: $0 & 1 == 0, scalesAttentionByLayer: $0 & 2 != 0,
        tiesWordEmbeddings: $0 & 4 == 0)
    }
  }
}

/// The probabilities of the three dropouts.
private struct Probabilities: Sendable {
  let embedding, attention, residual: Float

  /// The probability at `place`, counted as the masks are.
  func callAsFunction(place: Int) -> Float {
    place == 0 ? embedding : place % 3 == 1 ? attention : residual
  }
}

/// The engine's gradients, in single precision, against the slopes of a loss in double precision.
///
/// The slopes of what ``ReferenceGPT2`` computes are exact to about 1e-9, so that what differs is
/// the engine's. A wrong formula is off by far more than the rounding of single precision.
@Suite("Gradients")
struct GradientTests {
  private static let seed = TrainingPass.DropoutSeed(seed: 9, pass: 4)

  /// The reference's loss of the whole batch with the masks that the engine draws.
  private func loss(
    _ reference: ReferenceGPT2, _ shape: Shape, _ masks: [[Double]]
  ) -> Double {
    var reference = reference
    let (tokens, targets) = (shape.tokens, shape.targets)
    return (0..<shape.batchSize).reduce(0) { sum, sequence in
      reference.mask = { place, rows, columns in
        masks.isEmpty
          ? nil : Array(masks[place][sequence * rows * columns..<(sequence + 1) * rows * columns])
      }
      let range = sequence * shape.sequenceLength..<(sequence + 1) * shape.sequenceLength
      return sum
        + reference.loss(
          tokens: Array(tokens[range]), targets: Array(targets[range]), time: shape.sequenceLength)
    }
  }

  /// What each number is multiplied by, by place, for the whole batch; the same Philox numbers.
  private func masks(_ shape: Shape, _ probabilities: Probabilities) -> [[Double]] {
    let threadPool = ThreadPool(count: 1)
    return (0...3 * shape.layers).map { place in
      let isAttention = place % 3 == 1
      let rows = shape.batchSize * shape.sequenceLength * (isAttention ? shape.heads : 1)
      let ones = FloatArena(count: rows * (isAttention ? shape.sequenceLength : shape.channels))
      ones.floats.update(repeating: 1)
      threadPool.drop(
        ones.matrix(rows: rows, columns: ones.count / rows),
        Dropout(
          probability: probabilities(place: place), seed: Self.seed.seed, pass: Self.seed.pass,
          place: UInt32(place)))
      return ones.floats.map(Double.init)
    }
  }

  /// Checks the slope of the loss along random directions in each tensor, with and without
  /// gradient checkpointing.
  private func check(_ shape: Shape, _ variant: Variant, _ probabilities: Probabilities? = nil) {
    let model = shape.model(variant)
    if let probabilities {
      model.configuration.embeddingDropout = probabilities.embedding
      model.configuration.attentionDropout = probabilities.attention
      model.configuration.residualDropout = probabilities.residual
    }
    let masks = probabilities.map { self.masks(shape, $0) } ?? []
    let passes = [false, true].map {
      TrainingPass(
        model, batchSize: shape.batchSize, sequenceLength: shape.sequenceLength,
        checkpointsGradients: $0)
    }
    var reference = ReferenceGPT2(model)
    let expectedLoss = loss(reference, shape, masks)
    for pass in passes {
      let loss = pass.lossAndGradients(
        shape.tokens, shape.targets, dropoutSeed: probabilities == nil ? nil : Self.seed)
      #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
    }
    let step = 1e-5
    var generator = PhiloxGenerator(seed: 5, .sampling, stream: 2)
    for parameter in model.layout.parameters {
      for _ in 0..<2 {
        let point = reference.parameters
        let direction = parameter.range.map { _ in 2 * generator.nextUnit() - 1 }
        func loss(at distance: Double) -> Double {
          for (index, part) in zip(parameter.range, direction) {
            reference.parameters[index] = point[index] + distance * part
          }
          return self.loss(reference, shape, masks)
        }
        let expected = (loss(at: step) - loss(at: -step)) / (2 * step)
        reference.parameters = point
        for pass in passes {
          let gradient = pass.gradients[parameter.range].map(Double.init)
          let seen = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
          let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
          #expect(abs(seen - expected) < 1e-5 * max(1, size), "\(parameter.name)")
        }
      }
    }
  }

  @Test("of every variant in every shape", arguments: Variant.all, shapes)
  private func variants(variant: Variant, shape: Shape) {
    check(shape, variant)
  }

  @Test(
    "with each dropout alone, with all, in every shape",
    arguments: [
      Probabilities(embedding: 0.4, attention: 0, residual: 0),
      Probabilities(embedding: 0, attention: 0.4, residual: 0),
      Probabilities(embedding: 0, attention: 0, residual: 0.4),
      Probabilities(embedding: 0.1, attention: 0.2, residual: 0.3),
    ], shapes)
  private func dropouts(probabilities: Probabilities, shape: Shape) {
    check(shape, Variant(), probabilities)
  }

  @Test("with all dropouts, of every variant", arguments: Variant.all)
  private func dropouts(variant: Variant) {
    check(ordinary, variant, Probabilities(embedding: 0.1, attention: 0.2, residual: 0.3))
  }

  /// The reference is in double precision, so that its differences are good to 1e-7 and every
  /// digit of the gradients in single precision is held.
  @Test(
    "the gradients are those of the reference, by central differences",
    arguments: [
      (ActivationFunction.geluTanh, true, false, true), (.gelu, true, true, false),
      (.relu, false, false, true),
    ])
  func gradients(
    activation: ActivationFunction, scalesAttention: Bool, scalesByLayer: Bool, tiesEmbeddings: Bool
  ) {
    let model = tinyModel(feedForwardSize: 20) {
      $0.activation = activation
      $0.scalesAttention = scalesAttention
      $0.scalesAttentionByLayer = scalesByLayer
      $0.tiesWordEmbeddings = tiesEmbeddings
    }
    let (tokens, time) = (someTokens(14), 7)
    var targets = someTokens(14, seed: 4)
    targets[3] = -1
    let pass = TrainingPass(model, batchSize: 2, sequenceLength: time)
    var reference = ReferenceGPT2(model)
    let loss = pass.lossAndGradients(tokens, targets, scale: 1 / 13)
    #expect(abs(loss - reference.loss(tokens: tokens, targets: targets, time: time)) < 1e-4)
    let step = 1e-4
    for parameter in model.layout.parameters {
      // Every fifth number at least: all heads, parts of qkv, positions and tokens are among them.
      for index in parameter.range where parameter.range.count < 40 || index % 5 == 0 {
        let value = reference.parameters[index]
        reference.parameters[index] = value + step
        let above = reference.loss(tokens: tokens, targets: targets, time: time)
        reference.parameters[index] = value - step
        let below = reference.loss(tokens: tokens, targets: targets, time: time)
        reference.parameters[index] = value
        let expected = (above - below) / (2 * step) / 13
        let seen = Double(pass.gradients.floats[index])
        guard abs(seen - expected) < 2e-6 else {
          Issue.record(
            "\(parameter.name)[\(index - parameter.range.lowerBound)]: \(seen), not \(expected)")
          return
        }
      }
    }
  }

  /// Dropout masks follow from the seed alone, so the loss with dropout is a smooth function too.
  @Test("the gradients with dropout are the slopes of the loss with the same masks")
  func gradientsWithDropout() {
    let model = tinyModel()
    model.configuration.embeddingDropout = 0.2
    model.configuration.attentionDropout = 0.3
    model.configuration.residualDropout = 0.4
    let (tokens, targets) = (someTokens(14), someTokens(14, seed: 4))
    let pass = TrainingPass(model, batchSize: 2, sequenceLength: 7)
    let other = TrainingPass(model, batchSize: 2, sequenceLength: 7)
    let seed = TrainingPass.DropoutSeed(seed: 9, pass: 4)
    let plain = pass.loss(tokens, targets)
    let dropped = pass.lossAndGradients(tokens, targets, dropoutSeed: seed)
    #expect(abs(plain - dropped) > 0.1)
    // The loss of some 50 is 1e-5 off in single precision, the slope so 1e-5 / step; the
    // curvature adds about step².
    let step: Float = 1 / 128
    for parameter in model.layout.parameters {
      for index in parameter.range where index % 29 == 0 || index == parameter.range.lowerBound {
        let value = model.parameters.floats[index]
        model.parameters.floats[index] = value + step
        let above = other.lossAndGradients(tokens, targets, dropoutSeed: seed)
        model.parameters.floats[index] = value - step
        let below = other.lossAndGradients(tokens, targets, dropoutSeed: seed)
        model.parameters.floats[index] = value
        let expected = (above - below) / Double(2 * step)
        let seen = Double(pass.gradients.floats[index])
        guard abs(seen - expected) < 5e-3 * max(1, abs(expected)) else {
          Issue.record(
            "\(parameter.name)[\(index - parameter.range.lowerBound)]: \(seen), not \(expected)")
          return
        }
      }
    }
  }
}
