import FileSupport
import TestSupport
import Testing
import Training

@Suite("The comparison of runs")
struct RunComparisonTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private func train(_ run: String, tokens: String = "tokens", learningRate: Double = 0.02) throws {
    let trainer = try fixture.trainer(run, tokens: tokens) {
      $0.learningRate = learningRate
      $0.evaluationSteps = 4
      $0.loadsBestModelAtEnd = true
    }
    try trainer.run { _ in }
  }

  private func page(_ runs: [String], texts: [String] = []) throws -> String {
    let comparison = try RunComparison(
      runs: runs.map(fixture.folder.path), texts: texts.map(fixture.folder.path))
    try comparison.write(to: fixture.folder.path("compare.html"))
    return try fixture.folder.text(of: "compare.html")
  }

  /// The cells of the row `name` in the tables of `page`.
  private func row(_ name: String, of page: String) -> [String]? {
    page.split(separator: "\n").first { $0.hasPrefix("<tr><th>\(name)</th>") }?
      .matches(of: /<td[^>]*>([^<]*)<\/td>/).map { String($0.1) }
  }

  @Test("has a curve of each run on the same axes, results, and only the settings that differ")
  func twoRuns() throws {
    try train("a")
    try train("b<1>", learningRate: 0.01)
    let page = try page(["a", "b<1>"])
    #expect(page.contains("<h1>a, b&lt;1&gt;</h1>"))
    for chart in ["<title>Validation loss</title>", "<title>Training loss, smoothed</title>"] {
      #expect(page.contains(chart))
    }
    // Each run is recognised by its dashes as well as by its colour, in both charts and the legend.
    #expect(page.matches(of: /stroke="var\(--run-0\)"/).count == 3)
    #expect(page.matches(of: /stroke="var\(--run-1\)"[^>]*stroke-dasharray="8 4"/).count == 3)
    #expect(row("steps", of: page) == ["12 of 12", "12 of 12"])
    let losses = try #require(row("lowest validation loss", of: page))
    #expect(losses.count == 2 && losses[0] != losses[1])
    #expect(losses.allSatisfy { Double($0).map { $0 > 0 && $0 < 5 } == true })
    #expect(row("size on disk", of: page)?.allSatisfy { $0.hasSuffix(" kB") } == true)
    #expect(row("time of training", of: page)?.count == 2)
    #expect(row("learning_rate", of: page) == ["0.02", "0.01"])
    #expect(row("max_steps", of: page) == nil && row("seed", of: page) == nil)
    #expect(!page.contains("vocabularies differ") && !page.contains("different posts"))
    for text in ["<script", "src=", "href=", "url(", "@import"] {
      #expect(!page.contains(text), "\(text)")
    }
  }

  @Test("takes a run that is not finished at its newest checkpoint, and says so")
  func unfinished() throws {
    try train("a")
    try fixture.runAndStop("half", after: 6)
    let page = try page(["a", "half"])
    #expect(page.contains("half <span class=\"quiet\">step 6 of 12</span>"))
    #expect(row("steps", of: page) == ["12 of 12", "6 of 12"])
    #expect(row("time of training", of: page)?.last == "–")
  }

  @Test("says what cannot be compared: other vocabularies, other posts")
  func notComparable() throws {
    try train("a")
    try fixture.writeShards(to: "others", offset: 5)
    try train("b", tokens: "others")
    let otherPosts = try page(["a", "b"])
    #expect(otherPosts.contains("validated on different posts"))
    let data = try #require(row("validation data", of: otherPosts))
    #expect(data.count == 2 && data[0] != data[1])
    try fixture.writeShards(to: "words", digest: 8)
    try train("c", tokens: "words")
    let otherWords = try page(["a", "c"])
    #expect(otherWords.contains("The vocabularies differ"))
    #expect(otherWords.contains("<title>Validation in bits per byte</title>"))
  }

  @Test("shows what each run makes of the same prompts")
  func texts() throws {
    try train("a")
    try train("b")
    func lines(_ texts: [(String, String)]) -> String {
      texts.map { "{\"prompt\":\"\($0)\",\"text\":\"\($1)\",\"seed\":42}\n" }.joined()
    }
    try fixture.folder.write(lines([("КОТ", "КОТ\\n@\\n<ЁЖ>"), ("", "ПЁС")]), to: "a.jsonl")
    try fixture.folder.write(lines([("КОТ", "КОТ И"), ("", "УЖ")]), to: "b.jsonl")
    let page = try page(["a", "b"], texts: ["a.jsonl", "b.jsonl"])
    #expect(page.contains(#"<h3 lang="ru">КОТ …</h3>"#))
    #expect(page.contains("<h3>without a prompt</h3>"))
    for (run, text) in [("a", "КОТ\n@\n&lt;ЁЖ&gt;"), ("b", "КОТ И"), ("a", "ПЁС"), ("b", "УЖ")] {
      #expect(page.contains("<figcaption>\(run)</figcaption>\n<pre lang=\"ru\">\(text)</pre>"))
    }
    #expect(page.contains("<h2>Settings that differ</h2>\n<p>None.</p>"))

    try fixture.folder.write(lines([("КОТ", "КОТ"), ("ПЁС", "ПЁС")]), to: "b.jsonl")
    let other = #expect(throws: InputError.self) {
      try self.page(["a", "b"], texts: ["a.jsonl", "b.jsonl"])
    }
    #expect(other?.description.contains("b.jsonl: line 2: the prompts are not those of ") == true)
    try fixture.folder.write(lines([("КОТ", "КОТ")]) + "{\"prompt\":\"\"}\n", to: "b.jsonl")
    let damaged = #expect(throws: InputError.self) {
      try self.page(["a", "b"], texts: ["a.jsonl", "b.jsonl"])
    }
    #expect(
      damaged?.description.hasSuffix("b.jsonl: line 2: 'text' is missing or not a string") == true)
  }

  @Test("refuses a folder without a run")
  func noRun() throws {
    try train("a")
    for name in ["tokens", "missing"] {
      let error = #expect(throws: InputError.self) { try page(["a", name]) }
      #expect(error?.problem == "holds neither a finished model nor a checkpoint of a run")
    }
    #expect(!Folder.hasFile(fixture.folder.path("compare.html")))
  }
}
