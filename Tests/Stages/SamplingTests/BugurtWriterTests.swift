import BytePairEncoding
import FileSupport
import GPT2
import JSONSupport
import Sampling
import TestSupport
import Testing
import TextGeneration

@Suite("BugurtWriter")
struct BugurtWriterTests {
  private let tokenizer: Tokenizer
  private let model: InferenceModel
  private let end: Int32

  init() throws {
    tokenizer = try SmallTokenizer.make()
    model = SmallTokenizer.model(tokenizer)
    end = Int32(try #require(tokenizer.endOfText))
  }

  /// A writer of texts of letters, blanks and separators.
  private func writer(
    candidates: Int = 1, filter: BugurtFilter? = nil, batch: Int = 4, attempts: Int = 50,
    allowsEnd: Bool = true
  ) throws -> BugurtWriter {
    var settings = SamplingSettings()
    let allowed = try Set(SmallTokenizer.tokens("a @ a", tokenizer) + [end])
    settings.suppressedTokens = (0..<Int32(tokenizer.count)).filter { !allowed.contains($0) }
    settings.allowsEndOfText = allowsEnd
    settings.maximumLength = 12
    let generator = TextGenerator(model, endOfText: [end], settings: settings, batchSize: batch)
    return BugurtWriter(
      generator, maker(), candidates: candidates, filter: filter, attempts: attempts)
  }

  private func maker(maximumLength: Int = 12) -> PromptMaker {
    PromptMaker(
      tokenizer, keepsCase: true, endOfText: end, contextLength: 32,
      maximumLength: maximumLength, seed: 42)
  }

  private func request(_ prompt: String, count: Int, firstIndex: Int = 0) throws
    -> BugurtWriter.Request
  {
    var maker = maker()
    return BugurtWriter.Request(
      .fixed(try maker.prompt(prompt)), count: count, firstIndex: firstIndex)
  }

  /// What is written, in order; each text must have had its beginning and its tokens.
  private func texts(
    _ writer: BugurtWriter, _ requests: [BugurtWriter.Request]
  ) throws -> [GeneratedText] {
    var (texts, prompt, tokens): ([GeneratedText], Prompt?, [Int32]) = ([], nil, [])
    writer.begin(requests)
    while let event = try writer.next() {
      switch event {
      case .began(let beginning): (prompt, tokens) = (beginning, [])
      case .token(let token): tokens.append(token)
      case .finished(let text):
        #expect(text.request.prompt == prompt)
        #expect(text.tokens == tokens)
        texts.append(text)
        prompt = nil
      case .progress: break
      }
    }
    #expect(prompt == nil)
    return texts
  }

  @Test("each prompt has its texts, in order, and they are the same in any company")
  func plain() throws {
    let all = try texts(
      writer(), [request("a", count: 5), request("", count: 2), request("@", count: 3)])
    #expect(all.map(\.request.index) == [0, 1, 2, 3, 4, 0, 1, 0, 1, 2])
    #expect(try texts(writer(batch: 1), [request("a", count: 3)]) == Array(all.prefix(3)))
    #expect(try texts(writer(batch: 9), [request("@", count: 3)]) == Array(all.suffix(3)))
    #expect(try texts(writer(), [request("a", count: 2, firstIndex: 3)]) == Array(all[3..<5]))
  }

  @Test("many are the same in any batch")
  func many() throws {
    let many = try texts(writer(batch: 1), [request("a", count: 70), request("@", count: 70)])
    #expect(
      try many == texts(writer(batch: 8), [request("a", count: 70), request("@", count: 70)]))
    let best = try texts(writer(candidates: 3, batch: 1), [request("a", count: 50)])
    #expect(try best == texts(writer(candidates: 3, batch: 8), [request("a", count: 50)]))
    #expect(best.count == 50)
  }

  /// Writes `requests` until `count` events have come: what was given out and what was left over.
  private func stopped(
    _ writer: BugurtWriter, _ requests: [BugurtWriter.Request], after count: Int
  ) throws -> (given: [GeneratedText], unreturned: [GeneratedText]) {
    var given: [GeneratedText] = []
    writer.begin(requests)
    for _ in 0..<count {
      if case .finished(let text) = try #require(try writer.next()) { given.append(text) }
    }
    return (given, writer.unreturned)
  }

