import Foundation
import TestSupport
import Testing

@Suite("gpt-finetune: estimates and time budgets")
struct EstimateTests {
  private let project: Project
  private static let options = [
    "data/tokens/fixture", "--block-size=16", "--per-device-train-batch-size=4", "--max-steps=12",
    "--threads=1",
  ]
  private static let shape = ["--layers=1", "--width=16", "--heads=2", "--context=32"]

  init() throws {
    project = try Project.finished()
  }

  private func finetune(_ options: [String], to output: String) throws -> Ended {
    try project.run("gpt-finetune", Self.options + options + ["--output", output])
  }

  /// The first cells of the rows of a table before its first empty line.
  private func rows(_ text: String) -> [[Substring]] {
    text.split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.isEmpty }
      .map { $0.split(separator: /\s\s+/) }
  }

  @Test(
    "--estimate prints what the run would take with these and other settings, and writes nothing")
  func estimate() throws {
    let before = try project.tree()
    let ended = try finetune(
      ["--estimate", "--model=checkpoints/fixture/final", "--precision=fp32"], to: "checkpoints/new"
    )
    #expect(ended.status == 0, "\(ended.log)")
    #expect(try project.tree() == before)
    let rows = rows(ended.output)
    let names = rows.dropFirst().map { $0[0] }.filter { $0 != "--precision bf16" }
    #expect(
      names == [
        "as given", "--adapter lora", "--gradient-checkpointing", "--batch-size 2",
        "--batch-size 8",
      ])
    // The given number of steps, and what was measured.
    for row in rows.dropFirst() {
      #expect(row.count == 9, "\(row)")
      #expect(row.dropFirst(3).first == "12", "\(row)")
    }
    let checkpoints = rows.dropFirst().map { $0.dropFirst(7).first ?? "" }
    #expect(checkpoints.contains("103 kB") && Set(checkpoints).count > 1)
    #expect(ended.output.contains(/\nvalidations +up to \d+, 0\.\d+ s each\n/))
    #expect(ended.output.contains(/\nfree +.* of memory, .* on the disk\n$/))
    #expect(ended.log.contains("gpt-finetune: measured in "))
  }

  @Test(
    "threads that begin at the same moment in the process that is measured do not wait for each other",
    .timeLimit(.minutes(2)))
  func threads() throws {
    let ended = try finetune(
      [
        "--estimate", "--model=checkpoints/fixture/final", "--adapter=lora", "--precision=auto",
        "--threads=2",
      ], to: "checkpoints/new")
    #expect(ended.status == 0, "\(ended.log)")
    #expect(rows(ended.output).dropFirst().first?.count == 9)
  }

  @Test("make estimate measures what make train would run")
  func make() throws {
    let before = try project.tree("checkpoints")
    let variables = ["LAYERS": "2", "MAX_HOURS": "0.5", "RUN": "fixture"]
    let estimated = try project.make("estimate", with: variables)
    #expect(estimated.status == 0, "\(estimated.log)")
    #expect(try project.tree("checkpoints") == before)
    let trained = try project.make("train", with: variables)
    #expect(trained.status == 0, "\(trained.log)")
    func command(_ ended: Ended) throws -> String {
      let lines = ended.output.split(separator: "\n")
      return String(try #require(lines.first { $0.contains("release/gpt-finetune ") }))
    }
    let expected = try command(trained)
    #expect(expected.hasSuffix(" --resume --restart"))
    #expect(
      try command(estimated).replacing(" --estimate", with: " --resume --restart") == expected)
  }

  @Test(
    "a run that cannot fit on the disk is refused before it begins",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func refusal() throws {
    // The model has 34 kB, a checkpoint three times that.
    let disk = try MemoryDisk(kilobytes: 520)
    let options = Self.shape + ["--save-steps=2", "--recipe=original"]
    let ended = try finetune(options, to: disk.path + "/run")
    #expect(ended.status == 73)
    let refusal =
      #/error: the run needs \d+ kB on the disk .* but only \d+ kB are free in .*: --save-total-limit 1, /#
    #expect(ended.log.contains(refusal), "\(ended.log)")
    #expect(try disk.names().filter { $0.contains("checkpoint") } == [])
    let estimated = try finetune(options + ["--estimate"], to: disk.path + "/run")
    #expect(estimated.status == 73)
    #expect(estimated.log.contains("error: the run needs "))
    #expect(rows(estimated.output).count > 2)
    // With fewer checkpoints it fits.
    let fitting = try finetune(options + ["--save-total-limit=1"], to: disk.path + "/run")
    #expect(fitting.status == 0, "\(fitting.log)")
  }

  @Test("a run that needs more memory than any machine has is refused before it begins")
  func memory() throws {
    // Some 13 TB.
    let shape = ["--layers=1000", "--width=8192", "--heads=8"]
    let ended = try finetune(shape, to: "checkpoints/huge")
    #expect(ended.status == 69)
    #expect(ended.log.contains(" TB of memory, but only ") && ended.log.contains("--batch-size"))
    let estimated = try finetune(shape + ["--estimate"], to: "checkpoints/huge")
    #expect(estimated.status == 69)
    #expect(rows(estimated.output).dropFirst().allSatisfy { $0.last == "too large" })
  }

  @Test("a run whose time is up from the beginning still ends with a validated model")
  func shortestRun() throws {
    let ended = try finetune(Self.shape + ["--max-hours=1e-9"], to: "checkpoints/short")
    #expect(ended.status == 0, "\(ended.log)")
    let state = try project.folder.text(of: "checkpoints/short/final/trainer_state.json")
    #expect(state.contains(#""global_step": 1,"#) && state.contains(#""eval_loss":"#))
    let report = try project.folder.text(of: "checkpoints/short/report.md")
    #expect(report.contains("| time | 1e-09 hours in all; "))
    // It is finished, and stays so.
    let again = try finetune(
      Self.shape + ["--max-hours=1e-9", "--resume"], to: "checkpoints/short")
    #expect(again.status == 0 && again.log.contains("is already finished"), "\(again.log)")
  }

  @Test(
    "budgets that make no sense are refused",
    arguments: [
      (["--max-hours=1", "--until=07:30"], "--max-hours and --until exclude each other"),
      (["--until=2020-01-01T07:30"], "--until 2020-01-01T07:30 has passed"),
      (["--until=25:00"], "expected a time such as 07:30 or 2026-12-01T07:30"),
      (["--max-hours=0"], "expected a number above 0"),
    ])
  func usage(_ options: [String], _ problem: String) throws {
    let ended = try finetune(Self.shape + options, to: "checkpoints/none")
    #expect(ended.status == 64)
    #expect(ended.log.contains(problem), "\(ended.log)")
    #expect(!project.exists("checkpoints/none"))
  }
}
