import FileSupport
import Foundation
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
    #expect(ended.log.contains("\(program): error: \(message)\n"), "\(ended.log)")
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
          "the input '\(Self.model)/\(name)' would be overwritten",
          of: "gpt-sample", [Self.model, option, "\(Self.model)/\(name)"])
      }
    }
    let runs = ["--compare", "checkpoints/fixture", "checkpoints/fixture"]
    try expectRefusal(
      "the input 'words' would be overwritten", of: "gpt-finetune",
      runs + ["--texts", "words", "--texts", "words", "-o", "words"])
    try expectRefusal(
      "the input '\(Self.model)/trainer_state.json' would be overwritten",
      of: "gpt-finetune", runs + ["-o", "\(Self.model)/trainer_state.json"])
  }

  @Test("nor through a link, nor what is read because a model or an option names its folder")
  func inputsOfFolders() throws {
    let weights = "\(Self.model)/model.safetensors"
    try FileManager.default.createSymbolicLink(
      atPath: project.folder.path("link"), withDestinationPath: project.folder.path(weights))
    try FileManager.default.createDirectory(
      atPath: project.folder.path("adapter"), withIntermediateDirectories: false)
    for (arguments, file) in [
      ([Self.model], "link"), ([Self.model], "\(Self.model)/README.md"),
      ([Self.model, "--corpus", Self.tokens], "\(Self.tokens)/manifest.json"),
      ([Self.model], "\(Self.tokens)/train-00000.bin"),
      ([Self.model, "--filter"], "\(Self.tokens)/tokenizer/vocab.json"),
    ] {
      for option in ["--output", "--export"] where option == "--output" || arguments.count == 1 {
        try expectRefusal(
          "the input '\(file)' would be overwritten", of: "gpt-sample", arguments + [option, file])
      }
    }
    let page = """
      <html><body><div class="page_wrap"><div class="page_header"><div class="text bold">А</div></div>
      <div class="page_body chat_page"><div class="history"></div></div></div></body></html>

      """
    for (file, text) in [
      ("json/result.json", #"{"id":1,"type":"public_channel","messages":[]}"#),
      ("html/messages.html", page),
    ] {
      try project.folder.write(text, to: file)
      try expectRefusal(
        "the input '\(file)' would be overwritten", of: "tg-dump",
        [Folder.parent(of: file), "--replace", "-o", file])
    }
    try project.folder.write("[links]\n", to: "rules.ini")
    try expectRefusal(
      "the input 'rules.ini' would be overwritten", of: "bugurt-clean",
      ["data/raw/fixture.jsonl", "--rules", "rules.ini", "-o", "rules.ini"])
  }

  @Test(
    "a folder of shards with another file in it is not replaced",
    arguments: ["notes.txt", ".git/HEAD", "tokenizer/notes.txt"])
  func shards(_ name: String) throws {
    try project.folder.write("mine", to: "\(Self.tokens)/\(name)")
    let item = name.hasPrefix(".git") ? ".git" : name
    try expectRefusal(
      "--output: \(Self.tokens) would be replaced as a whole, but '\(item)' in it is not part of "
        + "token shards; choose another folder, or move the file", of: "bpe-encode",
      ["data/clean/fixture.txt", "-o", Self.tokens])
  }

  @Test("a run whose model is trained further is not replaced by that training")
  func model() throws {
    try expectRefusal(
      "'\(Self.model)' is part of the run that would be replaced; choose another --output",
      of: "gpt-finetune",
      [
        Self.tokens, "--model", Self.model, "-o", Folder.parent(of: Self.model), "--restart",
        "--max-steps=2", "--block-size=16",
      ])
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

  @Test("a huge --count ends when its reader does")
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
