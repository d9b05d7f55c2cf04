import CheckpointFormat
import FileSupport
import GPT2
import JSONSupport
import TestSupport
import Testing
import Training

@Suite("The best model and early stopping")
struct BestModelTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private let resume = EarlierRunPolicy(resumes: true, restarts: false)

  /// A training that soon knows its ten blocks by heart, whose validation loss then rises.
  private static func overfit(_ settings: inout TrainingSettings) {
    settings.maximumSteps = 60
    settings.learningRate = 0.05
    settings.schedule = .constant
    settings.evaluationSteps = 3
    settings.saveSteps = 7
    settings.loggingSteps = 5
    settings.loadsBestModelAtEnd = true
    settings.earlyStopping = EarlyStopping(patience: 3)
  }

  private func evaluations(_ trainer: Trainer) -> [(step: Int, loss: Double)] {
    trainer.state.log.compactMap { entry in entry.values["eval_loss"].map { (entry.step, $0) } }
  }

  @Test("the training ends when the loss did not fall for so many validations; final/ is the best")
  func stopsEarly() throws {
    let trainer = try fixture.trainer { Self.overfit(&$0) }
    try trainer.run { _ in }
    let evaluations = evaluations(trainer)
    let best = try #require(evaluations.min { $0.loss < $1.loss })
    let last = try #require(evaluations.last)
    #expect(last.step == best.step + 9 && last.step < 60, "\(evaluations)")
    #expect(trainer.state.globalStep == last.step)
    #expect(evaluations.map(\.step) == Array(stride(from: 3, through: last.step, by: 3)))
    #expect(trainer.state.best?.step == best.step && trainer.state.best?.loss == best.loss)
    #expect(
      try fixture.bytes("run/final/model.safetensors")
        == fixture.bytes("run/checkpoint-\(best.step)/model.safetensors"))
    let state = try JSONValue(path: fixture.folder.path("run/final/trainer_state.json"))
    #expect(state["global_step"]?.integer == last.step)
    #expect(state["max_steps"]?.integer == 60)
    #expect(state["best_global_step"]?.integer == best.step)
    #expect(state["best_model_checkpoint"]?.string == "checkpoint-\(best.step)")
    #expect(
      state["stateful_callbacks"]?["EarlyStoppingCallback"]?["attributes"]
        == ["early_stopping_patience_counter": 3])
    // Checkpoints between the save steps are there for the best only.
    let steps = try trainer.folder.checkpointSteps()
    #expect(Set(steps) == Set(stride(from: 7, to: last.step, by: 7)).union([best.step]))
    let report = try fixture.folder.text(of: "run/report.md")
    #expect(report.contains("blocks of 8 tokens, stopped early (60 planned) |\n"))
    #expect(report.contains("| finished model | after step \(best.step), the best |\n"))
    #expect(report.contains(", after step \(best.step) |\n"))
    #expect(try fixture.folder.text(of: "run/curves.svg").contains(">best</text>"))
    // A finished run is finished, though steps are left.
    #expect(try fixture.trainer { Self.overfit(&$0) }.start(resume) == .finished)
  }

  @Test("without the best model the weights are the last, and the log is the same")
  func lastWeights() throws {
    let best = try fixture.trainer("best") { Self.overfit(&$0) }
    try best.run { _ in }
    let last = try fixture.trainer("last") {
      Self.overfit(&$0)
      $0.loadsBestModelAtEnd = false
    }
    try last.run { _ in }
    #expect(last.state.withoutTimes == best.state.withoutTimes)
    #expect(try last.gpt2.checksum != best.gpt2.checksum)
    #expect(try last.folder.checkpointSteps().allSatisfy { $0 % 7 == 0 })
  }

  @Test("the best checkpoint stays, however few are kept")
  func limit() throws {
    let trainer = try fixture.trainer {
      Self.overfit(&$0)
      $0.saveTotalLimit = 1
      $0.saveSteps = 2
    }
    try trainer.run { event in
      guard case .saved(let path) = event, path.contains("checkpoint") else { return }
      let best = trainer.state.best?.step ?? trainer.state.globalStep
      let steps = try trainer.folder.checkpointSteps()
      #expect(Set(steps) == [best, trainer.state.globalStep])
    }
    let best = try #require(trainer.state.best?.step)
    #expect(best < trainer.state.globalStep - 2)
    #expect(Folder.exists(trainer.folder.checkpointPath(step: best)))
  }

  @Test("where the last validation is the best, final/ is the last step")
  func bestAtTheEnd() throws {
    let trainer = try fixture.trainer {
      Self.overfit(&$0)
      $0.maximumSteps = 4
      $0.evaluationSteps = 9
    }
    try trainer.run { _ in }
    #expect(trainer.state.best?.step == 4)
    let state = try JSONValue(path: fixture.folder.path("run/final/trainer_state.json"))
    #expect(state["best_model_checkpoint"] == "final")
    #expect(try trainer.folder.checkpointSteps() == [])
    #expect(
      try fixture.folder.text(of: "run/report.md").contains(
        "| finished model | after step 4, the last |\n"))
  }

  @Test(
    "the steps of validation are others than those of checkpoints, and do not change the result")
  func evaluationSteps() throws {
    func run(_ name: String, every steps: Int?, batch: Int? = nil) throws -> Trainer {
      let trainer = try fixture.trainer(name) {
        $0.evaluationSteps = steps
        $0.evaluationBatchSize = batch
      }
      try trainer.run { _ in }
      return trainer
    }
    let (plain, often) = (try run("plain", every: nil), try run("often", every: 4, batch: 1))
    #expect(evaluations(plain).map(\.step) == [5, 10, 12])
    #expect(evaluations(often).map(\.step) == [4, 8, 12])
    #expect(try often.gpt2.checksum == plain.gpt2.checksum)
    #expect(try often.folder.checkpointSteps() == [5, 10])
    let state = try JSONValue(path: "\(often.folder.path)/checkpoint-10/trainer_state.json")
    #expect(state["eval_steps"]?.integer == 4 && state["save_steps"]?.integer == 5)
    let losses = [plain, often].map { evaluations($0).last?.loss ?? 0 }
    #expect(abs(losses[0] - losses[1]) < 1e-6)
    let entry = try #require(often.state.log.first { $0.values["eval_loss"] != nil })
    #expect(
      Set(entry.values.keys) == [
        "eval_loss", "eval_perplexity", "eval_runtime", "eval_samples_per_second",
        "eval_steps_per_second",
      ])
    // Three blocks, one at a time.
    let ratio =
      try #require(entry.values["eval_samples_per_second"])
      / #require(entry.values["eval_steps_per_second"])
    #expect(abs(ratio - 1) < 1e-3)
  }

  @Test("without validation data both are refused, with the remedy")
  func noValidation() throws {
    let fixture = try TrainingFixture(validationBlocks: 0)
    for change in [
      { $0.loadsBestModelAtEnd = true }, { $0.earlyStopping = EarlyStopping(patience: 1) },
    ] as [(inout TrainingSettings) -> Void] {
      let error = #expect(throws: InputError.self) { try fixture.trainer { change(&$0) } }
      #expect(
        error?.description
          == "\(fixture.folder.path("tokens")): there is no block of 8 tokens to validate on, "
          + "which --load-best-model-at-end and --early-stopping-patience need: encode with "
          + "--validation-fraction 0.05")
    }
  }

  // MARK: - Resuming

  private func results(_ run: String) throws -> [[UInt8]] {
    try ["final/model.safetensors", "curves.csv", "curves.svg"].map {
      try fixture.bytes("\(run)/\($0)")
    }
  }

  @Test("stopped after any step, or any validation, and resumed, it ends the same")
  func resuming() throws {
    let whole = try fixture.trainer("whole") { Self.overfit(&$0) }
    try whole.run { _ in }
    let expected = try results("whole")
    for step in 1...whole.state.globalStep {
      for atValidation in [false, true] where !atValidation || step % 3 == 0 {
        let run = "run-\(step)-\(atValidation)"
        let trainer = try fixture.trainer(run) { Self.overfit(&$0) }
        #expect(throws: TrainingFixture.Stop.self) {
          try trainer.run { event in
            switch event {
            case .progress(let progress):
              if progress.step == step, !atValidation { throw TrainingFixture.Stop() }
            case .logged(let entry):
              if entry.step == step, entry.values["eval_loss"] != nil {
                throw TrainingFixture.Stop()
              }
            case .sampling, .completingRound, .saved: break
            }
          }
        }
        // The checkpoints may come at other steps.
        let resumed = try fixture.trainer(run, seed: 99) {
          Self.overfit(&$0)
          $0.saveSteps = 4
          $0.saveTotalLimit = 2
        }
        #expect(try resumed.start(resume) == .resumed(step: step))
        try resumed.run { _ in }
        #expect(try results(run) == expected, "\(run)")
        var state = resumed.state.withoutTimes
        state.saveSteps = whole.state.saveSteps
        #expect(state == whole.state.withoutTimes, "\(run)")
      }
    }
  }

  @Test("what decides when it ends must not change; how often is looked may, where nothing depends")
  func course() throws {
    try fixture.runAndStop("run", after: 8) { Self.overfit(&$0) }
    func problem(_ change: @escaping (inout TrainingSettings) -> Void) throws -> String? {
      let trainer = try fixture.trainer {
        Self.overfit(&$0)
        change(&$0)
      }
      return #expect(throws: InputError.self) { try trainer.start(resume) }?.problem
    }
    func other(_ difference: String) -> String {
      "holds a run with other settings (\(difference)); --restart replaces it"
    }
    #expect(try problem { $0.evaluationSteps = 4 } == other("eval_steps was 3, is 4"))
    #expect(
      try problem { $0.earlyStopping = EarlyStopping(patience: 4) }
        == other("early_stopping_patience was 3, is 4"))
    #expect(
      try problem { $0.loadsBestModelAtEnd = false }
        == other("load_best_model_at_end was true, is false"))
    #expect(
      try problem { $0.samplingStrategy = .sequential }
        == other(#"train_sampling_strategy was "random", is "sequential""#))
    let text = try String(decoding: fixture.bytes("tokens/manifest.json"), as: UTF8.self)
    #expect(text.contains("validation"))
    try fixture.writeShards(to: "other", validationBlocks: 4)
    let trainer = try fixture.trainer(tokens: "other") { Self.overfit(&$0) }
    let error = #expect(throws: InputError.self) { try trainer.start(resume) }
    #expect(error?.problem == other("the validation data is different"))
    // Where nothing depends on the validations, they may come when they will.
    try fixture.runAndStop("free", after: 8)
    let free = try fixture.trainer("free", tokens: "other") { $0.evaluationSteps = 2 }
    #expect(try free.start(resume) == .resumed(step: 8))
  }

  @Test("a best checkpoint that is gone is reported before the training resumes")
  func missingBest() throws {
    let trainer = try fixture.trainer { Self.overfit(&$0) }
    try trainer.run { _ in }
    let best = try #require(trainer.state.best?.step)
    try fixture.runAndStop("run-2", after: best + 2) { Self.overfit(&$0) }
    try Folder.remove(fixture.folder.path("run-2/checkpoint-\(best)"))
    let resumed = try fixture.trainer("run-2") { Self.overfit(&$0) }
    let error = #expect(throws: InputError.self) { try resumed.start(resume) }
    #expect(
      error?.description.hasPrefix(
        fixture.folder.path("run-2/checkpoint-\(best)/model.safetensors")
          + ": cannot open: No such file or directory; the checkpoint is damaged, ") == true)
  }
}
