import Foundation
import GPT2
import JSONSupport
import TensorKernels
import Testing
import TextGeneration

@Suite("TextGenerator")
struct TextGeneratorTests {
  private let model: InferenceModel

  init() {
    var configuration = GPT2Configuration(
      vocabularySize: 31, contextLength: 24, embeddingSize: 16, layers: 2, heads: 2)
    configuration.initializerRange = 0.4
    model = InferenceModel(GPT2Model(configuration, seed: 3, threadPool: ThreadPool(count: 2)))
  }

  private func settings(
    _ change: (inout SamplingSettings) -> Void = { _ in }
  ) -> SamplingSettings {
    var settings = SamplingSettings()
    settings.maximumLength = 16
    change(&settings)
    return settings
  }

  private func generator(
    endOfText: Set<Int32> = [], batchSize: Int = 1,
    _ change: (inout SamplingSettings) -> Void = { _ in }
  ) -> TextGenerator {
    TextGenerator(
      model, endOfText: endOfText, settings: settings(change), batchSize: batchSize)
  }

  private func result(
    _ generator: TextGenerator, _ prompt: [Int32] = [1, 2, 3], index: Int = 0
  ) throws -> GeneratedText {
    try generate([request(prompt, index: index)], generator)[0]
  }

  private func request(_ prompt: [Int32], index: Int) -> TextRequest {
    TextRequest(prompt: Prompt(text: "", tokens: prompt), index: index)
  }

  /// The texts of `requests`, written as many at a time as the generator has room for.
  private func generate(
    _ requests: [TextRequest], _ generator: TextGenerator
  ) throws -> [GeneratedText] {
    var texts: [TextInProgress] = []
    while texts.count < requests.count || texts.contains(where: { $0.soFar.finishReason == nil }) {
      let before = texts.map(\.soFar)
      if texts.count < requests.count, generator.hasRoom {
        texts.append(try generator.start(requests[texts.count]))
      } else {
        try generator.step()
      }
      // A text that is finished stays as it is, any other only grows.
      for (old, new) in zip(before, texts.map(\.soFar)) {
        #expect(old.finishReason == nil ? new.tokens.starts(with: old.tokens) : new == old)
      }
    }
    return texts.map(\.soFar)
  }

  private func text(
    _ generator: TextGenerator, _ prompt: [Int32] = [1, 2, 3], index: Int = 0
  ) throws -> [Int32] {
    try result(generator, prompt, index: index).tokens
  }

  @Test("after a whole prompt, and only there, a text begins with none of the tokens that must not")
  func wholePrompts() throws {
    let suppressed = Array(Int32(0)..<28)
    let generator = generator(endOfText: [5], batchSize: 4) {
      $0.beginSuppressedTokens = suppressed
      $0.repetitionPenalty = 1.5
    }
    func texts(isWhole: Bool) throws -> [GeneratedText] {
      let prompt = Prompt(text: "", tokens: [1, 2, 3], isWhole: isWhole)
      return try generate((0..<40).map { TextRequest(prompt: prompt, index: $0) }, generator)
    }
    let whole = try texts(isWhole: true)
    // The end of a text may follow a whole word.
    let first = whole.compactMap { $0.tokens.first ?? $0.endToken }
    #expect(first.count == 40 && Set(first).isSubset(of: [5, 28, 29, 30]))
    #expect(Set(whole.flatMap { $0.tokens.dropFirst() }).contains { suppressed.contains($0) })
    let open = try texts(isWhole: false)
    #expect(Set(open.compactMap(\.tokens.first)).contains { suppressed.contains($0) })
    let plain = try generate(
      open.map(\.request),
      self.generator(endOfText: [5], batchSize: 4) { $0.repetitionPenalty = 1.5 })
    #expect(open.map(\.tokens) == plain.map(\.tokens))
  }

  @Test("the logits after a whole prompt name that step, and those after another do not")
  func wholePromptLogits() throws {
    let generator = generator { $0.beginSuppressedTokens = [4, 7] }
    let whole = try generator.logits(after: [1, 2], beginsWord: true)
    #expect(whole.processed.map(\.processor.rawValue) == ["begin_suppress_tokens", "top_k"])
    let logits = try #require(whole.processed.first?.logits)
    #expect(logits.indices.filter { logits[$0] == -.infinity } == [4, 7])
    let other = try generator.logits(after: [1, 2])
    #expect(other.processed.map(\.processor) == [.topK])
  }

