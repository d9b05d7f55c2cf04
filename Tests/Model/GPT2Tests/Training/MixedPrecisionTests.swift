import GPT2
import TensorKernels
import Testing

@Suite(
  "Training in bfloat16",
  .enabled(if: ThreadPool.multipliesBFloat16, "this processor has no bfloat16 products"))
struct MixedPrecisionTests {
  private struct Result {
    let loss: Double
    let gradients: FloatArena
    let model: GPT2Model
  }

  private func train(
    _ precision: Precision, threadPool: Int = 1, checkpointsGradients: Bool = false,
    tiesWordEmbeddings: Bool = true
  ) -> Result {
    let model = tinyModel(
      vocabularySize: 300, contextLength: 64, embeddingSize: 96, layers: 3, heads: 4,
      threadPool: threadPool
    ) {
      $0.initializerRange = 0.1
      $0.tiesWordEmbeddings = tiesWordEmbeddings
    }
    if precision == .bf16 { model.enableBFloat16() }
    model.updateBFloat16Weights()
    let pass = TrainingPass(
      model, batchSize: 4, sequenceLength: 60, checkpointsGradients: checkpointsGradients)
    let tokens = someTokens(240, vocabularySize: 300)
    let targets = someTokens(240, vocabularySize: 300, seed: 4)
    let loss = pass.lossAndGradients(
      tokens, targets, scale: 1 / 240, dropoutSeed: .init(seed: 3, pass: 1))
    return Result(loss: loss / 240, gradients: pass.gradients, model: model)
  }

  @Test("loss and gradients are near those in single precision", arguments: [true, false])
  func nearness(tiesWordEmbeddings: Bool) {
    let exact = train(.fp32, tiesWordEmbeddings: tiesWordEmbeddings)
    let half = train(.bf16, tiesWordEmbeddings: tiesWordEmbeddings)
    #expect(abs(half.loss - exact.loss) < 0.005 * exact.loss)
    #expect(half.loss != exact.loss)
    for parameter in exact.model.layout.parameters {
      let (x, y) = (exact.gradients[parameter.range], half.gradients[parameter.range])
      var (product, xSquares, ySquares) = (0.0, 0.0, 0.0)
      for index in x.indices {
        product += Double(x[index]) * Double(y[index])
        xSquares += Double(x[index]) * Double(x[index])
        ySquares += Double(y[index]) * Double(y[index])
      }
      let cosine = product / (xSquares * ySquares).squareRoot()
      let ratio = (ySquares / xSquares).squareRoot()
      // The gradient of the bias of the keys is zero but for rounding: a third of this one.
      #expect(cosine > 0.999, "\(parameter.name)")
      #expect(abs(ratio - 1) < 0.02, "\(parameter.name)")
    }
  }

  @Test("neither threads nor checkpoints of the gradients change a bit")
  func sameBits() {
    let first = train(.bf16)
    for (threadPool, checkpoints) in [(2, false), (3, true)] {
      let other = train(.bf16, threadPool: threadPool, checkpointsGradients: checkpoints)
      #expect(other.loss == first.loss)
      #expect(
        other.gradients.floats.map(\.bitPattern) == first.gradients.floats.map(\.bitPattern))
    }
  }

  @Test("products see the parameters as they were when their halves were made last")
  func updating() {
    let model = tinyModel()
    model.enableBFloat16()
    model.updateBFloat16Weights()
    let pass = TrainingPass(model, batchSize: 1, sequenceLength: 7)
    let (tokens, targets) = (someTokens(7), someTokens(7, seed: 4))
    let before = pass.loss(tokens, targets)
    let weight = model.layout.parameters[4]
    for index in weight.range { model.parameters.floats[index] *= 2 }
    #expect(pass.loss(tokens, targets) == before)
    model.updateBFloat16Weights()
    #expect(pass.loss(tokens, targets) != before)
  }
}
