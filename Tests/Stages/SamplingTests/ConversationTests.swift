import BytePairEncoding
import FileSupport
import GPT2
import Sampling
import TestSupport
import Testing
import TextGeneration

@Suite("Conversation and reports")
struct ConversationTests {
  private let folder: TemporaryFolder
  private let tokenizer: Tokenizer
  private let model: InferenceModel
  private let end: Int32

  init() throws {
    folder = try TemporaryFolder()
    tokenizer = try SmallTokenizer.make()
    model = SmallTokenizer.model(tokenizer)
    end = Int32(try #require(tokenizer.endOfText))
  }

  private func maker() -> PromptMaker {
    PromptMaker(
      tokenizer, keepsCase: true, endOfText: end, contextLength: 32, maximumLength: 12, seed: 42)
  }

  private func writer(filter: BugurtFilter? = nil, attempts: Int = 1) -> BugurtWriter {
    var settings = SamplingSettings()
    settings.maximumLength = 12
    settings.allowsEndOfText = false
    return BugurtWriter(
      TextGenerator(model, endOfText: [end], settings: settings, batchSize: 4), maker(),
      filter: filter, attempts: attempts)
  }

  /// What a conversation with `lines` gives out, in plain text.
  private func conversation(_ lines: [String], _ writer: BugurtWriter) throws -> [Substring] {
    let file = try OutputFile(path: folder.path("texts"))
    var settings = TextOutput.Settings(seed: 42)
    settings.format = .plain
    settings.separatesTexts = false
    let output = TextOutput(settings, tokenizer, to: nil, standardOutput: file)
    var maker = maker()
    var rest = lines[...]
    try Conversation(writer, to: output) { .fixed(try maker.prompt($0 ?? "КОТ")) }
      .run { rest.popFirst() }
    try file.commit()
    return try folder.text(of: "texts").split(separator: "\n")
  }

  @Test("each line gives the next bugurt of the seed, an empty one that of the default prompt")
  func lines() throws {
    let texts = try conversation(["ДОМ", "\u{FEFF}ДОМ\r", "", ""], writer())
    try #require(texts.count == 4)
    #expect(texts.map { $0.hasPrefix("ДОМ") } == [true, true, false, false])
    #expect(texts.map { $0.hasPrefix("КОТ") } == [false, false, true, true])
    #expect(Set(texts).count == 4)
    #expect(try conversation(["ДОМ", "ДОМ"], writer()) == Array(texts.prefix(2)))
  }

  @Test("a prompt that is too long, and a filter that accepts nothing, do not end it")
  func problems() throws {
    let long = String(repeating: "@", count: 20)
    #expect(try conversation([long, "ДОМ", long], writer()).count == 1)
    let filter = BugurtFilter(tokenizer, posts: nil)
    #expect(try conversation(["ДОМ", "КОТ"], writer(filter: filter)) == [])
  }

  // MARK: - Reports

  @Test("the summary says how many texts of how many were written, and how fast")
  func summary() throws {
    let writer = writer()
    var maker = maker()
    writer.begin([.init(.fixed(try maker.prompt("КОТ")), count: 2)])
    while try writer.next() != nil {}
    let tokens = 2 * (12 - (try maker.prompt("КОТ").tokens.count))
    let report = WritingReport(writer, total: 2, isQuiet: true)
    #expect(
      report.summary(2, seconds: 0.5)
        == ["wrote 2 texts, \(tokens) tokens in 0.5 s (\(2 * tokens) tokens/s)"])
    #expect(report.summary(1, seconds: 1)[0].hasPrefix("wrote 1 texts out of 2 candidates, "))
    let single = WritingReport(writer, total: 1, isQuiet: true)
    #expect(single.summary(2, seconds: 1) == [])
    #expect(single.summary(2, seconds: 6).count == 1)
  }

  @Test("the summary says what the filter dropped")
  func filterSummary() throws {
    let writer = writer(filter: BugurtFilter(tokenizer, posts: nil), attempts: 3)
    var maker = maker()
    writer.begin([.init(.fixed(try maker.prompt("КОТ")), count: 1)])
    #expect(throws: FilterError.self) { while try writer.next() != nil {} }
    #expect(
      WritingReport(writer, total: 1, isQuiet: true).summary(1, seconds: 1)
        == ["--filter dropped 3 of 4 bugurts: 3 not ended by the model"])
  }

  private func scores(_ text: String, isJSON: Bool) throws -> [String] {
    let path = try folder.write(text, to: "lines")
    let file = try OutputFile(path: folder.path("scores"))
    try ScoreReport.write(
      of: path, LineScorer(model, tokenizer, endOfText: end, keepsCase: true), isJSON: isJSON,
      isQuiet: true, to: file)
    return try folder.text(of: "scores").split(separator: "\n").map(String.init)
  }

  @Test("scores are rows with the numbers of the lines, and one for all lines")
  func scoreRows() throws {
    let rows = try scores("КОТ\tДОМ\n\nДОМ\n", isJSON: false)
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    #expect(rows.map { $0[0] } == ["1", "3", "all"])
    #expect(rows.map { $0[5] } == ["КОТ ДОМ", "ДОМ", ""])
    let tokens = rows.compactMap { Int($0[1]) }
    #expect(tokens[0] + tokens[1] == tokens[2])
  }

  @Test("scores as JSON are an object a line, the last one for all lines")
  func scoreObjects() throws {
    let objects = try scores("КОТ\nДОМ\n", isJSON: true)
    try #require(objects.count == 3)
    #expect(objects[1].hasPrefix(#"{"line":2,"tokens":"#))
    #expect(objects[2].hasPrefix(#"{"lines":2,"tokens":"#))
    #expect(objects.allSatisfy { $0.contains(#","tokens_cut_off":0,"log_probability":-"#) })
  }

  @Test("a file without text has no scores", arguments: ["", "\n\n"])
  func noScores(_ text: String) {
    #expect(throws: InputError.self) { try scores(text, isJSON: false) }
  }
}
