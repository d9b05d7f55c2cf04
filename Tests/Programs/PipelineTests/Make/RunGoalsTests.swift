import Foundation
import TestSupport
import Testing

/// The goals that look after runs.
@Suite("make runs, chat, score, prune and remove")
struct RunGoalsTests {
  private let project: Project

  init() throws {
    project = try Project.finished()
  }

  @Test("make runs has a line for each run, finished or not")
  func runs() throws {
    try project.copy("checkpoints/fixture", to: "checkpoints/half")
    try project.remove("checkpoints/half/final")
    let listed = try project.make("runs")
    #expect(listed.status == 0, "\(listed.log)")
    let rows = listed.output.split(separator: "\n").map { $0.split(separator: " ") }
    try #require(rows.map { $0[0] } == ["run", "fixture", "half"])
    #expect(rows[1][1] == "3/3" && rows[2][1] == "2/3")
    for row in rows.dropFirst() {
      let best = try #require(Double(row[3]))
      #expect(best > 1 && best < 10)
      #expect(try #require(Double(row[4])) > 0.1)
    }
  }

  @Test("make score scores the posts that were held back")
  func score() throws {
    let scored = try project.make("score")
    #expect(scored.status == 0, "\(scored.log)")
    let manifest = try project.folder.text(of: "data/tokens/fixture/manifest.json")
    let validation = try #require(manifest.components(separatedBy: "\"validation\": {").last)
    let posts = try #require(validation.firstMatch(of: /"posts": (\d+)/)?.1)
    let rows = scored.output.split(separator: "\n")
    #expect(rows.count == Int(posts).map { $0 + 1 })
    #expect(rows.last?.hasPrefix("all\t") == true)
  }

  @Test("make chat reads prompts and writes bugurts")
  func chat() throws {
    try project.folder.write("кот\n", to: "prompts")
    let chat = try Subprocess.run(
      "bash", ["-c", "make chat SAMPLE_FLAGS=--format=plain < prompts"], in: project.folder.path)
    #expect(chat.status == 0, "\(chat.log)")
    #expect(chat.output.contains("КОТ"))
  }

  @Test("make prune leaves the final model and its report, and an unfinished run as it is")
  func prune() throws {
    try project.copy("checkpoints/fixture", to: "checkpoints/half")
    try project.remove("checkpoints/half/final")
    #expect(try project.make("prune", with: ["RUN": "half"]).status != 0)
    #expect(project.exists("checkpoints/half/checkpoint-2"))
    #expect(try project.make("prune").status == 0)
    #expect(!project.exists("checkpoints/fixture/checkpoint-2"))
    #expect(project.exists("checkpoints/fixture/report.md"))
    #expect(try project.make("train").output.contains("Nothing to be done for 'train'"))
  }

  @Test("make remove removes one run, except for its posts, and asks for its name")
  func remove() throws {
    _ = try project.make("train", with: ["RUN": "fixture.b", "EXPORT": "data/fixture"])
    let unnamed = try project.make("remove")
    #expect(unnamed.log.contains("pipeline.mk: which run? make remove RUN=name"))
    #expect(project.exists("checkpoints/fixture/final"))
    #expect(try project.make("remove", with: ["RUN": "fixture"]).status == 0)
    for name in [
      "checkpoints/fixture", "checkpoints/fixture.settings", "checkpoints/fixture.variables",
      "data/clean/fixture.txt", "data/tokens/fixture", "data/tokens/fixture.settings",
    ] {
      #expect(!project.exists(name), "\(name)")
    }
    for name in ["data/raw/fixture.jsonl", "checkpoints/fixture.b/final", "data/tokens/fixture.b"] {
      #expect(project.exists(name), "\(name)")
    }
    let again = try project.make("remove", with: ["RUN": "fixture"])
    #expect(again.log.contains("there is no run fixture"))
  }
}
