import Foundation
import TestSupport
import Testing

/// Ctrl-C while `gpt-sample` writes: what is finished is kept.
@Suite("an interrupted sampling")
struct InterruptedSamplingTests {
  private let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let model = "checkpoints/fixture/final"
  private static let wanted = "20000000"

  /// Starts `gpt-sample`, sends `signal` after the first text, and waits for the end.
  private func interrupt(_ arguments: [String], with signal: Int32 = SIGINT) throws -> Ended {
    let process = try Subprocess(
      try builtProgram("gpt-sample"), [Self.model, "-n", Self.wanted] + arguments,
      in: project.folder.path)
    try poll("the first text") { try !process.text(of: .output).isEmpty }
    process.signalGroup(signal)
    return try process.wait()
  }

  /// What the log says were kept.
  private func count(_ ended: Ended) throws -> Int {
    let match = try #require(
      ended.log.firstMatch(of: #/gpt-sample: wrote ([\d,]+) of [\d,]+ texts/#), "\(ended.log)")
    return try #require(Int(match.1.replacing(",", with: "")))
  }

  /// The texts that `arguments` give without an interruption, as many as `count`.
  private func expected(_ arguments: [String], count: Int) throws -> String {
    let ended = try project.run("gpt-sample", [Self.model, "-n", "\(count)"] + arguments)
    try #require(ended.status == 0, "\(ended.log)")
    return ended.output
  }

  @Test(
    "leaves the finished texts in the file, whole",
    arguments: [
      (SIGINT, 130 as Int32, "SIGINT"), (SIGTERM, 143, "SIGTERM"), (SIGHUP, 129, "SIGHUP"),
      (SIGXCPU, 152, "SIGXCPU, the limit of processor time (ulimit -t)"),
    ])
  func file(_ signal: Int32, _ status: Int32, _ name: String) throws {
    let options = ["--batch=1"]
    let ended = try interrupt(options + ["-o", "out.txt", "--show=1"], with: signal)
    #expect(ended.status == status)
    let count = try count(ended)
    #expect(
      ended.log.hasSuffix(
        " of 20,000,000 texts to out.txt\ngpt-sample: error: stopped by \(name)\n"))
    #expect(try project.folder.text(of: "out.txt") == expected(options, count: count))
    #expect(try ended.output == expected(options, count: 1))
    #expect(try project.leftovers() == [])
  }

  @Test(
    "leaves whole texts of all kinds, on standard output, too",
    arguments: [
      ["--json"], ["--json", "--batch=7"], ["--json", "--best-of=3"],
      ["--json", "--prompts=prompts"],
      ["--json", "--prompts=prompts", "--best-of=2", "--batch=1"],
    ], [true, false])
  func objects(_ options: [String], _ hasFile: Bool) throws {
    try project.folder.write("кот\nдом\n", to: "prompts")
    let ended = try interrupt(options + (hasFile ? ["-o", "out.txt", "--show=1"] : []))
    #expect(ended.status == 130)
    let text = hasFile ? try project.folder.text(of: "out.txt") : ended.output
    let lines = text.split(separator: "\n")
    #expect(try lines.count == count(ended))
    #expect(Set(lines).count == lines.count)
    for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    #expect(try lines[0] == expected(options, count: 1).split(separator: "\n")[0])
  }

  @Test("before the first text leaves the old file")
  func nothing() throws {
    try project.folder.write("old\n", to: "out.txt")
    let process = try Subprocess(
      try builtProgram("gpt-sample"),
      [
        Self.model, "-n", Self.wanted, "-o", "out.txt", "--filter", "--no-end-of-text",
        "--max-length=4",
      ], in: project.folder.path)
    try poll("the filter") { try process.text(of: .log).contains("--filter: compared with") }
    process.signalGroup(SIGINT)
    let ended = try process.wait()
    #expect(ended.status == 130)
    #expect(ended.log.contains("no text was finished; out.txt is not written\n"))
    #expect(try project.folder.text(of: "out.txt") == "old\n")
    #expect(try project.leftovers() == [])
  }

  @Test("after the texts that are shown, the progress is on the terminal; Ctrl-C keeps them all")
  func terminal() throws {
    let session = try TerminalSession(
      "gpt-sample",
      [Self.model, "-n", Self.wanted, "-o", "out.txt", "--show=2", "--format=plain"],
      in: project.folder.path)
    let shown = try session.wait(for: "the progress") {
      // Others may be finished before the second text is; the progress is in the same line again.
      $0.contains(#/\r\n[\s\S]*\r\n[\s\S]*writing \[.*, \d\d+ of [\d,]+ texts/#)
    }
    session.type(TerminalSession.controlC)
    let rest = try session.wait(for: "the end") { $0.contains("stopped by SIGINT") }
    #expect(rest.contains(" of 20,000,000 texts to out.txt"))
    #expect(try session.end().status == 130)
    let texts = try project.folder.text(of: "out.txt").split(separator: "\n")
    #expect(texts.count > 2)
    for text in texts.prefix(2) { #expect(shown.contains(text)) }
  }
}
