import GPT2
import TensorKernels
import Testing

@Suite("TrainingPass")
struct TrainingPassTests {
  @Test(
    "the loss agrees with the reference, target by target",
    arguments: [(1, 7), (2, 7), (3, 1), (1, 70)])
  func loss(batch: Int, time: Int) {
    let model = tinyModel(contextLength: max(8, time))
    let reference = ReferenceGPT2(model)
    let tokens = someTokens(batch * time)
    let targets = someTokens(batch * time, seed: 4)
    let pass = TrainingPass(model, batchSize: batch, sequenceLength: time, forGradients: false)
    let positions = time > 7 ? [0, 63, 64, 69] : Array(0..<batch * time)
    let logits = (0..<batch).flatMap {
      reference.logits(Array(tokens[$0 * time..<($0 + 1) * time]))
    }
    for position in positions {
      var only = [Int32](repeating: -1, count: batch * time)
      only[position] = targets[position]
      let expected = ReferenceGPT2.loss(logits[position], target: targets[position])
      #expect(abs(pass.loss(tokens, only) - expected) < 1e-5)
    }
    let total = zip(logits, targets).reduce(0) { $0 + ReferenceGPT2.loss($1.0, target: $1.1) }
    #expect(abs(pass.loss(tokens, targets) - total) < 1e-6 * total)
  }

  /// A training that is resumed by a later version of the program must draw the same masks.
  @Test("dropout is at the embedding, the attention weights and both branches, each its own mask")
  func dropoutPlaces() {
    let model = tinyModel()
    let threadPool = ThreadPool(count: 1)
    let (tokens, targets) = (someTokens(7), someTokens(7, seed: 4))
    /// The loss where only the dropouts in `probabilities` are not 0.
    func check(_ probabilities: (embedding: Float, attention: Float, residual: Float)) {
      (model.configuration.embeddingDropout, model.configuration.attentionDropout) =
        (probabilities.embedding, probabilities.attention)
      model.configuration.residualDropout = probabilities.residual
      var reference = ReferenceGPT2(model)
      reference.mask = { place, rows, columns in
        let probability =
          place == 0
          ? probabilities.embedding
          : place % 3 == 1 ? probabilities.attention : probabilities.residual
        let arena = FloatArena(count: rows * columns)
        arena.floats.update(repeating: 1)
        threadPool.drop(
          arena.matrix(rows: rows, columns: columns),
          Dropout(probability: probability, seed: 9, pass: 4, place: UInt32(place)))
        return arena.floats.map(Double.init)
      }
      let pass = TrainingPass(model, batchSize: 1, sequenceLength: 7)
      let loss = pass.lossAndGradients(tokens, targets, dropoutSeed: .init(seed: 9, pass: 4))
      let expected = reference.loss(tokens: tokens, targets: targets, time: 7)
      #expect(abs(loss - expected) < 1e-4)
      reference.mask = { _, _, _ in nil }
      #expect(abs(loss - reference.loss(tokens: tokens, targets: targets, time: 7)) > 0.01)
    }
    check((0.5, 0, 0))
    check((0, 0.5, 0))
    check((0, 0, 0.5))
    check((0.1, 0.2, 0.3))
  }

  @Test("gradients are added, and a smaller batch than the largest leaves no trace of the rest")
  func accumulation() {
    let model = tinyModel()
    let (tokens, targets) = (someTokens(21), someTokens(21, seed: 4))
    let pass = TrainingPass(model, batchSize: 3, sequenceLength: 7)
    let whole = pass.lossAndGradients(tokens, targets, scale: 0.25)
    let gradients = Array(pass.gradients.floats)
    pass.gradients.floats.update(repeating: 0)
    let first = pass.addGradients(Array(tokens[..<14]), Array(targets[..<14]), scale: 0.25)
    let second = pass.addGradients(Array(tokens[14...]), Array(targets[14...]), scale: 0.25)
    #expect(abs(whole - first - second) < 1e-5)
    for (sum, gradient) in zip(pass.gradients.floats, gradients) {
      #expect(abs(sum - gradient) < 1e-5)
    }
  }

  @Test("a vocabulary whose logits do not fit at once gives the sum of its parts")
  func logitBlocks() {
    let (vocabulary, time) = (50_257, 100)
    let model = tinyModel(
      vocabularySize: vocabulary, contextLength: time, embeddingSize: 4, layers: 1, heads: 1,
      threadPool: 2)
    let tokens = someTokens(4 * time, vocabularySize: vocabulary)
    let targets = someTokens(4 * time, vocabularySize: vocabulary, seed: 4)
    let whole = TrainingPass(model, batchSize: 4, sequenceLength: time)
    let part = TrainingPass(model, batchSize: 1, sequenceLength: time)
    let loss = whole.lossAndGradients(tokens, targets, scale: 1 / 400)
    var sum = 0.0
    for start in stride(from: 0, to: tokens.count, by: time) {
      sum += part.addGradients(
        Array(tokens[start..<start + time]), Array(targets[start..<start + time]), scale: 1 / 400)
    }
    #expect(abs(loss - sum) < 1e-7 * loss)
    #expect(model.threadPool.norm(whole.gradients.floats) > 0.01)
    let difference = zip(whole.gradients.floats, part.gradients.floats).reduce(0) {
      max($0, abs($1.0 - $1.1))
    }
    #expect(difference < 1e-6)
  }

