import GPT2
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
    let pass = InferencePass(model, capacity: 8)
    let cache = KeyValueCache(model.configuration, capacity: 8)
    for (index, token) in tokens.enumerated() {
      expectClose(Array(pass.logits(after: [token], cache)), expected[index])
      #expect(cache.count == index + 1)
    }
  }

  @Test(
    "a prompt in chunks of any size gives the logits of the whole",
    arguments: [[8], [1, 7], [7, 1], [3, 2, 3]])
  func chunks(sizes: [Int]) throws {
    let model = tinyModel(workers: 2)
    let tokens = someTokens(8)
    let expected = ReferenceGPT2(model).logits(tokens)
    let pass = InferencePass(model, capacity: 8)
    let cache = KeyValueCache(model.configuration, capacity: 8)
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
    let pass = InferencePass(model, capacity: 300)
    let cache = KeyValueCache(model.configuration, capacity: 300)
    let logits = Array(pass.logits(after: tokens, cache))
    expectClose(logits, try #require(ReferenceGPT2(model).logits(tokens).last))
  }

  @Test("what was forgotten leaves no trace")
  func truncation() {
    let model = tinyModel()
    let pass = InferencePass(model, capacity: 8)
    let cache = KeyValueCache(model.configuration, capacity: 8)
    _ = pass.logits(after: [1, 2, 3, 4, 5], cache)
    cache.truncate(to: 2)
    let again = Array(pass.logits(after: [6, 7], cache))
    expectClose(again, ReferenceGPT2(model).logits([1, 2, 6, 7])[3])
    #expect(cache.count == 4)
  }

  @Test("one pass serves several caches, none larger than its capacity")
  func severalCaches() {
    let model = tinyModel()
    let pass = InferencePass(model, capacity: 8)
    let (first, second) = (
      KeyValueCache(model.configuration, capacity: 5),
      KeyValueCache(model.configuration, capacity: 8)
    )
    _ = pass.logits(after: [1, 2], first)
    _ = pass.logits(after: [9, 8, 7], second)
    let reference = ReferenceGPT2(model)
    expectClose(Array(pass.logits(after: [3], first)), reference.logits([1, 2, 3])[2])
    expectClose(Array(pass.logits(after: [6], second)), reference.logits([9, 8, 7, 6])[3])
  }
}
