import Glibc
import TestSupport
import Testing

/// What a program must not replace or remove.
@Suite("protected files")
struct ProtectedFileTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let model = "checkpoints/fixture/final"
  private static let tokens = "data/tokens/fixture"

  private func expectRefusal(_ message: String, of program: String, _ arguments: [String]) throws {
    let before = try project.tree()
    let ended = try project.run(program, arguments)
    #expect(ended.status == 64)
    #expect(ended.log.hasPrefix("\(program): error: \(message)\n"), "\(ended.log)")
    #expect(try project.tree() == before)
  }

  @Test("what a program reads is not overwritten")
  func inputs() throws {
    try project.folder.write("КОТ\n", to: "words")
    try expectRefusal(
      "the input 'words' would be overwritten", of: "gpt-sample",
      [Self.model, "--bad-words", "words", "-o", "words"])
    for name in ["model.safetensors", "config.json"] {
      for option in ["--output", "--export"] {
        try expectRefusal(
          "'\(Self.model)/\(name)' belongs to the model; name another file to write",
          of: "gpt-sample", [Self.model, option, "\(Self.model)/\(name)"])
      }
    }
    let runs = ["--compare", "checkpoints/fixture", "checkpoints/fixture"]
    try expectRefusal(
      "the input 'words' would be overwritten", of: "gpt-finetune",
      runs + ["--texts", "words", "--texts", "words", "-o", "words"])
    try expectRefusal(
      "'\(Self.model)/trainer_state.json' belongs to a run; name another page to write",
      of: "gpt-finetune", runs + ["-o", "\(Self.model)/trainer_state.json"])
  }

  @Test("a folder of shards with another file in it is not replaced")
  func shards() throws {
    try project.folder.write("mine", to: "\(Self.tokens)/notes.txt")
    try expectRefusal(
      "--output: \(Self.tokens) would be replaced as a whole, but 'notes.txt' in it is not part of "
        + "token shards; choose another folder, or move the file", of: "bpe-encode",
      ["data/clean/fixture.txt", "-o", Self.tokens])
  }

  @Test("a pipe is not read to learn a vocabulary, after which it would be empty")
  func pipes() throws {
    #expect(mkfifo(project.folder.path("pipe"), 0o600) == 0)
    try expectRefusal(
      "'pipe' can be read only once: write it to a file, or use --tokenizer", of: "bpe-encode",
      ["pipe", "-o", "out"])
  }

  @Test(
    "numbers too large to be meant as such are no crash",
    arguments: ["save-steps", "eval-steps", "logging-steps", "save-total-limit", "warmup-steps"])
  func largeNumbers(option: String) throws {
    let ended = try project.run(
      "gpt-finetune",
      [
        Self.tokens, "--layers=1", "--width=16", "--heads=2", "--block-size=16", "--max-steps=2",
        "--\(option)=\(Int.max)", "-o", "out",
      ])
    #expect(ended.status == 0, "\(ended.log)")
  }

  @Test("so are numbers of texts")
  func manyTexts() throws {
    let ended = try Subprocess.run(
      "bash",
      [
        "-c", "\"$@\" | head -n 1; exit ${PIPESTATUS[0]}", "bash", try builtProgram("gpt-sample"),
        Self.model, "--count=\(Int.max)", "--best-of=2",
      ], in: project.folder.path)
    // Its reader ends, and so does it.
    #expect(ended.output != "")
    #expect(ended.status == 141, "\(ended.log)")
  }
}
