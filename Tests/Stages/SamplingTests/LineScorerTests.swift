import BytePairEncoding
import Foundation
import GPT2
import Sampling
import TensorKernels
import Testing
import TextGeneration

@Suite("LineScorer")
struct LineScorerTests {
  private let tokenizer: Tokenizer
  private let model: InferenceModel
  private let end: Int32

  init() throws {
    tokenizer = try SmallTokenizer.make()
    model = SmallTokenizer.model(tokenizer)
    end = Int32(try #require(tokenizer.endOfText))
  }

  private func scorer(keepsCase: Bool = true) -> LineScorer {
    LineScorer(model, tokenizer, endOfText: end, keepsCase: keepsCase)
  }

  /// ln p of each token after the first, from a pass of its own and a plain softmax.
  private func logProbability(_ tokens: [Int32]) -> Double {
    (1..<tokens.count).reduce(0) { sum, count in
      let pass = InferencePass(model, capacity: 32)
      let cache = KeyValueCache(model, capacity: 32)
      let logits = pass.logits(after: Array(tokens[..<count]), cache).map(Double.init)
      return sum + logits[Int(tokens[count])] - log(logits.reduce(0) { $0 + exp($1) })
    }
  }

  @Test("a line comes after an end of text and ends with one")
  func convention() throws {
    var scorer = scorer()
    let lines = ["КОТ @ ДОМ", "Ё", "", "ДОМ ДОМ ДОМ ДОМ"]
    let scores = try scorer.scores(of: lines)
    for (line, score) in zip(lines, scores) {
      let tokens = try [end] + SmallTokenizer.tokens(line, tokenizer) + [end]
      #expect(score.tokens == tokens.count - 1)
      #expect(abs(score.logProbability - logProbability(tokens)) < 1e-4)
      #expect(score.perplexity == exp(-score.logProbability / Double(score.tokens)))
      let bits = -score.logProbability / log(2) / Double(line.utf8.count)
      #expect(score.bitsPerByte.map { abs($0 - bits) < 1e-9 } ?? line.isEmpty)
    }
    // More rows than the pass takes at a time give the same.
    let many = try scorer.scores(of: (0..<60).map { lines[$0 % 4] })
    #expect(many == (0..<60).map { scores[$0 % 4] })
  }

  @Test("the sum of several lines is that of all tokens")
  func sums() throws {
    var scorer = scorer()
    let scores = try scorer.scores(of: ["КОТ", "ДОМ @ КОТ"])
    var sum = scores[0]
    sum += scores[1]
    #expect(sum.tokens == scores[0].tokens + scores[1].tokens)
    #expect(
      sum.meanLogProbability
        == (scores[0].logProbability + scores[1].logProbability) / Double(sum.tokens))
  }

  @Test("a line that is longer than the context is scored as far as that goes")
  func longLine() throws {
    var scorer = scorer()
    let text = String(repeating: "Ё", count: 30)
    let score = try scorer.scores(of: [text])[0]
    let tokens = try [end] + SmallTokenizer.tokens(text, tokenizer) + [end]
    #expect(score.tokens == 32)
    #expect(score.tokensCutOff == tokens.count - 1 - 32)
    #expect(abs(score.logProbability - logProbability(Array(tokens[...32]))) < 1e-4)
    #expect(try scorer.scores(of: ["Ё"])[0].tokensCutOff == 0)
    // With its end exactly as many tokens are scored as the context has positions.
    let full = try scorer.scores(of: [String(repeating: "@", count: 31)])[0]
    #expect((full.tokens, full.tokensCutOff) == (32, 0))
  }

  @Test("a model whose logits are not finite gives no score")
  func notFinite() throws {
    let broken = GPT2Model(model.configuration, threadPool: ThreadPool(count: 1))
    broken.parameters.floats.update(repeating: .greatestFiniteMagnitude)
    for weights in WeightType.allCases {
      var scorer = LineScorer(
        InferenceModel(broken, weights: weights), tokenizer, endOfText: end, keepsCase: true)
      #expect(throws: SamplingError.notFinite) { try scorer.scores(of: ["КОТ"]) }
    }
  }

  @Test("letters become upper case, unless they are kept")
  func upperCase() throws {
    var (upper, kept) = (scorer(keepsCase: false), scorer())
    #expect(try upper.scores(of: ["кот"]) == kept.scores(of: ["КОТ"]))
    #expect(try upper.scores(of: ["кот"]) != kept.scores(of: ["кот"]))
  }
}

@Suite("The memory of a batch")
struct BatchMemoryTests {
  private let medium = GPT2Configuration(
    vocabularySize: 50_257, contextLength: 2048, embeddingSize: 1024, layers: 24, heads: 16)

  private func byteCount(_ cache: CachePrecision = .fp32, length: Int) -> Int {
    TextGenerator.byteCount(medium, cache: cache, length: length)
  }

  @Test("a text takes its keys and values, and its logits")
  func bytes() {
    let (numbers, logits) = (24 * 2 * 1024 * 208, 4 * 50_257)
    #expect(byteCount(length: 200) == 4 * numbers + logits)
    #expect(byteCount(length: 208) == byteCount(length: 200))
    #expect(byteCount(.fp16, length: 200) == 2 * numbers + logits)
  }

  @Test("as many texts as half of the memory has room for, one at least")
  func batches() {
    let bytes = byteCount(length: 200)
    func size(_ available: Int?) -> Int {
      TextGenerator.batchSize(
        wanted: 64, medium, cache: .fp32, length: 200, available: available)
    }
    #expect(size(nil) == 64)
    #expect(size(128 * bytes) == 64)
    #expect(size(128 * bytes - 1) == 63)
    #expect(size(0) == 1)
  }
}