  /// The most likely continuation, each token from a forward pass of its own.
  private func greedy(_ prompt: [Int32], count: Int, penalty: Float = 1) throws -> [Int32] {
    var text = prompt
    let fresh = generator()
    for _ in 0..<count {
      var logits = try fresh.logits(after: text).model
      penalizeRepetition(&logits, seen: text, penalty: penalty)
      let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
      text.append(Int32(best))
    }
    return Array(text.dropFirst(prompt.count))
  }

  @Test("temperature 0 takes the most likely token, whatever the seed and the index")
  func greedily() throws {
    let expected = try greedy([1, 2, 3], count: 13)
    for seed in [1, 2] as [UInt64] {
      let generator = generator {
        $0.temperature = 0
        $0.seed = seed
        $0.topK = 1
      }
      #expect(try text(generator, index: 0) == expected)
      #expect(try text(generator, index: 5) == expected)
    }
  }

  @Test("tokens of prompt and text are penalized, in greedy mode too")
  func penalty() throws {
    let generator = generator {
      $0.temperature = 0
      $0.repetitionPenalty = 50
    }
    let expected = try greedy([1, 2, 3], count: 13, penalty: 50)
    #expect(try text(generator) == expected)
    #expect(try expected != greedy([1, 2, 3], count: 13))
  }

  @Test("the same seed and index give the same text, whatever was written before")
  func reproducible() throws {
    let first = generator()
    let texts = try (0..<5).map { try text(first, index: $0) }
    #expect(Set(texts).count == 5)
    let second = generator()
    for index in [4, 2, 2, 0] {
      #expect(try text(second, index: index) == texts[index])
      _ = try text(second, [7, 8], index: 1)
    }
    #expect(try text(generator { $0.seed = 43 }) != texts[0])
  }

  @Test("a prompt of one token, and one that begins like the last, are read anew")
  func prompts() throws {
    let one = generator { $0.temperature = 0 }
    for prompt in [[5], [5, 6], [5, 6, 7, 8], [5, 6, 9], [4], [5]] as [[Int32]] {
      #expect(try text(one, prompt) == greedy(prompt, count: 16 - prompt.count))
    }
  }

  @Test("a text ends at the maximum length, the prompt counted, or with the context")
  func lengths() throws {
    let short = generator()
    #expect(short.maximumLength == 16)
    #expect(try text(short).count == 13)
    #expect(try result(short).finishReason == .length)
    let long = generator { $0.maximumLength = 1000 }
    #expect(long.maximumLength == 24)
    #expect(try text(long).count == 21)
    #expect(try text(long, Array(0..<23)).count == 1)
  }

  @Test("the end of text ends a text and is not part of it; one in the prompt does not")
  func endOfText() throws {
    let expected = try greedy([1, 2, 3], count: 13)
    let end = try #require(expected.first { $0 != expected[0] })
    let position = try #require(expected.firstIndex(of: end))
    let ending = generator(endOfText: [end]) { $0.temperature = 0 }
    let ended = try result(ending)
    #expect(ended.finishReason == .endOfText)
    #expect(ended.tokens == Array(expected[..<position]))
    let prompted = generator(endOfText: [2]) { $0.temperature = 0 }
    #expect(try text(prompted) == Array(expected.prefix { $0 != 2 }))
    // Of several, whichever comes first.
    let either = generator(endOfText: [end, expected[0]]) { $0.temperature = 0 }
    #expect(try text(either) == [])
  }

  @Test("texts are the same however many are written at a time", arguments: [1, 2, 5, 64])
  func batches(batchSize: Int) throws {
    // Ends that come early and late, so that texts make room for others at different times.
    let prompts: [[Int32]] = [[1, 2, 3], [1, 2, 3], [4], [5, 6, 7, 8, 9], [1, 2, 3]]
    let requests = (0..<23).map {
      request(prompts[$0 % prompts.count], index: $0)
    }
    let ends: Set<Int32> = [7, 11, 20]
    let one = generator(endOfText: ends)
    let expected = try requests.map { try result(one, $0.prompt.tokens, index: $0.index) }
    #expect(Set(expected.map(\.tokens.count)).count > 4)
    #expect(Set(expected.map(\.finishReason)).count == 2)
    let many = generator(endOfText: ends, batchSize: batchSize)
    #expect(try generate(requests, many) == expected)
    #expect(many.finishedTexts == requests.count)
    #expect(many.writtenTokens == expected.reduce(0) { $0 + $1.tokens.count })
  }

