import Foundation
import TestSupport
import Testing

/// Runs side by side on one page.
@Suite("make compare")
struct CompareTests {
  private let project: Project
  private let page = "data/compare/report.html"

  init() throws {
    project = try Project.finished()
    try project.copy("checkpoints/fixture", to: "checkpoints/half")
    try project.remove("checkpoints/half/final")
  }

  @Test("writes a page with texts of each run on how posts begin that were held back")
  func compare() throws {
    let made = try project.make("compare", with: ["RUNS": "fixture half"])
    try #require(made.status == 0, "\(made.log)")
    #expect(made.output.hasSuffix("\n\(page)\n"))
    #expect(made.stages == ["gpt-sample", "gpt-sample", "gpt-finetune"])
    #expect(made.output.contains("gpt-sample checkpoints/half/checkpoint-2 "))
    let prompts = try project.folder.text(of: "data/compare/prompts.txt").split(separator: "\n")
    #expect(prompts.count == 5)
    let corpus = "\n" + (try project.folder.text(of: "data/clean/fixture.txt"))
    for prompt in prompts { #expect(corpus.contains("\n" + prompt), "\(prompt)") }
    let text = try project.folder.text(of: page)
    #expect(text.matches(of: /<figcaption>half<\/figcaption>/).count == 5)
    #expect(text.contains("half <span class=\"quiet\">step 2 of 3</span>"))
  }

  @Test("takes a prompt, the number of texts, and options of gpt-sample")
  func prompt() throws {
    let made = try project.make(
      "compare",
      with: ["RUNS": "half fixture", "PROMPT": "кот и", "SAMPLE_FLAGS": "--max-length 12"])
    try #require(made.status == 0, "\(made.log)")
    #expect(try project.folder.text(of: "data/compare/prompts.txt") == "кот и\n")
    let text = try project.folder.text(of: page)
    #expect(text.matches(of: /<h3 lang="ru">кот и …<\/h3>/).count == 3)
    #expect(text.matches(of: /<pre lang="ru">КОТ И/).count == 6)
  }

  @Test(
    "asks for runs that exist, with a suggestion",
    arguments: [
      ("", "RUNS: name two or more of: fixture half"),
      ("half", "RUNS: name two or more of: fixture half"),
      ("half half", "RUNS: half is named twice"),
      ("fixture hlaf", "RUNS: there is no run hlaf; there are: fixture half; did you mean half?"),
      ("fixture *", "RUNS: there is no run *; there are: fixture half\n"),
    ])
  func refused(_ runs: String, _ problem: String) throws {
    let made = try project.make("compare", with: ["RUNS": runs])
    #expect(made.status == 2)
    #expect(made.log.contains("pipeline.mk: \(problem)"), "\(made.log)")
    #expect(made.log.contains("Error 64\n"))
    #expect(!project.exists("data/compare"))
  }

  @Test(
    "gpt-finetune --compare says what is wrong with its arguments, and writes nothing",
    arguments: [
      (
        ["checkpoints/half", "--compare", "-o", "a"], 64,
        "--compare: name the folders of two or more runs"
      ),
      (["checkpoints/half", "data", "-o", "a"], 64, "unexpected argument 'data'"),
      (["data/tokens/fixture", "--texts", "b", "-o", "a"], 64, "--texts needs --compare"),
      (
        ["checkpoints/half", "checkpoints/fixture", "--compare", "--texts", "b", "-o", "a"], 64,
        "--texts: 1 for 2 runs; give one for each run"
      ),
      (
        ["checkpoints/half", "checkpoints/fixture", "--compare", "-o", "data"], 64,
        "--output: data is a folder; name a page to write, such as compare.html"
      ),
      (
        ["checkpoints/half", "data", "--compare", "-o", "a"], 65,
        "data: holds neither a finished model nor a checkpoint of a run"
      ),
    ])
  func arguments(_ arguments: [String], _ status: Int32, _ message: String) throws {
    let ended = try project.run("gpt-finetune", arguments)
    #expect(ended.status == status)
    #expect(ended.log.hasPrefix("gpt-finetune: error: \(message)\n"), "\(ended.log)")
    #expect(!project.exists("a"))
  }
}
