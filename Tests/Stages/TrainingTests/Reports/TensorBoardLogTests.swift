import FileSupport
import TestSupport
import Testing
import Training

@Suite("The log for TensorBoard")
struct TensorBoardLogTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private func run(
    _ policy: EarlierRunPolicy = .init(resumes: true, restarts: true), stopAfter last: Int? = nil,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws {
    let trainer = try fixture.trainer("run", change)
    _ = try trainer.start(policy)
    let log = TensorBoardLog(trainer)
    do {
      try trainer.run { event in
        try log.record(event)
        if case .progress(let progress) = event, progress.step == last {
          throw TrainingFixture.Stop()
        }
      }
      try log.finish()
    } catch is TrainingFixture.Stop {}
  }

  /// The event files of each folder in `runs` of the run `name`.
  private func files(_ name: String = "run") throws -> [[String]] {
    let runs = fixture.folder.path("\(name)/runs")
    return try Folder.list(runs).map { folder in
      try Folder.list("\(runs)/\(folder)").map { "\(name)/runs/\(folder)/\($0)" }
    }
  }

  private func contains(_ file: String, _ text: String) throws -> Bool {
    try fixture.folder.bytes(of: file).firstRange(of: Array(text.utf8)) != nil
  }

  @Test("a run has one file, with the Trainer's tags and ours")
  func tags() throws {
    try run()
    let written = try files()
    try #require(written.map(\.count) == [1])
    for tag in [
      "args/text_summary", "model_config/text_summary", "_hparams_/session_start_info",
      "train/loss", "train/learning_rate", "train/grad_norm", "train/epoch", "eval/loss",
      "eval/runtime", "eval/perplexity", "train/tokens_per_second", "train/train_runtime",
      "train/total_flos", "_hparams_/session_end_info",
    ] {
      #expect(try contains(written[0][0], tag), "\(tag)")
    }
  }

  @Test("a resumed run goes on in the same folder with a new file, and leaves the first as it was")
  func resumed() throws {
    try run(stopAfter: 6)
    let before = try files()
    let bytes = try fixture.folder.bytes(of: before[0][0])
    try run()
    let after = try files()
    try #require(after.map(\.count) == [2])
    #expect(after[0][0] == before[0][0])
    #expect(try fixture.folder.bytes(of: after[0][0]) == bytes)
    #expect(try !contains(after[0][0], "_hparams_/session_end_info"))
    #expect(try contains(after[0][1], "_hparams_/session_end_info"))
  }

  @Test("a run that replaces another writes nothing before its first checkpoint")
  func replacing() throws {
    try run()
    let before = try files()
    let trainer = try fixture.trainer("run") { $0.learningRate = 0.01 }
    _ = try trainer.start(.init(resumes: false, restarts: true))
    let log = TensorBoardLog(trainer)
    var seen: [[String]] = []
    try trainer.run { event in
      try log.record(event)
      if case .progress(let progress) = event, progress.step == 4 { seen = try files() }
    }
    #expect(seen == before)
    let after = try files()
    try #require(after.map(\.count) == [1])
    #expect(try contains(after[0][0], "train/loss"))
  }
}
