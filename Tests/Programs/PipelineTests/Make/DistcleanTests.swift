import Foundation
import TestSupport
import Testing

/// Models are not removed by mistake.
@Suite("make distclean")
struct DistcleanTests {
  private let question = "Remove them and everything else that was made? [y/N] "

  @Test(
    "without a terminal, refuses to remove models unless it is told to, and names them with sizes")
  func refused() throws {
    let project = try Project.finished()
    let before = try project.tree()
    let ended = try project.make("distclean")
    #expect(ended.status == 2)
    #expect(ended.log.contains("\tcheckpoints/fixture/\n"))
    #expect(
      ended.log.contains(
        "pipeline.mk: nothing was removed; without a terminal, make distclean CONFIRM=yes removes them\n"
      ))
    #expect(ended.log.contains("Error 64\n"))
    #expect(try project.tree() == before)

    let confirmed = try project.make("distclean", with: ["CONFIRM": "yes"])
    #expect(confirmed.status == 0, "\(confirmed.log)")
    #expect(try project.tree("checkpoints") == [])
    #expect(try project.tree("data") == ["fixture", "fixture/result.json"])
    #expect(!project.exists(".build"))
  }

  @Test("without models goes ahead, and asks about the posts of a channel")
  func withoutModels() throws {
    let project = try Project()
    try #require(try project.make("clean-text").status == 0)
    try project.folder.write("EXPORT=@channel\n", to: "data/raw/mine.settings")
    try project.folder.write("{}\n", to: "data/raw/mine.jsonl")
    let asked = try project.make("distclean")
    #expect(asked.status == 2)
    #expect(asked.log.contains("\tdata/raw/mine.jsonl\n"))
    try project.remove("data/raw/mine.settings")
    let ended = try project.make("distclean")
    #expect(ended.status == 0, "\(ended.log)")
    #expect(try project.tree("data") == ["fixture", "fixture/result.json"])
  }

  @Test(
    "asks at a terminal, and takes only yes for yes", arguments: ["y", "yes", "n", "", "yellow"])
  func terminal(_ answer: String) throws {
    let project = try Project.finished()
    let session = try TerminalSession("/usr/bin/make", ["distclean"], in: project.folder.path)
    try session.wait(for: "the question") { $0.hasSuffix(question) }
    session.type(answer + "\n")
    let ended = try session.end()
    let isYes = answer.hasPrefix("y") && answer != "yellow"
    #expect(ended.status == (isYes ? 0 : 2))
    #expect(project.exists("checkpoints/fixture/final") != isYes)
    #expect(project.exists("data/tokens/fixture") != isYes)
  }
}
