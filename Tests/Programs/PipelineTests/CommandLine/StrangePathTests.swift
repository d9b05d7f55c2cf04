import TestSupport
import Testing

/// Paths at which nothing can be read or written.
@Suite("strange paths")
struct StrangePathTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// Runs a program under Bash, in which `$program` names it.
  private func bash(_ program: String, _ command: String) throws -> Ended {
    try Subprocess.run(
      "bash", ["-c", "program=$1; \(command)", "bash", try builtProgram(program)],
      in: project.folder.path)
  }

  @Test("a folder that was removed while a shell was in it")
  func removedFolder() throws {
    let input = project.folder.path("data/raw/fixture.jsonl")
    for program in ["tg-dump", "bugurt-clean"] {
      let ended = try bash(
        program, "mkdir gone; cd gone; rmdir ../gone; exec \"$program\" '\(input)' -o out")
      #expect(ended.status == 73)
      #expect(ended.log.hasSuffix("error: out: cannot create: No such file or directory\n"))
    }
  }

  @Test(
    "a name that is not UTF-8 is refused, and not repaired to another",
    arguments: ["tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune", "gpt-sample"])
  func invalidNames(program: String) throws {
    let before = try project.tree()
    let ended = try bash(program, "\"$program\" data/raw/fixture.jsonl -o $'out\\xff.txt'")
    #expect(ended.status == 64)
    #expect(
      ended.log.hasPrefix(
        "\(program): error: 'out\u{FFFD}.txt' is not UTF-8; rename the file, or convert the text\n")
    )
    #expect(try project.tree() == before)
  }

  @Test("rules are not written where a text is asked for")
  func rules() throws {
    for option in ["--suggest", "--list-rules"] {
      let ended = try project.run(
        "bugurt-clean", [option, "data/raw/fixture.jsonl", "-o", "out.txt"])
      #expect(ended.status == 64)
      #expect(
        ended.log.hasPrefix(
          "bugurt-clean: error: \(option) writes rules to standard output, and no text; leave "
            + "--output out\n"))
    }
  }
}
