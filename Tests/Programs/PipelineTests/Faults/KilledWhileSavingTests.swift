import Foundation
import TestSupport
import Testing

/// Checkpoints whose files are so large that they are not written in one piece.
@Suite("a training killed while it saves large checkpoints", .serialized)
struct KilledWhileSavingTests {
  static let steps = 4

  private func start(_ run: String, in project: Project) throws -> Subprocess {
    try Subprocess(
      try builtProgram("gpt-finetune"),
      [
        "data/tokens/fixture", "-o", run, "--layers=1", "--width=640", "--heads=2",
        "--context=32", "--block-size=16", "--batch-size=2", "--max-steps=\(Self.steps)",
        "--save-steps=1", "--logging-steps=1", "--threads=2", "--resume",
      ], in: project.folder.path)
  }

  @Test("leaves only whole checkpoints, and ends with the same model when it is resumed")
  func killed() throws {
    let project = try Project.finished()
    let whole = try start("whole", in: project).wait()
    try #require(whole.status == 0, "\(whole.log)")
    for file in ["model", "optimizer"] {
      let size = try project.size(of: "whole/checkpoint-1/\(file).safetensors")
      #expect(size > 16 << 20, "too small to be killed within")
    }
    var (kills, halves) = (0, 0)
    while kills < 5, !project.exists("run/final") {
      let process = try start("run", in: project)
      // Every other time in the second of the two large files.
      let file = kills % 2 == 0 ? "model" : "optimizer"
      try poll("a checkpoint that is being written") {
        let names = (try? project.tree("run")) ?? []
        return names.contains {
          $0.hasPrefix("checkpoint-") && $0.contains(".partial/\(file).safetensors.")
        } || project.exists("run/final")
      }
      try process.work(milliseconds: .random(in: 0..<60))
      process.signalGroup(SIGKILL)
      let ended = try process.wait()
      try #require([0, 128 + SIGKILL].contains(ended.status), "\(ended.log)")
      kills += 1
      if try !project.leftovers().isEmpty { halves += 1 }
      try expectWholeCheckpoints(project)
    }
    #expect(halves > 0, "it was never killed while it wrote")
    let last = try start("run", in: project).wait()
    #expect(last.status == 0, "\(last.log)")
    #expect(try project.isSame("run/final/model.safetensors", "whole/final/model.safetensors"))
    #expect(try project.leftovers() == [])
  }

  /// Expects each checkpoint to be the one that the undisturbed training wrote.
  private func expectWholeCheckpoints(_ project: Project) throws {
    for step in 1..<Self.steps where project.exists("run/checkpoint-\(step)") {
      for file in ["model.safetensors", "optimizer.safetensors"] {
        let name = "checkpoint-\(step)/\(file)"
        #expect(try project.isSame("run/\(name)", "whole/\(name)"), "\(name) is another")
      }
      #expect(project.exists("run/checkpoint-\(step)/resume_state.json"))
    }
  }
}

extension Project {
  fileprivate func size(of name: String) throws -> Int {
    var status = stat()
    try #require(stat(folder.path(name), &status) == 0)
    return Int(status.st_size)
  }

  /// Whether two files have the same bytes.
  fileprivate func isSame(_ name: String, _ other: String) throws -> Bool {
    try folder.bytes(of: name) == folder.bytes(of: other)
  }
}
