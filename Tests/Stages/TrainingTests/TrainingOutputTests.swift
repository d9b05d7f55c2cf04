import CheckpointFormat
import FileSupport
import GPT2
import JSONSupport
import TensorKernels
import TestSupport
import Testing
import Training

@Suite("Outputs of a training")
struct TrainingOutputTests {
  private let fixture: TrainingFixture

  init() throws {
    fixture = try TrainingFixture()
  }

  private func names(_ path: String) throws -> [String] {
    try Folder.list(fixture.folder.path(path))
  }

  @Test("the folder of a run has checkpoints, the final model, curves and a report")
  func files() throws {
    try fixture.trainer().run { _ in }
    #expect(
      try names("run") == [
        "checkpoint-10", "checkpoint-5", "curves.csv", "curves.svg", "final", "report.md",
      ])
    let model = [
      "config.json", "generation_config.json", "merges.txt", "model.safetensors",
      "resume_state.json", "trainer_state.json", "vocab.json",
    ]
    #expect(try names("run/final") == ["README.md"] + model)
    #expect(
      try names("run/checkpoint-5") == (model + ["optimizer.safetensors"]).sorted())
    #expect(try fixture.folder.text(of: "run/final/vocab.json") == "{}")
  }

  @Test("the final folder holds the model as it was trained")
  func finalModel() throws {
    let trainer = try fixture.trainer()
    try trainer.run { _ in }
    let model = try GPT2Model(
      folder: fixture.folder.path("run/final"), threadPool: ThreadPool(count: 1))
    #expect(model.checksum == trainer.model.checksum)
    let state = try TrainerState(checkpoint: fixture.folder.path("run/final"))
    #expect(state == trainer.state)
    #expect(state.globalStep == 12)
  }

  @Test("a checkpoint has the moments of every parameter by its name")
  func moments() throws {
    let trainer = try fixture.trainer()
    try trainer.run { _ in }
    let file = try SafetensorsFile(
      path: fixture.folder.path("run/checkpoint-10/optimizer.safetensors"))
    let names = trainer.model.layout.parameters.map(\.name)
    #expect(
      Set(file.tensors.keys)
        == Set(names.map { "exp_avg." + $0 } + names.map { "exp_avg_sq." + $0 }))
  }

  @Test("the oldest checkpoints are removed, but the best and the newest stay")
  func limit() throws {
    let trainer = try fixture.trainer {
      $0.maximumSteps = 9
      $0.saveSteps = 2
      $0.saveTotalLimit = 1
    }
    var kept: [[Int]] = []
    var best: [Int] = []
    try trainer.run { event in
      guard case .saved(let path) = event, path.contains("checkpoint") else { return }
      kept.append(try trainer.folder.checkpointSteps())
      best.append(trainer.state.best?.step ?? -1)
    }
    #expect(kept.count == 4)
    for (index, steps) in kept.enumerated() {
      #expect(Set(steps) == [2 * (index + 1), best[index]])
    }
  }

  @Test(
    "a checkpoint names the path of the best, the final model only its name, in case it is published"
  )
  func best() throws {
    func named(_ path: String) throws -> String? {
      try JSONValue(path: fixture.folder.path(path))["best_model_checkpoint"]?.string
    }
    let trainer = try fixture.trainer { $0.maximumSteps = 60 }
    try trainer.run { _ in }
    #expect(
      try named("run/checkpoint-5/trainer_state.json")
        == fixture.folder.path("run/checkpoint-5"))
    let step = try #require(trainer.state.best?.step)
    #expect(
      try named("run/final/trainer_state.json") == (step == 60 ? "final" : "checkpoint-\(step)"))
  }

  @Test("the curves are a table with a line for each line of the log")
  func table() throws {
    let trainer = try fixture.trainer()
    try trainer.run { _ in }
    let lines = try fixture.folder.text(of: "run/curves.csv").split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines.first
        == "step,epoch,loss,eval_loss,eval_perplexity,eval_bits_per_byte,learning_rate,grad_norm")
    #expect(lines.last == "")
    let rows = lines.dropFirst().dropLast().map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(rows.allSatisfy { $0.count == 8 })
    #expect(rows.compactMap { Int($0[0]) } == [2, 4, 5, 6, 8, 10, 10, 12, 12])
    let first = try #require(trainer.state.log.first)
    #expect(rows[0][2] == "\(try #require(first.values["loss"]))")
    #expect(rows[0][3] == "" && rows[2][2] == "")
    #expect(rows[2][3] == "\(try #require(trainer.state.log[2].values["eval_loss"]))")
  }

  @Test("the report has the model, the settings and the result")
  func report() throws {
    let trainer = try fixture.trainer()
    try trainer.run { _ in }
    let report = try fixture.folder.text(of: "run/report.md")
    for line in [
      "# \(fixture.folder.path("run"))", "![loss](curves.svg)",
      "| model | 2 layers, 8 wide, 2 heads, context 16, vocabulary 11 |",
      "| parameters | \(trainer.model.layout.count) |",
      "| steps | 12 of 2 × 2 blocks of 8 tokens |", "| epochs | 4.0000 |",
      "| learning rate | 0.02, linear, 2 steps of warm-up |", "| seed | 42 |",
    ] {
      #expect(report.split(separator: "\n").contains(Substring(line)), "\(line)")
    }
    #expect(try fixture.folder.text(of: "run/curves.svg").contains("validation"))
  }
}