  @Test("stopped anywhere, it has all texts that are finished", arguments: [1, 3])
  func unreturned(candidates: Int) throws {
    let requests = try [request("a", count: 20), request("", count: 5)]
    let all = try texts(writer(candidates: candidates), requests)
    var hasUnreturned = false
    for count in 0..<150 {
      let writer = try writer(candidates: candidates, batch: 6)
      let (given, unreturned) = try stopped(writer, requests, after: count)
      #expect(given == Array(all.prefix(given.count)))
      // The others come later, in their order; none twice.
      let places = unreturned.compactMap { text in all[given.count...].firstIndex(of: text) }
      #expect(places.count == unreturned.count && places == places.sorted())
      #expect(Set(places).count == places.count)
      if candidates == 1 {
        #expect(given.count + unreturned.count == writer.generator.finishedTexts)
      }
      if !unreturned.isEmpty { hasUnreturned = true }
    }
    #expect(hasUnreturned)
  }

  @Test("the candidate with the highest mean log-probability is taken")
  func best() throws {
    let all = try texts(writer(), [request("a", count: 12)])
    let best = try texts(writer(candidates: 4), [request("a", count: 3)])
    #expect(best.count == 3)
    for (index, text) in best.enumerated() {
      let candidates = all[index * 4..<index * 4 + 4]
      #expect(candidates.contains(text))
      #expect(text.meanLogProbability == candidates.map(\.meanLogProbability).max())
    }
    #expect(try texts(writer(candidates: 4, batch: 3), [request("a", count: 1)]) == [best[0]])
  }

  @Test("the filter leaves as many as are wanted, the same however many are")
  func filter() throws {
    let filter = BugurtFilter(tokenizer, posts: nil)
    let all = try texts(writer(), [request("a @ a", count: 400)])
    let good = all.filter { filter.flaw(of: $0) == nil }
    try #require((10..<200).contains(good.count))
    let writer = try writer(filter: filter)
    #expect(try texts(writer, [request("a @ a", count: 9)]) == Array(good.prefix(9)))
    let tried = good[8].request.index + 1
    #expect(writer.dropped.values.reduce(0, +) == tried - 9)
    let slow = try self.writer(filter: filter, batch: 1)
    #expect(try texts(slow, [request("a @ a", count: 2)]) == Array(good.prefix(2)))
    // Orders stay in their order, whichever is done first.
    let two = try texts(
      self.writer(filter: filter), [request("a @ a", count: 3), request("a @ a", count: 1)])
    #expect(two == Array(good.prefix(3)) + [good[0]])
  }

