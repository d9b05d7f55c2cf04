import Foundation
import TestSupport
import Testing

/// Outputs that the system, or their reader, does not take to the end.
@Suite("an output that cannot be written to its end")
struct OutputLimitTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// Runs a program whose files are limited to so many kilobytes.
  private func run(_ program: String, _ arguments: [String], kilobytes: Int) throws -> Ended {
    try Subprocess.run(
      "bash",
      [
        "-c", #"ulimit -f "$1"; shift; exec "$@""#, "bash", "\(kilobytes)",
        try builtProgram(program),
      ]
        + arguments,
      in: project.folder.path)
  }

  static let programs = [
    ("tg-dump", ["data/fixture/result.json", "-o", "out/result"], 100),
    ("bugurt-clean", ["data/raw/fixture.jsonl", "-o", "out/result"], 20),
    (
      "bpe-encode",
      ["data/clean/fixture.txt", "-o", "out/result", "--tokenizer", "data/tokens/fixture"], 20
    ),
    (
      "gpt-sample",
      [
        "checkpoints/fixture/final", "--count=300", "--max-length=20", "--quiet", "-o",
        "out/result",
      ],
      4
    ),
  ]

  @Test(
    "because of the limit on file sizes is an error, and nothing is left", arguments: programs)
  func fileSize(_ program: String, _ arguments: [String], _ kilobytes: Int) throws {
    let ended = try run(program, arguments, kilobytes: kilobytes)
    #expect(ended.status == 74)
    #expect(
      ended.log.hasSuffix(
        ": cannot write: File too large; files are limited to \(kilobytes << 10) bytes; raise that "
          + "with ulimit -f\n"), "\(ended.log)")
    #expect(try project.tree("out") == [])
  }

  @Test("because of the limit of file sizes ends a training with the checkpoints it had")
  func checkpoint() throws {
    let arguments = [
      "data/tokens/fixture", "-o", "run", "--layers=1", "--width=16", "--heads=2", "--context=32",
      "--block-size=16", "--max-steps=6", "--save-steps=2", "--threads=1", "--recipe=original",
      "--report-to=none",
    ]
    let whole = try project.run("gpt-finetune", arguments)
    try #require(whole.status == 0, "\(whole.log)")
    for name in ["final", "checkpoint-4"] { try project.remove("run/\(name)") }
    let before = try project.tree("run")
    let ended = try run("gpt-finetune", arguments + ["--resume"], kilobytes: 50)
    #expect(ended.status == 74)
    #expect(ended.log.contains("resuming after step 2\n"))
    #expect(ended.log.hasSuffix("raise that with ulimit -f\n"))
    #expect(try project.tree("run") == before)
  }

  @Test("because of the limit on open files is an error, and no folder is left", arguments: [4, 5])
  func openFiles(count: Int) throws {
    let before = try project.tree()
    let ended = try Subprocess.run(
      "bash",
      [
        "-c", #"ulimit -n "$1"; shift; exec "$@""#, "bash", "\(count)",
        try builtProgram("bpe-encode"), "data/clean/fixture.txt", "-o", "out", "--vocab-size=300",
      ],
      in: project.folder.path)
    #expect(ended.status == 74)
    #expect(ended.log.hasSuffix("raise that with ulimit -n\n"), "\(ended.log)")
    #expect(try project.tree() == before)
  }

  @Test("because its reader has ended is not an error: the program ends silently")
  func brokenPipe() throws {
    let ended = try Subprocess.run(
      "bash",
      [
        "-c", #""$@" | head -n 1 > first; echo "${PIPESTATUS[0]}""#, "bash",
        try builtProgram("bugurt-clean"), "data/raw/fixture.jsonl", "--rejects", "rejects.jsonl",
      ], in: project.folder.path)
    #expect(ended.output == "141\n")
    #expect(ended.log == "")
    #expect(try project.leftovers() == [] && !project.exists("rejects.jsonl"))
  }

  @Test("because it is the program's input is refused, by whatever name")
  func input() throws {
    for (link, target) in [("p", "data/raw/fixture.jsonl"), ("t", "data/clean/fixture.txt")] {
      try #require(symlink(target, project.folder.path(link)) == 0)
    }
    for (program, arguments) in [
      ("tg-dump", ["data/raw/fixture.jsonl", "-o", "p"]),
      ("bugurt-clean", ["p", "-o", "data/raw/./fixture.jsonl"]),
      ("bugurt-clean", ["data/raw/fixture.jsonl", "-o", "out", "--rejects", "p"]),
      ("bpe-encode", ["t", "-o", "data/clean"]),
      (
        "gpt-sample", ["checkpoints/fixture/final", "--score", "data/clean/fixture.txt", "-o", "t"]
      ),
      ("gpt-sample", ["checkpoints/fixture/final", "--prompts", "t", "-o", "t"]),
    ] {
      let ended = try project.run(program, arguments)
      #expect(ended.status == 64, "\(program) \(arguments): \(ended.log)")
    }
    #expect(try project.leftovers() == [])
  }

  @Test("twice, under two names, is refused")
  func twice() throws {
    for option in ["--rejects", "--funnel"] {
      let ended = try project.run(
        "bugurt-clean", ["data/raw/fixture.jsonl", "-o", "out/a", option, "out/../out/a"])
      #expect(ended.status == 64)
      #expect(
        ended.log.hasPrefix(
          "bugurt-clean: error: out/../out/a: named for two outputs of this command"))
    }
    #expect(try project.tree("out") == [])
  }
}
