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

  /// Writes a model like the run's into the folder `name`, but of zeros, and with so many positions that
  /// an export of it takes some time.
  private func writeLongModel(_ name: String) throws {
    let (positions, path) = (8_000_000, "\(name)/model.safetensors")
    try project.copy(Self.model, to: name)
    let bytes = try project.folder.bytes(of: path)
    let size = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + size]))
    var tensors: [String: Any] = [:]
    var offset = 0
    for (tensor, value) in try #require(header as? [String: [String: Any]]) {
      guard var shape = value["shape"] as? [Int] else { continue }
      if tensor.hasSuffix("wpe.weight") { shape[0] = positions }
      let end = offset + 4 * shape.reduce(1, *)
      tensors[tensor] = ["dtype": "F32", "shape": shape, "data_offsets": [offset, end]]
      offset = end
    }
    let text = try JSONSerialization.data(withJSONObject: tensors)
    let count = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    try project.folder.write(count + text, to: path)
    #expect(truncate(project.folder.path(path), off_t(8 + text.count + offset)) == 0)
    let configuration = try project.folder.text(of: "\(name)/config.json")
    try project.folder.write(
      configuration.replacing(/"(n_positions|n_ctx)": \d+/) { "\"\($0.1)\": \(positions)" },
      to: "\(name)/config.json")
  }

  @Test("Ctrl-C leaves nothing partial, and an older file stays", arguments: [SIGINT, SIGTERM])
  func interrupted(_ signal: Int32) throws {
    try writeLongModel("long")
    try project.folder.write("old", to: "m.gguf")
    let process = try Subprocess(
      builtProgram("gpt-sample"),
      ["long", "--export", "m.gguf", "--weights=f32", "--modelfile", "Modelfile"],
      in: project.folder.path)
    // The file has its size as soon as its header is written.
    try poll("the file") {
      try process.isZombie
        || project.leftovers().contains { $0.hasPrefix("m.gguf.") || $0.hasPrefix(".m.gguf.") }
    }
    process.signalGroup(signal)
    let ended = try process.wait()
    #expect(ended.status == 128 + signal, "\(ended.log)")
    #expect(try project.leftovers() == [])
    #expect(try project.folder.text(of: "m.gguf") == "old")
    #expect(!project.exists("Modelfile"))
  }

  @Test("a model in a file can be fine-tuned, whatever its type, and keeps its vocabulary")
  func fineTuned() throws {
    #expect(try sample(Self.model, "--export", "m.gguf", "--weights", "f16").status == 0)
    let encoded = try project.run(
      "bpe-encode", ["data/clean/fixture.txt", "-o", "tokens", "--tokenizer", "m.gguf"])
    #expect(encoded.status == 0, "\(encoded.log)")
    let ended = try project.run(
      "gpt-finetune",
      ["tokens", "--model", "m.gguf", "-o", "run", "--max-steps=2", "--block-size=16"])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(!ended.log.contains("warning"), "\(ended.log)")
    #expect(try sample("run/final", "--prompt=кот").output.hasPrefix("КОТ"))
    // Its vocabulary is compared.
    let others = try project.run(
      "bpe-encode", ["data/clean/fixture.txt", "-o", "others", "--vocab-size=290"])
    #expect(others.status == 0)
    let refused = try project.run("gpt-finetune", ["others", "--model", "m.gguf", "-o", "new"])
    #expect(refused.status == 65)
    #expect(refused.log.contains("a vocabulary other than the model's"), "\(refused.log)")
  }

  @Test("a run is not written into the model of another")
  func modelAsOutput() throws {
    for (output, what) in [
      (Self.model, "part of the run checkpoints/fixture"),
      ("checkpoints/fixture/checkpoint-9", "part of the run checkpoints/fixture"),
      ("copy", "a model"),
    ] {
      if output == "copy" { try project.copy(Self.model, to: output) }
      let before = try project.tree("checkpoints")
      let ended = try project.run("gpt-finetune", ["data/tokens/fixture", "-o", output])
      #expect(ended.status == 64)
      #expect(
        ended.log.hasPrefix(
          "gpt-finetune: error: --output: \(output) is \(what), not the folder of a run; choose "),
        "\(ended.log)")
      #expect(try project.tree("checkpoints") == before)
    }
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