  @Test("of several candidates the filter leaves the best that is well-formed")
  func filteredBest() throws {
    let filter = BugurtFilter(tokenizer, posts: nil)
    let all = try texts(writer(), [request("a @ a", count: 400)])
    let expected = stride(from: 0, to: 400, by: 8).compactMap { first in
      all[first..<first + 8].filter { filter.flaw(of: $0) == nil }
        .max { $0.meanLogProbability < $1.meanLogProbability }
    }
    #expect(
      try texts(writer(candidates: 8, filter: filter), [request("a @ a", count: 4)])
        == Array(expected.prefix(4)))
  }

  @Test("a filter that accepts nothing gives up, and reports what it dropped")
  func givingUp() throws {
    let filter = BugurtFilter(tokenizer, posts: nil)
    let hopeless = try writer(filter: filter, attempts: 5, allowsEnd: false)
    let error = #expect(throws: FilterError.self) { try texts(hopeless, [request("a", count: 3)]) }
    #expect(error?.tried == 15 && error?.kept == 0)
    #expect(error?.dropped == [.unfinished: 15])
    #expect(
      error?.description.hasPrefix("--filter left 0 of 15 bugurts (15 not ended by the model)")
        == true)
  }

  @Test("first words are drawn by the index of the bugurt")
  func firstWords() throws {
    let folder = try TemporaryFolder()
    try SmallTokenizer.writeShards(["КОТ @ ДОМ", "ЁЖ", "ДОМ"], tokenizer, to: folder)
    let corpus = try TrainingCorpus(folder: folder.path)
    let one = try texts(writer(), [.init(.firstWords(corpus), count: 6)])
    #expect(Set(one.map(\.request.prompt.text)).count > 1)
    var maker = maker()
    for (index, text) in one.enumerated() {
      #expect(try text.request.prompt == maker.prompt(.firstWords(corpus), index: index))
    }
    #expect(
      try texts(writer(), [.init(.firstWords(corpus), count: 2, firstIndex: 4)])
        == Array(one.suffix(2)))
  }

  @Test("new requests abandon what is unfinished of earlier ones")
  func abandoning() throws {
    let writer = try writer()
    writer.begin([try request("a", count: 2)])
    for _ in 0..<5 { _ = try writer.next() }
    let requests = [try request("a", count: 2)]
    #expect(try texts(writer, requests) == texts(self.writer(), requests))
  }

  @Test("a prompt without room after it is refused with the number of its tokens")
  func longPrompts() throws {
    var maker = maker()
    #expect(throws: PromptError.longerThanText(tokens: 12, maximumLength: 12)) {
      try maker.prompt(String(repeating: "@", count: 12))
    }
    #expect(throws: PromptError.longerThanContext(tokens: 32, context: 32)) {
      try maker.prompt(String(repeating: "@", count: 32))
    }
    #expect(try maker.prompt("") == Prompt(text: "", tokens: [end]))
    // For its logits alone a prompt may fill the context, and no more.
    var filling = PromptMaker(
      tokenizer, keepsCase: true, endOfText: nil, contextLength: 32, maximumLength: 32, seed: 1,
      leavingRoom: false)
    #expect(try filling.prompt(String(repeating: "@", count: 32)).tokens.count == 32)
    #expect(throws: PromptError.longerThanContext(tokens: 33, context: 32)) {
      try filling.prompt(String(repeating: "@", count: 33))
    }
    var upper = PromptMaker(
      tokenizer, keepsCase: false, endOfText: nil, contextLength: 32, maximumLength: 12, seed: 1)
    #expect(try upper.prompt("кот").tokens == SmallTokenizer.tokens("КОТ", tokenizer))
    #expect(throws: PromptError.noBeginning) { try upper.prompt("") }
  }

  @Test("the first words of posts are whole, unless they are cut off; those of a user need not be")
  func wholePrompts() throws {
    let folder = try TemporaryFolder()
    try SmallTokenizer.writeShards(["АБВГД @ КОТ"], tokenizer, to: folder)
    let source = PromptSource.firstWords(try TrainingCorpus(folder: folder.path))
    var maker = maker()
    #expect(try maker.prompt(source, index: 0).text == "АБВГД")
    #expect(try maker.prompt(source, index: 0).isWhole)
    #expect(try !maker.prompt("АБВГД").isWhole && !maker.prompt("").isWhole)
    var short = PromptMaker(
      tokenizer, keepsCase: true, endOfText: end, contextLength: 32, maximumLength: 5, seed: 1)
    #expect(try !short.prompt(source, index: 0).isWhole)
    let continuations = Set(tokenizer.wordContinuations(vocabulary: tokenizer.count + 1))
    #expect(try !continuations.contains(SmallTokenizer.tokens(" ДОМ", tokenizer)[0]))
    #expect(try !continuations.contains(SmallTokenizer.tokens("\n", tokenizer)[0]))
    #expect(try continuations.contains(SmallTokenizer.tokens("ДОМ", tokenizer)[0]))
    #expect(continuations.contains(end) && continuations.contains(Int32(tokenizer.count)))
  }

  @Test("JSON has the same keys in the same order, and all ids whose probability it gives")
  func json() {
    var text = GeneratedText(request: TextRequest(prompt: Prompt(text: "П", tokens: [7]), index: 3))
    text.tokens = [8, 9]
    text.logProbability = -1.5
    text.finishReason = .endOfText
    text.endToken = 2
    #expect(
      text.json(text: "ТЕКСТ", seed: 5).text()
        == #"{"prompt":"П","text":"ТЕКСТ","tokens":[8,9,2],"seed":5,"number":3,"#
        + #""finish_reason":"end_of_text","log_probability":-1.5,"mean_log_probability":-0.5}"#)
    #expect(
      text.json(text: "", seed: .max).text().contains(#""seed":"18446744073709551615""#)
    )
  }
}
