import Foundation
import TestSupport
import Testing

/// `gpt-sample` with adapters, which are written here byte by byte.
@Suite("gpt-sample with adapters")
struct AdapterTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"
  private static let prompt = ["--prompt=кот", "--quiet", "--max-length=20"]

  init() throws {
    project = try Project.finished()
  }

  private func sample(_ arguments: [String]) throws -> Ended {
    try project.run("gpt-sample", arguments + Self.prompt)
  }

  /// Writes an adapter of rank 1 for c_attn of the one block, 16 channels wide, all of whose numbers
  /// are `value`.
  private func write(
    _ value: Float, to folder: String, base: String? = "ours/of/another", keys: String = ""
  ) throws {
    let name = base.map { "\"\($0)\"" } ?? "null"
    try project.folder.write(
      #"{"peft_type": "LORA", "r": 1, "base_model_name_or_path": \#(name)\#(keys)}"#,
      to: "\(folder)/adapter_config.json")
    let prefix = "base_model.model.transformer.h.0.attn.c_attn."
    let header =
      #"{"\#(prefix)lora_A.weight":{"dtype":"F32","shape":[1,16],"data_offsets":[0,64]},"#
      + #""\#(prefix)lora_B.weight":{"dtype":"F32","shape":[48,1],"data_offsets":[64,256]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) } + Array(header.utf8)
    for _ in 0..<64 { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }
    try project.folder.write(bytes, to: "\(folder)/adapter_model.safetensors")
  }

  @Test("several adapters write the same prompts in turn, each as it would alone")
  func comparison() throws {
    try write(0, to: "nothing")
    try write(0.4, to: "runs/much/final/adapter")
    let plain = try sample([Self.model, "--count=2"])
    #expect(plain.status == 0)
    let much = try sample([Self.model, "--adapter=runs/much/final", "--count=2"])
    #expect(much.status == 0, "\(much.log)")
    #expect(much.log.contains("this adapter belongs to ours/of/another, and is used with"))
    #expect(much.output != plain.output && !much.output.contains("# much"))
    let both = try sample([
      Self.model, "--adapter", "runs/much/final/adapter", "--adapter", "zero=nothing", "--count=2",
    ])
    #expect(both.status == 0)
    #expect(both.output == "# much\n\n\(much.output)\n# zero\n\n\(plain.output)")
    let json = try sample([
      Self.model, "--adapter", "runs/much/final", "--adapter", "nothing", "--json", "--output", "o",
    ])
    #expect(json.status == 0 && json.output == "")
    let lines = try project.folder.text(of: "o").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.first?.hasSuffix(#","adapter":"much"}"#) == true)
    #expect(lines.last?.hasSuffix(#","adapter":"nothing"}"#) == true)
    #expect(try project.leftovers() == [])
  }

  @Test("the folder of an adapter stands for its model and itself")
  func alone() throws {
    try write(0.4, to: "runs/x/final/adapter", base: "../../../../\(Self.model)")
    let expected = try sample([Self.model, "--adapter", "runs/x/final/adapter"])
    #expect(expected.status == 0 && expected.log == "", "\(expected.log)")
    for path in ["runs/x/final", "runs/x/final/adapter"] {
      let ended = try sample([path])
      #expect(ended.status == 0 && ended.output == expected.output, "\(ended.log)")
    }
    // The export is the merged model.
    let export = try project.run(
      "gpt-sample", ["runs/x/final", "--export=m.gguf", "--weights=f32", "--quiet"])
    #expect(export.status == 0, "\(export.log)")
    #expect(try sample(["m.gguf"]).output == expected.output)
    let run = try sample(["runs/x"])
    #expect(run.status == 65 && run.log.contains("not of a model; use 'runs/x/final'"))
    let twice = try sample(["runs/x/final", "--adapter", "runs/x/final"])
    #expect(twice.status == 64 && twice.log.contains("'runs/x/final' is an adapter, not a model"))
  }

  @Test("a model that is not there, or a folder that is not an adapter, is named with the remedy")
  func faults() throws {
    try write(0, to: "a", base: nil)
    let nameless = try sample(["a"])
    #expect(nameless.status == 65)
    #expect(
      nameless.log
        == "gpt-sample: error: a/adapter_config.json: base_model_name_or_path is missing; name the "
        + "model first, and this adapter with --adapter\n")
    try write(0, to: "a", base: "/nowhere/base")
    let lost = try sample(["a"])
    #expect(lost.status == 65)
    #expect(lost.log.contains("is '/nowhere/base', a folder that does not exist; name the model"))
    try write(0, to: "a", keys: #", "init_lora_weights": "olora""#)
    let other = try sample([Self.model, "--adapter", "a"])
    #expect(other.status == 65 && other.log.contains("init_lora_weights is \"olora\""))
    #expect(try sample([Self.model, "--adapter", "nowhere"]).status == 66)
    // The vocabulary is not that of the model which was adapted.
    try project.folder.write(#"{"tokenizer": 1}"#, to: "a/resume_state.json")
    try write(0, to: "a")
    let foreign = try sample([Self.model, "--adapter", "a"])
    #expect(foreign.status == 0 && foreign.log.contains("warning: a: this is not the tokenizer"))
    let none = try sample([Self.model, "--adapter", Self.model])
    #expect(none.status == 65 && none.log.contains("no adapter here; expected a folder with"))
    let same = try sample([Self.model, "--adapter", "a", "--adapter", "a"])
    #expect(same.status == 64 && same.log.contains("two adapters are called 'a'"))
  }
}
