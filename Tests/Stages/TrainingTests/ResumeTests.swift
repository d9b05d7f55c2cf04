import CheckpointFormat
import FileSupport
import Foundation
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import Training

@Suite("Resuming")
struct ResumeTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private let resume = EarlierRunPolicy(resumes: true, restarts: false)

  /// The files whose bytes must not depend on interruptions.
  private func results(_ run: String) throws -> [[UInt8]] {
    try ["final/model.safetensors", "curves.csv", "curves.svg"].map {
      try fixture.bytes("\(run)/\($0)")
    }
  }

  @Test("a training stopped after any step and resumed gives the same bytes as one in one go")
  func anyStep() throws {
    let whole = try fixture.trainer("whole")
    #expect(try whole.start(resume) == .new)
    try whole.run { _ in }
    let expected = try results("whole")
    for step in 1...12 {
      let run = "run-\(step)"
      try fixture.runAndStop(run, after: step)
      // Other weights, to be replaced by the checkpoint's.
      let resumed = try fixture.trainer(run, seed: 99)
      #expect(try resumed.start(resume) == .resumed(step: step))
      try resumed.run { _ in }
      #expect(try results(run) == expected, "stopped after step \(step)")
      #expect(
        resumed.state.withoutTimes == whole.state.withoutTimes, "stopped after step \(step)")
    }
  }

  @Test("an interruption while a checkpoint is read is not taken for damage")
  func interruptedReading() throws {
    struct Stop: Error, CustomStringConvertible { let description = "stopped" }
    try fixture.runAndStop("run", after: 3)
    let resumed = try fixture.trainer("run")
    #expect(throws: Stop.self) { try resumed.start(resume) { throw Stop() } }
  }

  @Test(
    "so does one in bfloat16, and it is not gone on with in another precision",
    .enabled(if: ThreadPool.multipliesBFloat16, "this processor has no bfloat16 products"))
  func bfloat16() throws {
    let whole = try fixture.trainer("whole") { $0.precision = .bf16 }
    try whole.run { _ in }
    let exact = try fixture.trainer("exact")
    try exact.run { _ in }
    #expect(try results("whole") != results("exact"))
    for step in [1, 5, 8] {
      let run = "run-\(step)"
      try fixture.runAndStop(run, after: step) { $0.precision = .bf16 }
      let other = try fixture.trainer(run, seed: 99)
      let error = #expect(throws: InputError.self) { try other.start(resume) }
      #expect(error?.problem.contains(#"precision was "bf16", is "fp32""#) == true)
      let resumed = try fixture.trainer(run, seed: 99) { $0.precision = .bf16 }
      #expect(try resumed.start(resume) == .resumed(step: step))
      try resumed.run { _ in }
      #expect(try results(run) == results("whole"))
    }
  }

  @Test("a training stopped again and again, and one killed between checkpoints, end the same")
  func severalStops() throws {
    let whole = try fixture.trainer("whole")
    try whole.run { _ in }
    try fixture.runAndStop("run", after: 3)
    for stop in [4, 8] {
      let trainer = try fixture.trainer("run", seed: 99)
      _ = try trainer.start(resume)
      #expect(throws: TrainingFixture.Stop.self) {
        try trainer.run {
          if case .progress(let progress) = $0, progress.step == stop {
            throw TrainingFixture.Stop()
          }
        }
      }
    }
    // As if the machine had gone down before step 8 could be saved.
    try Folder.remove(fixture.folder.path("run/checkpoint-8"))
    let last = try fixture.trainer("run", seed: 99)
    #expect(try last.start(resume) == .resumed(step: 5))
    try last.run { _ in }
    #expect(try results("run") == results("whole"))
  }

  @Test("checkpoints and log lines may come at other steps after resuming")
  func otherSaveSteps() throws {
    let whole = try fixture.trainer("whole")
    try whole.run { _ in }
    try fixture.runAndStop("run", after: 7)
    let resumed = try fixture.trainer("run", seed: 99) {
      $0.saveSteps = 4
      $0.loggingSteps = 1
      $0.saveTotalLimit = 1
    }
    #expect(try resumed.start(resume) == .resumed(step: 7))
    try resumed.run { _ in }
    #expect(
      try fixture.bytes("run/final/model.safetensors")
        == fixture.bytes("whole/final/model.safetensors"))
    let steps = resumed.state.log.filter { $0.values["loss"] != nil }.map(\.step)
    #expect(steps == [2, 4, 6, 8, 9, 10, 11, 12])
    // The loss of step 7 was not logged before; step 8's line is the mean of both.
    #expect(abs(resumed.state.lossSum - whole.state.lossSum) < 1e-12)
  }

  @Test("what the report throws after a line of the log leaves a checkpoint too")
  func stoppedWhileLogging() throws {
    let trainer = try fixture.trainer()
    var saved: [String] = []
    #expect(throws: TrainingFixture.Stop.self) {
      try trainer.run { event in
        switch event {
        case .logged: throw TrainingFixture.Stop()
        case .saved(let path): saved.append(path)
        case .progress, .sampling, .completingRound: break
        }
      }
    }
    #expect(saved == [fixture.folder.path("run/checkpoint-2")])
    #expect(try fixture.trainer().start(resume) == .resumed(step: 2))
  }

  // MARK: - Refusals

  private func expectRefusal(
    _ problem: String, _ policy: EarlierRunPolicy, tokens: String = "tokens",
    origin: WeightOrigin = .random, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws {
    let trainer = try fixture.trainer(tokens: tokens, origin: origin, change)
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) {
      try trainer.start(policy)
    }
    #expect(
      error?.description == "\(fixture.folder.path("run")): \(problem)",
      sourceLocation: sourceLocation)
    #expect(Folder.exists(fixture.folder.path("run/checkpoint-4")), sourceLocation: sourceLocation)
  }

  @Test("other settings, another model, origin or data are refused by name")
  func differences() throws {
    try fixture.runAndStop("run", after: 4)
    func other(_ difference: String) -> String {
      "holds a run with other settings (\(difference)); --restart replaces it"
    }
    try expectRefusal(other("learning_rate was 0.02, is 0.03"), resume) { $0.learningRate = 0.03 }
    try expectRefusal(
      other("max_steps was 12, is 13; seed was \"42\", is \"43\""), resume
    ) {
      $0.maximumSteps = 13
      $0.seed = 43
    }
    try expectRefusal(
      other("weights was \"random\", is 5"), resume, origin: .model(checksum: 5, name: nil))
    try fixture.writeShards(to: "other", offset: 1)
    try expectRefusal(other("the training data is different"), resume, tokens: "other")
    var configuration = TrainingFixture.configuration
    configuration.residualDropout = 0.2
    let error = try #require(throws: InputError.self) {
      try fixture.trainer(configuration: configuration).start(resume)
    }
    #expect(error.problem == other("resid_pdrop was 0.1, is 0.2"))
  }

  @Test("an earlier run is neither resumed nor removed unasked")
  func unasked() throws {
    let nothing = EarlierRunPolicy(resumes: false, restarts: false)
    #expect(try fixture.trainer().start(nothing) == .new)
    try fixture.runAndStop("run", after: 4)
    try expectRefusal(
      "holds an earlier run; --resume continues it, --restart replaces it", nothing)
  }

  @Test("a damaged checkpoint is named")
  func damaged() throws {
    try fixture.runAndStop("run", after: 4)
    let path = fixture.folder.path("run/checkpoint-4/optimizer.safetensors")
    let whole = try fixture.bytes("run/checkpoint-4/optimizer.safetensors")
    try replaceFile(at: path, with: Array(whole.dropLast()))
    let none =
      "the checkpoint is damaged, and there is no complete older one; --restart without --resume "
      + "starts over"
    #expect {
      try fixture.trainer().start(resume)
    } throws: {
      "\($0)".hasPrefix("\(path): byte ") && "\($0)".hasSuffix("it is cut off; \(none)")
    }
    try replaceFile(at: path, with: whole)
    try Folder.move(
      fixture.folder.path("run/checkpoint-4"), replacing: fixture.folder.path("run/checkpoint-6"))
    let error = #expect(throws: InputError.self) { try fixture.trainer().start(resume) }
    #expect(
      error?.description
        == "\(fixture.folder.path("run/checkpoint-6/trainer_state.json")): "
        + "global_step is 4, expected 6; \(none)")
  }

  /// What can become of a file of a checkpoint.
  enum Damage: CaseIterable {
    case cut, empty, missing, anotherFile
  }

  @Test(
    "in place of a damaged checkpoint the one before it is taken, with a warning, to the same end",
    arguments: Damage.allCases)
  func olderCheckpoint(damage: Damage) throws {
    let whole = try fixture.trainer("whole")
    try whole.run { _ in }
    for file in [
      "model.safetensors", "optimizer.safetensors", "trainer_state.json", "resume_state.json",
    ] {
      try? Folder.remove(fixture.folder.path("run"))
      try fixture.runAndStop("run", after: 7)
      let damaged = fixture.folder.path("run/checkpoint-7/\(file)")
      let bytes = try fixture.bytes("run/checkpoint-7/\(file)")
      switch damage {
      case .cut: try replaceFile(at: damaged, with: Array(bytes.prefix(bytes.count / 2)))
      case .empty: try replaceFile(at: damaged, with: [])
      case .missing: try FileManager.default.removeItem(atPath: damaged)
      case .anotherFile: try replaceFile(at: damaged, with: Array("{}".utf8))
      }
      let resumed = try fixture.trainer("run", seed: 99) { $0.saveTotalLimit = 1 }
      #expect(try resumed.start(resume) == .resumed(step: 5))
      let warning = try #require(resumed.warnings.first)
      #expect(resumed.warnings.count == 1)
      #expect(warning.hasPrefix("\(damaged): "), "\(warning)")
      #expect(
        warning.hasSuffix(
          "; the checkpoint is damaged: using \(fixture.folder.path("run/checkpoint-5")) instead"),
        "\(warning)")
      // It stays where it is, and does not push out those that are whole.
      #expect(Folder.exists(fixture.folder.path("run/checkpoint-7")))
      #expect(throws: TrainingFixture.Stop.self) {
        try resumed.run { if case .progress = $0 { throw TrainingFixture.Stop() } }
      }
      let again = try fixture.trainer("run", seed: 99)
      #expect(try again.start(resume) == .resumed(step: 6))
      try again.run { _ in }
      #expect(try results("run") == results("whole"))
    }
  }

  @Test("if no checkpoint is whole, nothing is touched, whatever the policy")
  func allDamaged() throws {
    try fixture.runAndStop("run", after: 7)
    for step in [5, 7] {
      try fixture.folder.write("x", to: "run/checkpoint-\(step)/resume_state.json")
    }
    for policy in [resume, EarlierRunPolicy(resumes: true, restarts: true)] {
      let trainer = try fixture.trainer()
      let error = #expect(throws: InputError.self) { try trainer.start(policy) }
      #expect(error?.path == fixture.folder.path("run/checkpoint-7/resume_state.json"))
      #expect(
        error?.problem.hasSuffix(
          "; the checkpoint is damaged, and there is no complete older one; --restart without "
            + "--resume starts over") == true)
      #expect(trainer.warnings == [])
      #expect(try Folder.list(fixture.folder.path("run")) == ["checkpoint-5", "checkpoint-7"])
    }
    // The only one that has lost its state is no reason to begin over it, either.
    try Folder.remove(fixture.folder.path("run/checkpoint-5"))
    try FileManager.default.removeItem(
      atPath: fixture.folder.path("run/checkpoint-7/trainer_state.json"))
    #expect(throws: InputError.self) { try fixture.trainer().start(resume) }
    #expect(throws: InputError.self) {
      try fixture.trainer().start(EarlierRunPolicy(resumes: false, restarts: false))
    }
  }

  @Test("weights that are not numbers make a checkpoint a damaged one")
  func notNumbers() throws {
    try fixture.runAndStop("run", after: 7)
    let path = "run/checkpoint-7/model.safetensors"
    var bytes = try fixture.bytes(path)
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
    try fixture.folder.write(bytes, to: path)
    let trainer = try fixture.trainer()
    #expect(try trainer.start(resume) == .resumed(step: 5))
    #expect(trainer.warnings.first?.contains(" is nan at ") == true)
  }

  @Test("another tokenizer with the same ids is refused; an older run does not tell its own")
  func tokenizer() throws {
    try fixture.runAndStop("run", after: 4)
    try fixture.writeShards(to: "other", digest: 8)
    try expectRefusal(
      "holds a run with other settings (the tokenizer is different); --restart replaces it", resume,
      tokens: "other")
    let path = "run/checkpoint-4/resume_state.json"
    let text = try fixture.folder.text(of: path)
    try fixture.folder.write(text.replacing("\"tokenizer\": 7,", with: ""), to: path)
    #expect(try fixture.trainer(tokens: "other").start(resume) == .resumed(step: 4))
  }

  @Test("a file of a checkpoint that is gone is named with the remedy")
  func missingFile() throws {
    try fixture.runAndStop("run", after: 4)
    let path = fixture.folder.path("run/checkpoint-4/optimizer.safetensors")
    try FileManager.default.removeItem(atPath: path)
    let error = #expect(throws: InputError.self) { try fixture.trainer().start(resume) }
    #expect(
      error?.description
        == "\(path): cannot open: No such file or directory; the checkpoint is damaged, and "
        + "there is no complete older one; --restart without --resume starts over")
  }
}
