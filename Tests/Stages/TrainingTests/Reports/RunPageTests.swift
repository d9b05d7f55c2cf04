import CheckpointFormat
import JSONSupport
import TestSupport
import Testing
import Training

@Suite("The page of a run")
struct RunPageTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private func text() throws -> String {
    try fixture.folder.text(of: "run/report.html")
  }

  private func runPage(_ trainer: Trainer) -> RunPage {
    RunPage(trainer, surroundings: [("program", "gpt-finetune <1>"), ("machine", "a & b")])
  }

  @Test("is replaced at each line of the log and loads itself again until the training has ended")
  func lifetime() throws {
    let trainer = try fixture.trainer("run") { $0.maximumSteps = 4 }
    let runPage = runPage(trainer)
    var titles: [String] = []
    try trainer.run { event in
      try runPage.record(event)
      guard case .logged(let entry) = event, entry.values["loss"] != nil else { return }
      let page = try text()
      #expect(page.contains("http-equiv=\"refresh\""))
      titles += page.split(separator: "\n").filter { $0.contains("<title>run") }.map { "\($0)" }
    }
    #expect(titles.map { $0.hasSuffix("<title>run: step 2</title>") } == [true, false])
    #expect(titles.last?.hasSuffix("<title>run: step 4</title>") == true)
    try runPage.end(isFinished: true)
    let page = try text()
    #expect(!page.contains("refresh") && page.contains("Step 4 of 4, epoch 1.40; finished."))
  }

  @Test("has figures, both charts, the settings and the command, and needs nothing else")
  func contents() throws {
    let trainer = try fixture.trainer("run")
    let runPage = runPage(trainer)
    try trainer.run { try runPage.record($0) }
    try runPage.end(isFinished: true)
    let page = try text()
    for text in [
      "<dt>training loss</dt>", "<dt>validation loss</dt>", "<title>Loss</title>",
      "<title>Learning rate</title>", ">validation</text>",
      "<tr><th>learning_rate</th><td>0.02</td>",
      "<tr><th>machine</th><td>a &amp; b</td>", "gpt-finetune &lt;1&gt;", "<h2>Command</h2>",
    ] {
      #expect(page.contains(text), "\(text)")
    }
    // Nothing is loaded from elsewhere, and nothing is run.
    for text in ["<script", "src=", "href=", "url(", "@import"] {
      #expect(!page.contains(text), "\(text)")
    }
    #expect(page.count { $0 == "<" } == page.count { $0 == ">" })
  }

  @Test("shows the part of each text in a corpus that was joined")
  func joinedCorpus() throws {
    try fixture.folder.write(
      """
      {"version": 1, "recipe": "join", "one_post_a_line": true, "posts_in": 9, "characters_in": 1,
      "bytes_in": 1, "rules": [{"name": "duplicates", "settings": {}, "dropped": 2, "changed": 0}],
      "sources": [{"path": "<a>.txt", "posts_in": 5, "posts_out": 5, "bytes_out": 30},
      {"path": "b.txt", "posts_in": 4, "posts_out": 2, "bytes_out": 10}],
      "posts_out": 7, "characters_out": 40, "bytes_out": 40}
      """, to: "posts.funnel.json")
    try fixture.writeShards(
      settings: ["corpus": [.string(fixture.folder.path("posts.txt"))]])
    let trainer = try fixture.trainer("run")
    let runPage = runPage(trainer)
    try trainer.run { _ in }
    try runPage.end(isFinished: true)
    #expect(
      try text().contains(
        "<tr><th>&lt;a&gt;.txt</th><td class=\"number\">5</td><td class=\"number\">5</td>"
          + "<td class=\"number\">75.0 %</td></tr>"))
    #expect(
      try fixture.folder.text(of: "run/report.md").contains("| b.txt | 4 | 2 | 25.0 % |\n\nMade by")
    )
  }

  @Test("shows the lengths of the posts that the manifest knows, and the funnel beside the corpus")
  func corpus() throws {
    try fixture.folder.write(
      """
      {"version": 1, "recipe": "house", "one_post_a_line": true, "posts_in": 9, "characters_in": 1,
      "bytes_in": 1, "rules": [{"name": "length", "settings": {}, "dropped": 2, "changed": 0}],
      "posts_out": 7, "characters_out": 1, "bytes_out": 1}
      """, to: "posts.funnel.json")
    try fixture.writeShards(
      statistics: [
        "post_tokens": [
          ["up_to": 64, "posts": 5], ["up_to": 128, "posts": 2], ["up_to": nil, "posts": 0],
        ]
      ], settings: ["corpus": [.string(fixture.folder.path("posts.txt"))]])
    let trainer = try fixture.trainer("run")
    let runPage = runPage(trainer)
    try trainer.run { try runPage.record($0) }
    let page = try text()
    #expect(page.contains("<tr><th>up to 128</th><td class=\"number\">2</td>"))
    #expect(page.contains("width:40.0%") && !page.contains("longer"))
    #expect(page.contains("<tr><th>length</th><td class=\"number\">-2</td>"))
    #expect(page.contains("<tr><th>posts out</th><td class=\"number\">7</td>"))
  }

  @Test("a run that replaces another leaves its page until the first checkpoint")
  func replacing() throws {
    try fixture.trainer("run").run { _ in }
    try fixture.folder.write("earlier", to: "run/report.html")
    let trainer = try fixture.trainer("run") { $0.learningRate = 0.01 }
    _ = try trainer.start(.init(resumes: false, restarts: true))
    let runPage = runPage(trainer)
    var pages: [Bool] = []
    try trainer.run { event in
      try runPage.record(event)
      if case .progress = event { pages.append(try text() == "earlier") }
    }
    #expect(pages.prefix(5) == [true, true, true, true, true])
    #expect(pages[5...].allSatisfy { !$0 })
  }

  @Test("a training that is stopped says so, and how to continue")
  func stopped() throws {
    let trainer = try fixture.trainer("run")
    let runPage = runPage(trainer)
    #expect(throws: TrainingFixture.Stop.self) {
      try trainer.run { event in
        try runPage.record(event)
        if case .progress(let progress) = event, progress.step == 3 { throw TrainingFixture.Stop() }
      }
    }
    try runPage.end(isFinished: false)
    #expect(try text().contains("Step 3 of 12, epoch 1.00; stopped; "))
    #expect(try !text().contains("refresh"))
  }
}