  @Test("checkpoints of the gradients change memory, not a bit of the result")
  func gradientCheckpoints() {
    let model = tinyModel(layers: 3)
    model.configuration.attentionDropout = 0.2
    model.configuration.residualDropout = 0.3
    let (tokens, targets) = (someTokens(14), someTokens(14, seed: 4))
    let results = [false, true].map { checkpoints in
      let pass = TrainingPass(
        model, batchSize: 2, sequenceLength: 7, checkpointsGradients: checkpoints)
      let loss = pass.lossAndGradients(tokens, targets, dropoutSeed: .init(seed: 3, pass: 1))
      return (loss, pass.gradients.floats.map(\.bitPattern))
    }
    #expect(results[0].0 == results[1].0)
    #expect(results[0].1 == results[1].1)
  }

  @Test("without gradients the loss is the same to the last bit")
  func lossOnly() {
    let model = tinyModel(layers: 3)
    let (tokens, targets) = (someTokens(14), someTokens(14, seed: 4))
    let withGradients = TrainingPass(model, batchSize: 2, sequenceLength: 7)
    let lossOnly = TrainingPass(model, batchSize: 2, sequenceLength: 7, forGradients: false)
    let loss = withGradients.lossAndGradients(tokens, targets)
    #expect(lossOnly.loss(tokens, targets) == loss)
    #expect(withGradients.loss(tokens, targets) == loss)
  }

  @Test("loss and gradients do not depend on the number of threads")
  func threads() {
    let seed = TrainingPass.DropoutSeed(seed: 5, pass: 6)
    let results = [1, 2, 3].map { count in
      let model = tinyModel(
        vocabularySize: 500, contextLength: 80, embeddingSize: 96, layers: 2, heads: 6,
        threadPool: count)
      let pass = TrainingPass(model, batchSize: 3, sequenceLength: 80)
      let loss = pass.lossAndGradients(
        someTokens(240, vocabularySize: 500), someTokens(240, vocabularySize: 500, seed: 4),
        dropoutSeed: seed)
      return [loss.bitPattern] + pass.gradients.floats.map { UInt64($0.bitPattern) }
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  @Test("each pass of a seed draws masks of its own, and the same again")
  func masks() {
    let model = tinyModel()
    let (tokens, targets) = (someTokens(14), someTokens(14, seed: 4))
    let pass = TrainingPass(model, batchSize: 2, sequenceLength: 7)
    func loss(seed: UInt64, pass number: UInt32) -> Double {
      pass.lossAndGradients(tokens, targets, dropoutSeed: .init(seed: seed, pass: number))
    }
    let losses = [loss(seed: 1, pass: 0), loss(seed: 1, pass: 1), loss(seed: 2, pass: 0)]
    #expect(Set(losses).count == 3)
    #expect(loss(seed: 1, pass: 0) == losses[0])
  }

  @Test("what is reported as complete while the backward pass goes on does not change any more")
  func completeGradients() throws {
    let biases = AdapterPlan(
      modules: (0..<3).flatMap { block in
        AdaptableMatrix.allCases.map { .init(block: block, matrix: $0, rank: 2, scaling: 1) }
      }, hasMagnitudes: true, biases: .all, replacesFinalNorm: true)
    var onlyMatrices = biases
    (onlyMatrices.biases, onlyMatrices.replacesFinalNorm) = (.none, false)
    let models: [any TrainableModel] = [
      tinyModel(layers: 3), tinyModel(layers: 3) { $0.tiesWordEmbeddings = false },
      try AdaptedModel(tinyModel(layers: 3), biases, .uniform(seed: 1)),
      try AdaptedModel(tinyModel(layers: 3), onlyMatrices, .uniform(seed: 1)),
    ]
    for (index, model) in models.enumerated() {
      let pass = TrainingPass(model, batchSize: 2, sequenceLength: 7)
      var reports: [(start: Int, gradients: [Float])] = []
      pass.onGradientsComplete = { start in
        reports.append((start, Array(pass.gradients[start..<pass.gradients.count])))
      }
      _ = pass.lossAndGradients(someTokens(14), someTokens(14, seed: 4))
      pass.onGradientsComplete = nil
      #expect(reports.count == 3)
      let starts = reports.map(\.start)
      #expect(starts == starts.sorted(by: >))
      // All but the biases, which follow the matrices of all blocks, are exchanged early.
      #expect(index == 2 || (1..<3).allSatisfy { starts[$0] < starts[$0 - 1] })
      for report in reports {
        #expect(report.gradients == Array(pass.gradients[report.start..<pass.gradients.count]))
      }
    }
  }
}
