import CheckpointFormat
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import Training

@Suite("Samples at validations")
struct ValidationSamplesTests {
  private typealias Posts = ModelCardTests.Posts
  private static let held = ["КОТ УШЁЛ @ ДОМ", "ЁЖ СЕЛ @ ДОМА", "ДОМ @ КОТ СЕЛ"]
  private let posts: Posts

  init() throws {
    posts = try Posts(Posts.russian, validation: Self.held)
  }

  private func trainer(
    _ run: String = "run", samples: Int? = 6, _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Trainer {
    try posts.trainer(run) {
      $0.evaluationSteps = 2
      $0.evaluationSamples = samples
      change(&$0)
    }
  }

  private func checksum(_ run: String) throws -> [UInt8] {
    try posts.folder.bytes(of: "\(run)/final/model.safetensors")
  }

  @Test("are written at each, with the same prompts, and change nothing in the training")
  func written() throws {
    let trainer = try trainer()
    var sampled = false
    try trainer.run { if case .sampling(isFinal: false) = $0 { sampled = true } }
    #expect(sampled)
    #expect(trainer.state.samples.map(\.step) == [2, 4, 6])
    let prompts = trainer.state.samples.map { $0.texts.map(\.prompt) }
    #expect(prompts.allSatisfy { $0 == prompts[0] } && prompts[0].count == 4)
    #expect(Set(prompts[0]).isSubset(of: ["КОТ", "ДОМ", "ЁЖ"]))
    for samples in trainer.state.samples {
      for text in samples.texts {
        let rest = text.text.dropFirst(text.prompt.count)
        #expect(text.text.hasPrefix(text.prompt) && rest.first?.isWhitespace != false)
        #expect(!text.text.contains("\u{FFFD}"))
      }
    }
    // The learning rate is high, so what is written changes.
    #expect(trainer.state.samples[0].texts != trainer.state.samples[2].texts)
    let plain = try self.trainer("plain", samples: 0)
    try plain.run { _ in }
    #expect(plain.state.samples.isEmpty)
    #expect(try checksum("run") == checksum("plain"))
    func losses(_ trainer: Trainer) -> [Double] {
      trainer.state.log.compactMap { $0.values["eval_loss"] }
    }
    #expect(losses(trainer) == losses(plain))
  }

  @Test("their numbers are in the log, and well-formed bugurts only if the posts are bugurts")
  func statistics() throws {
    func values(_ posts: Posts) throws -> [String: Double] {
      let trainer = try posts.trainer { $0.evaluationSamples = 6 }
      try trainer.run { _ in }
      return try #require(trainer.state.log.last { $0.values["eval_texts"] != nil }?.values)
    }
    let bugurts = try values(posts)
    #expect(bugurts["eval_texts"] == 6)
    for key in ["well_formed", "copied", "distinct_1", "distinct_2"] {
      let value = try #require(bugurts["eval_texts_" + key])
      #expect(0...1 ~= value, "\(key)")
    }
    #expect(bugurts["eval_texts_words"] ?? 0 > 0)
    #expect(bugurts["eval_texts_runtime"] ?? 0 > 0)
    let others = try Posts(["КОТ СЕЛ ДОМА", "ДОМ КОТ", "КОТ КОТ @ ДОМ"], validation: Self.held)
    #expect(try values(others)["eval_texts_well_formed"] == nil)
  }

  @Test("a resumed run has those of one that was not interrupted; final/ has none")
  func resumed() throws {
    struct Stop: Error {}
    let whole = try trainer("whole")
    try whole.run { _ in }
    for stop in 1...5 {
      let interrupted = try trainer("run-\(stop)")
      #expect(throws: Stop.self) {
        try interrupted.run { event in
          if case .progress(let progress) = event, progress.step == stop { throw Stop() }
        }
      }
      let resumed = try trainer("run-\(stop)")
      #expect(try resumed.start(.init(resumes: true, restarts: false)) == .resumed(step: stop))
      try resumed.run { _ in }
      #expect(resumed.state.samples == whole.state.samples)
      #expect(resumed.state.withoutTimes == whole.state.withoutTimes)
      #expect(try checksum("run-\(stop)") == checksum("whole"))
    }
    let path = "whole/final/resume_state.json"
    #expect(try !posts.folder.text(of: path).contains("\"samples\""))
    #expect(
      try posts.folder.text(of: "whole/checkpoint-4/resume_state.json").contains("\"samples\""))
  }

  @Test("an interruption while they are written leaves a checkpoint; the validation is done again")
  func interrupted() throws {
    struct Stop: Error {}
    let whole = try trainer("whole")
    try whole.run { _ in }
    for token in [1, 4, 7] {
      let run = "run-\(token)"
      let interrupted = try trainer(run)
      var count = 0
      #expect(throws: Stop.self) {
        try interrupted.run { event in
          guard case .sampling(isFinal: false) = event else { return }
          count += 1
          if count == token { throw Stop() }
        }
      }
      let resumed = try trainer(run)
      #expect(try resumed.start(.init(resumes: true, restarts: false)) == .resumed(step: 2))
      #expect(resumed.state.samples.isEmpty)
      try resumed.run { _ in }
      #expect(resumed.state.withoutTimes == whole.state.withoutTimes)
      #expect(resumed.state.samples == whole.state.samples)
      #expect(try checksum(run) == checksum("whole"))
    }
  }

  @Test("those of an adapter are written by the model merged with it, and change nothing either")
  func adapter() throws {
    let base = posts.folder.path("base")
    try Folder.create(base)
    try GPT2Model(posts.configuration, seed: 3, threadPool: ThreadPool(count: 1)).write(to: base)
    func run(_ name: String, samples: Int, rate: Double = 0.1) throws -> TrainerState {
      let adapter = try AdapterTraining(
        AdapterConfiguration(rank: 2, alpha: 4, dropout: 0.1, targets: .names(["c_attn", "c_fc"])),
        base: StoredModel(folder: base, ThreadPool(count: 1)), weights: .fp32, merges: true,
        seed: 5,
        threadPool: ThreadPool(count: 1))
      let trainer = try posts.trainer(name, of: adapter) {
        $0.evaluationSteps = 2
        $0.evaluationSamples = samples
        $0.learningRate = rate
      }
      try trainer.run { _ in }
      return trainer.state
    }
    let state = try run("run", samples: 6)
    #expect(try run("plain", samples: 0).log.count == state.log.count)
    #expect(try checksum("run") == checksum("plain"))
    // An adapter that learns nothing leaves the texts as they are.
    let still = try run("still", samples: 6, rate: 0).samples
    #expect(still.map(\.step) == [2, 4, 6] && Set(still.map { "\($0.texts)" }).count == 1)
    #expect(state.samples.last?.texts != still.last?.texts)
  }

  @Test("samples that are damaged in a checkpoint are left out, and the run is resumed")
  func damaged() throws {
    struct Stop: Error {}
    let interrupted = try trainer()
    #expect(throws: Stop.self) {
      try interrupted.run { event in
        if case .progress(let progress) = event, progress.step == 5 { throw Stop() }
      }
    }
    let path = "run/checkpoint-5/resume_state.json"
    let state = try JSONValue(path: posts.folder.path(path))
    let members = (state.members ?? []).filter { $0.key != "samples" }
    let damaged: JSONValue = [["step": 2, "texts": [["prompt": 7]]], ["step": "x"], 3]
    try posts.folder.write(
      JSONValue.object(members + [.init("samples", damaged)]).text(), to: path)
    let resumed = try trainer()
    #expect(try resumed.start(.init(resumes: true, restarts: false)) == .resumed(step: 5))
    #expect(resumed.state.samples == [.init(step: 2, texts: [])])
    let page = RunPage(resumed, surroundings: [])
    try resumed.run { try page.record($0) }
    try page.end(isFinished: true)
    #expect(try posts.folder.text(of: "run/report.html").contains("<h2>Texts</h2>"))
  }

  @Test("are on the page, side by side under their prompts, in the report and for TensorBoard")
  func shown() throws {
    let trainer = try trainer { $0.loadsBestModelAtEnd = true }
    let page = RunPage(trainer, surroundings: [])
    let log = TensorBoardLog(trainer)
    try trainer.run { event in
      try log.record(event)
      try page.record(event)
    }
    try page.end(isFinished: true)
    let html = try posts.folder.text(of: "run/report.html")
    let first = trainer.state.samples[0].texts
    #expect(html.count(of: "<div class=\"cards\">") == first.count)
    for text in first { #expect(html.contains("<h3 lang=\"ru\">\(text.prompt) …</h3>")) }
    #expect(html.contains("<figcaption>step 2") && html.contains("<figcaption>step 6"))
    #expect(html.contains(", lowest loss</figcaption>"))
    #expect(
      html.contains("<tr><th>different words</th>") && html.contains(">different pairs</text>"))
    let report = try posts.folder.text(of: "run/report.md")
    #expect(report.contains("\n| 2 | 6 | ") && report.contains("\n| 6 | 6 | "))
    let runs = posts.folder.path("run/runs")
    let folder = try #require(try Folder.list(runs).first)
    let file = try #require(try Folder.list("\(runs)/\(folder)").first)
    let events = try posts.folder.bytes(of: "run/runs/\(folder)/\(file)")
    for text in [
      "samples/text_summary", "eval/texts_distinct_2", "eval/texts_well_formed", first[0].text,
    ] {
      #expect(events.firstRange(of: Array(text.utf8)) != nil, "\(text)")
    }
  }

  @Test("distinct words and pairs are counted whatever their case and what is between them")
  func distinct() {
    var statistics = SampleStatistics()
    statistics.count("КОТ СЕЛ @ кот, сел")
    statistics.count("Ёж")
    #expect(statistics.distinctWords == 3.0 / 5)
    // КОТ СЕЛ, СЕЛ КОТ, КОТ СЕЛ; no pair goes over the end of a text.
    #expect(statistics.distinctPairs == 2.0 / 3)
    #expect(statistics.values["eval_texts_words"] == 2.5)
    #expect(SampleStatistics().values["eval_texts_words"] == 0)
  }
}

extension String {
  fileprivate func count(of part: String) -> Int { components(part).count - 1 }

  private func components(_ separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}
