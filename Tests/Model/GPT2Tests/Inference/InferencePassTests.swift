import GPT2
import TensorKernels
import Testing

@Suite("InferencePass")
struct InferencePassTests {
  private func expectClose(
    _ logits: [Float], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(logits.count == expected.count, sourceLocation: sourceLocation)
    let error = zip(logits, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    #expect(error < 1e-5, sourceLocation: sourceLocation)
  }

  @Test("token by token the logits agree with the reference of the whole sequence")
  func tokenByToken() {
    let model = tinyModel()
    let tokens = someTokens(8)
    let expected = ReferenceGPT2(model).logits(tokens)
    let pass = InferencePass(InferenceModel(model), capacity: 8)
    let cache = KeyValueCache(pass.model, capacity: 8)
    for (index, token) in tokens.enumerated() {
      expectClose(Array(pass.logits(after: [token], cache)), expected[index])
      #expect(cache.count == index + 1)
    }
  }

  @Test(
    "a prompt in chunks of any size gives the logits of the whole",
    arguments: [[8], [1, 7], [7, 1], [3, 2, 3]])
  func chunks(sizes: [Int]) throws {
    let model = tinyModel(threadPool: 2)
    let tokens = someTokens(8)
    let expected = ReferenceGPT2(model).logits(tokens)
    let pass = InferencePass(InferenceModel(model), capacity: 8)
    let cache = KeyValueCache(pass.model, capacity: 8)
    var done = 0
    for size in sizes {
      let logits = Array(pass.logits(after: Array(tokens[done..<done + size]), cache))
      done += size
      expectClose(logits, expected[done - 1])
    }
  }

  @Test("a prompt longer than the pass takes at a time agrees with the reference")
  func longPrompt() throws {
    let model = tinyModel(contextLength: 300, layers: 1)
    let tokens = someTokens(290)
    let pass = InferencePass(InferenceModel(model), capacity: 300)
    let cache = KeyValueCache(pass.model, capacity: 300)
    let logits = Array(pass.logits(after: tokens, cache))
    expectClose(logits, try #require(ReferenceGPT2(model).logits(tokens).last))
  }

  @Test("what was forgotten leaves no trace")
  func truncation() {
    let model = tinyModel()
    let pass = InferencePass(InferenceModel(model), capacity: 8)
    let cache = KeyValueCache(pass.model, capacity: 8)
    _ = pass.logits(after: [1, 2, 3, 4, 5], cache)
    cache.truncate(to: 2)
    let again = Array(pass.logits(after: [6, 7], cache))
    expectClose(again, ReferenceGPT2(model).logits([1, 2, 6, 7])[3])
    #expect(cache.count == 4)
  }

  @Test("one pass serves several caches, none larger than its capacity")
  func severalCaches() {
    let model = tinyModel()
    let pass = InferencePass(InferenceModel(model), capacity: 8)
    let (first, second) = (
      KeyValueCache(pass.model, capacity: 5),
      KeyValueCache(pass.model, capacity: 8)
    )
    _ = pass.logits(after: [1, 2], first)
    _ = pass.logits(after: [9, 8, 7], second)
    let reference = ReferenceGPT2(model)
    expectClose(Array(pass.logits(after: [3], first)), reference.logits([1, 2, 3])[2])
    expectClose(Array(pass.logits(after: [6], second)), reference.logits([9, 8, 7, 6])[3])
  }

  /// The logits of each sequence after its tokens, each alone in a pass of its own.
  private func alone(_ sequences: [[Int32]], _ model: InferenceModel) -> [[Float]] {
    sequences.map {
      let pass = InferencePass(model, capacity: 40)
      return Array(pass.logits(after: $0, KeyValueCache(pass.model, capacity: 40)))
    }
  }

  @Test(
    "sequences of different lengths have the same bits together and alone",
    arguments: WeightType.allCases.map { ($0, Precision.fp32) } + [(.bf16, .bf16)])
  func together(weights: WeightType, precision: Precision) {
    let model = InferenceModel(
      tinyModel(contextLength: 40, threadPool: 2), weights: weights, precision: precision)
    let lengths = [1, 7, 30, 2, 16, 17]
    let sequences = lengths.map { someTokens($0, seed: UInt64($0)) }
    let pass = InferencePass(model, capacity: 40, sequences: lengths.count)
    let caches = lengths.map { _ in KeyValueCache(pass.model, capacity: 40) }
    let logits = pass.logits(
      zip(caches, sequences).map { InferencePass.Continuation($0, $1) })
    for (row, expected) in alone(sequences, model).enumerated() {
      #expect(Array(logits.row(row)) == expected)
    }
    // One more token each, and then of some of them only.
    let next = logits.rows
    let longer = sequences.enumerated().map { $1 + [Int32($0)] }
    let second = pass.logits(
      (0..<next).map { InferencePass.Continuation(caches[$0], [Int32($0)]) })
    for (row, expected) in alone(longer, model).enumerated() {
      #expect(Array(second.row(row)) == expected)
    }
    let third = pass.logits(
      [4, 1].map { InferencePass.Continuation(caches[$0], [9]) })
    for (row, expected) in alone([4, 1].map { longer[$0] + [9] }, model).enumerated() {
      #expect(Array(third.row(row)) == expected)
    }
  }

  @Test("tokens one by one have the same bits as at once")
  func oneByOne() {
    let model = InferenceModel(tinyModel(contextLength: 40))
    let tokens = someTokens(37)
    let pass = InferencePass(model, capacity: 40)
    let cache = KeyValueCache(pass.model, capacity: 40)
    var logits: [Float] = []
    for token in tokens { logits = Array(pass.logits(after: [token], cache)) }
    #expect(logits == alone([tokens], model)[0])
  }

  @Test("sequences that share their beginning are as if each had its own")
  func sharedBeginning() {
    let model = InferenceModel(tinyModel(contextLength: 40))
    let tokens = someTokens(20)
    let pass = InferencePass(model, capacity: 40, sequences: 2)
    let beginning = KeyValueCache(pass.model, capacity: 20)
    pass.append(tokens, to: beginning)
    let caches = (0..<2).map { _ in
      KeyValueCache(pass.model, capacity: 40, after: beginning)
    }
    #expect(caches[0].count == 20)
    let logits = pass.logits([
      InferencePass.Continuation(caches[0], [1, 2]), InferencePass.Continuation(caches[1], [3]),
    ])
    let expected = alone([tokens + [1, 2], tokens + [3]], model)
    #expect(Array(logits.row(0)) == expected[0])
    #expect(Array(logits.row(1)) == expected[1])
    caches[0].truncate(to: 20)
    let again = Array(pass.logits(after: [3], caches[0]))
    #expect(again == expected[1])
    #expect(beginning.count == 20)
  }

  @Test(
    "packed weights give nearly the same logits",
    arguments: [
      (WeightType.bf16, Precision.fp32, 0.05), (.bf16, .bf16, 0.05), (.int8, .fp32, 0.1),
      (.int4, .fp32, 0.5),
    ])
  func packedWeights(type: WeightType, precision: Precision, bound: Double) {
    let model = tinyModel(contextLength: 40, embeddingSize: 48)
    let tokens = [someTokens(30)]
    let exact = alone(tokens, InferenceModel(model))[0]
    let packed = alone(
      tokens, InferenceModel(model, weights: type, precision: precision))[0]
    let error = zip(exact, packed).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    let spread = (exact.max() ?? 0) - (exact.min() ?? 0)
    #expect(error > 0 && Double(error) < bound * Double(spread))
  }
}