  @Test("the probability of a text is the product of its tokens' by the model alone")
  func probability() throws {
    let ends: Set<Int32> = [7, 11, 20]
    let writing = generator(endOfText: ends) {
      $0.temperature = 2
      $0.topK = 10
      $0.repetitionPenalty = 1.5
    }
    let fresh = generator()
    for index in 0..<6 {
      let text = try result(writing, index: index)
      var choices = text.tokens.map { [$0] }
      if text.finishReason == .endOfText { choices.append(Array(ends)) }
      var candidates = [0.0]
      var tokens = text.request.prompt.tokens
      for choice in choices {
        let logits = try fresh.logits(after: tokens).model.map(Double.init)
        let sum = logits.reduce(0) { $0 + exp($1) }
        candidates = choice.flatMap { token in
          candidates.map { $0 + logits[Int(token)] - log(sum) }
        }
        tokens.append(choice[0])
      }
      // Which of the ends it was is not compared.
      #expect(candidates.contains { abs($0 - text.logProbability) < 1e-4 })
      #expect(
        abs(text.meanLogProbability * Double(choices.count) - text.logProbability) < 1e-9)
    }
  }

  @Test("abandoned texts make room and leave no trace")
  func abandoning() throws {
    let generator = generator(batchSize: 2)
    let texts = try [0, 1].map { try generator.start(request([1], index: $0)) }
    #expect(!generator.hasRoom)
    try generator.step()
    generator.abandon([texts[0]])
    #expect(generator.hasRoom)
    try generator.step()
    #expect(texts.map(\.soFar.tokens.count) == [2, 3])
    generator.abandon(texts)
    #expect(try text(generator) == text(self.generator()))
  }

  @Test("tokens are drawn as often as the processed logits say")
  func distribution() throws {
    let prompt: [Int32] = [1, 2, 3]
    let drawing = generator {
      $0.maximumLength = 4
      $0.temperature = 1.5
      $0.topK = 8
      $0.topP = 0.9
      $0.repetitionPenalty = 1.2
    }
    var logits = try drawing.logits(after: prompt).model
    penalizeRepetition(&logits, seen: prompt, penalty: 1.2)
    for index in logits.indices { logits[index] /= 1.5 }
    keepTop(&logits, count: 8)
    keepNucleus(&logits, probability: 0.9)
    let expected = softmax(logits)
    #expect((2...7).contains(expected.count { $0 > 0 }))
    let draws = 5000
    var counts = [Int](repeating: 0, count: 31)
    for index in 0..<draws { counts[Int(try text(drawing, prompt, index: index)[0])] += 1 }
    for (count, probability) in zip(counts, expected) {
      let mean = Double(draws) * Double(probability)
      let deviation = (mean * (1 - Double(probability))).squareRoot()
      #expect(abs(Double(count) - mean) <= 4.5 * deviation)
    }
  }

  @Test("the defaults are those of generate() with top k 50")
  func defaults() {
    let settings = SamplingSettings()
    #expect(settings.temperature == 1 && settings.topK == 50 && settings.topP == 1)
    #expect(settings.repetitionPenalty == 1 && settings.maximumLength == 200)
    #expect(!settings.isGreedy)
  }

  @Test("logits that are not all finite give neither a text nor a report")
  func notFinite() throws {
    let broken = GPT2Model(model.configuration, threadPool: ThreadPool(count: 1))
    broken.parameters.floats.update(repeating: .greatestFiniteMagnitude)
    let generator = TextGenerator(
      InferenceModel(broken), endOfText: [], settings: settings { $0.temperature = 0 })
    #expect(throws: SamplingError.notFinite) { try generator.logits(after: [1, 2]) }
    #expect(throws: SamplingError.notFinite) { try text(generator) }
  }

  @Test("the logits of a prompt are objects of JSON, null where a token is ruled out")
  func logitsAsJSON() throws {
    let generator = generator {
      $0.topK = 1
      $0.temperature = 0.5
    }
    let logits = try generator.logits(after: [1, 2])
    #expect(logits.processed.map(\.processor) == [.temperature, .topK])
    let json = logits.json.text()
    #expect(json.hasPrefix(#"{"prompt_ids":[1,2],"logits":["#))
    #expect(json.contains(#"],"processed":[{"processor":"temperature","logits":["#))
    #expect(json.matches(of: #/null/#).count == 30)
  }

  @Test("a temperature that makes logits too large is reported")
  func tooLarge() {
    let generator = generator { $0.temperature = .leastNonzeroMagnitude }
    #expect(throws: SamplingError.tooLarge) { try generator.logits(after: [1, 2]) }
  }

  @Test("a prompt that fills the maximum length has logits")
  func fullPrompt() throws {
    let prompt = (0..<16).map { Int32($0) }
    #expect(try generator().logits(after: prompt).model.count == 31)
  }
}
