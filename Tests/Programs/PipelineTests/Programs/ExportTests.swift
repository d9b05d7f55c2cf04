import Foundation
import TestSupport
import Testing

/// `gpt-sample --export`, and `gpt-sample` of what it writes.
@Suite("GGUF files of the programs")
struct ExportTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"

  init() throws {
    project = try Project.finished()
  }

  private func sample(_ arguments: String...) throws -> Ended {
    try project.run("gpt-sample", arguments)
  }

  @Test("the model in the file writes the same texts")
  func sameTexts() throws {
    let export = try sample(Self.model, "--export", "m.gguf", "--weights", "f32")
    #expect(export.status == 0 && export.output == "")
    #expect(export.log.hasPrefix("gpt-sample: wrote m.gguf, "))
    let options = ["--prompt=кот", "--count=3", "--seed=7", "--quiet"]
    let texts = try project.run("gpt-sample", ["m.gguf"] + options)
    #expect(texts.status == 0 && texts.log == "" && !texts.output.isEmpty)
    #expect(try project.run("gpt-sample", [Self.model] + options).output == texts.output)
    let score = ["--score", "data/clean/fixture.txt", "--quiet"]
    #expect(
      try project.run("gpt-sample", ["m.gguf"] + score).output
        == project.run("gpt-sample", [Self.model] + score).output)
    let packed = try sample("m.gguf", "--weights", "int8", "--prompt=кот")
    #expect(packed.status == 0 && packed.output.hasPrefix("КОТ"))
    #expect(try project.leftovers() == [])
  }

  @Test("the Modelfile has the sampling options")
  func modelfile() throws {
    let options = ["--temperature=0.7", "--top-k=20", "--top-p=0.9", "--max-length=30", "--quiet"]
    let export = try project.run(
      "gpt-sample",
      [Self.model, "--export", "a/m.gguf", "--weights=f16", "--modelfile", "a/Modelfile"] + options)
    #expect(export.status == 0 && export.log == "")
    #expect(
      try project.folder.text(of: "a/Modelfile") == """
        FROM ./m.gguf
        TEMPLATE "{{ .Prompt }}"
        PARAMETER num_ctx 32
        PARAMETER num_predict 30
        PARAMETER temperature 0.7
        PARAMETER top_k 20
        PARAMETER top_p 0.9
        PARAMETER min_p 0.0
        PARAMETER repeat_penalty 1.0
        PARAMETER repeat_last_n -1
        PARAMETER stop "</s>"

        """)
    _ = try sample(Self.model, "--export", "m.gguf", "--weights=f16", "--modelfile", "b/Modelfile")
    let from = try project.folder.text(of: "b/Modelfile").split(separator: "\n").first
    #expect(from?.hasPrefix("FROM /") == true && from?.hasSuffix("/m.gguf") == true)
  }

  @Test("a precision that the sizes do not fit is refused, and an older file stays")
  func refused() throws {
    try project.folder.write("old", to: "m.gguf")
    let ended = try sample(Self.model, "--export", "m.gguf")
    #expect(ended.status == 65)
    #expect(
      ended.log
        == "gpt-sample: error: \(Self.model): q8_0 needs rows of a multiple of 32 numbers, but this "
        + "model has rows of 16; use f16\n")
    #expect(try project.folder.text(of: "m.gguf") == "old")
    #expect(try project.leftovers() == [])
    #expect(try sample(Self.model, "--export", "m.gguf", "--weights=bf16").status == 0)
    let itself = try sample("m.gguf", "--export", "m.gguf", "--weights=f32")
    #expect(itself.status == 64)
    #expect(itself.log.hasPrefix("gpt-sample: error: the input 'm.gguf' would be overwritten\n"))
  }

  @Test("a damaged file is refused with the place")
  func damaged() throws {
    let whole = try sample(Self.model, "--export", "m.gguf", "--weights=f32")
    #expect(whole.status == 0)
    let bytes = try project.folder.bytes(of: "m.gguf")
    try project.folder.write(Array(bytes.dropLast(100)), to: "cut.gguf")
    let cut = try sample("cut.gguf")
    #expect(cut.status == 65)
    #expect(cut.log.contains("gpt-sample: error: cut.gguf: byte "))
    #expect(cut.log.contains("goes past the end of the file: it is cut off"))
    try project.folder.write("version https://git-lfs.github.com/spec/v1\n", to: "lfs.gguf")
    let pointer = try sample("lfs.gguf")
    #expect(pointer.status == 65)
    #expect(pointer.log.contains("lfs.gguf: this is a git-lfs pointer, not the weights; "))
  }

  @Test("make gguf writes the file and the Modelfile of a run")
  func make() throws {
    let made = try project.make("gguf", with: ["WEIGHTS": "f16", "TEMPERATURE": "0.9"])
    #expect(made.status == 0, "\(made.log)")
    #expect(made.log.contains("for Ollama: ollama create fixture -f data/gguf/fixture/Modelfile\n"))
    let modelfile = try project.folder.text(of: "data/gguf/fixture/Modelfile")
    #expect(modelfile.hasPrefix("FROM ./fixture-f16.gguf\n"))
    #expect(modelfile.contains("\nPARAMETER temperature 0.9\n"))
    #expect(try sample("data/gguf/fixture/fixture-f16.gguf", "--prompt=КОТ").status == 0)
    #expect(try project.make("gguf", with: ["RUN": "none"]).status != 0)
  }
}
