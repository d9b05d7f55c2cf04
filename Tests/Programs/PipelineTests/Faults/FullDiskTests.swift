import Foundation
import TestSupport
import Testing

/// A disk without room for the output.
@Suite("a full disk")
struct FullDiskTests {
  static let outOfSpace =
    "No space left on device; "
    + "free space there (df and df -i show how much there is), or write elsewhere"

  @Test(
    "leaves no half file, and the old output as it was",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"),
    arguments: [
      ("tg-dump", ["data/fixture/result.json", "--replace"]),
      ("bugurt-clean", ["data/raw/fixture.jsonl"]),
    ])
  func files(_ program: String, _ arguments: [String]) throws {
    let project = try Project.finished()
    let disk = try MemoryDisk(kilobytes: 64)
    let output = disk.path + "/out.txt"
    for old in [nil, "old\n"] {
      if let old { try old.write(toFile: output, atomically: false, encoding: .utf8) }
      let before = try disk.names()
      let ended = try project.run(program, arguments + ["-o", output])
      #expect(ended.status == 74)
      #expect(ended.log == "\(program): error: \(output): cannot write: \(Self.outOfSpace)\n")
      #expect(try disk.names() == before)
      if let old { #expect(try String(contentsOfFile: output, encoding: .utf8) == old) }
    }
  }

  @Test(
    "leaves no half folder of shards",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func shards() throws {
    let project = try Project.finished()
    let disk = try MemoryDisk(kilobytes: 160)
    let output = disk.path + "/tokens"
    try project.folder.write("КОТ\nПЁС\n", to: "small.txt")
    for corpus in ["data/clean/fixture.txt", "small.txt", "data/clean/fixture.txt"] {
      let before = try disk.names()
      let ended = try project.run(
        "bpe-encode", [corpus, "-o", output, "--vocab-size=300", "--validation-fraction=0"])
      if corpus == "small.txt" {
        #expect(ended.status == 0, "\(ended.log)")
        continue
      }
      #expect(ended.status == 74)
      #expect(ended.log.contains("bpe-encode: error: \(output)."))
      #expect(ended.log.hasSuffix(": \(Self.outOfSpace)\n"))
      #expect(try disk.names() == before)
    }
    #expect(try disk.names().contains("tokens/manifest.json"))
  }

  @Test(
    "ends a training with the checkpoints it had",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func training() throws {
    let project = try Project.finished()
    // The model of 8,624 parameters has 34 kB, its checkpoint three times that and the tokenizer.
    let disk = try MemoryDisk(kilobytes: 300)
    let arguments = [
      "data/tokens/fixture", "-o", disk.path + "/run", "--layers=1", "--width=16", "--heads=2",
      "--context=32", "--block-size=16", "--max-steps=12", "--save-steps=1", "--threads=1",
      // The run may end early, so it is not certain from the beginning that there is no room.
      "--early-stopping-patience=100",
    ]
    let ended = try project.run("gpt-finetune", arguments)
    #expect(ended.status == 74)
    #expect(ended.output == "")
    #expect(ended.log.hasSuffix(": \(Self.outOfSpace)\n"))
    let names = try disk.names()
    #expect(names.contains("run/checkpoint-1/trainer_state.json"))
    #expect(!names.contains("run/checkpoint-12") && !names.contains("run/final"))
    #expect(!names.contains { $0.contains(".partial") || $0.contains(".lock") })
    // The newest checkpoint is whole: with room the training continues.
    try disk.resize(kilobytes: 8 << 10)
    let rest = try project.run("gpt-finetune", arguments + ["--resume"])
    #expect(rest.status == 0, "\(rest.log)")
    #expect(rest.log.contains("gpt-finetune: resuming after step "))
    #expect(try disk.names().contains("run/final/model.safetensors"))
  }

  @Test(
    "leaves neither half a GGUF file nor its Modelfile",
    .enabled(if: MemoryDisk.isAvailable, "this process may not mount a disk"))
  func export() throws {
    let project = try Project.finished()
    let disk = try MemoryDisk(kilobytes: 32)
    let before = try disk.names()
    let ended = try project.run(
      "gpt-sample",
      [
        "checkpoints/fixture/final", "--export", disk.path + "/m.gguf", "--weights=f32",
        "--modelfile", disk.path + "/Modelfile",
      ])
    #expect(ended.status == 74)
    #expect(
      ended.log == "gpt-sample: error: \(disk.path)/m.gguf: cannot write: \(Self.outOfSpace)\n")
    #expect(try disk.names() == before)
  }

  @Test("of the file behind standard output is reported, too")
  func standardOutput() throws {
    let project = try Project.finished()
    for (program, arguments) in [
      ("tg-dump", ["data/fixture/result.json"]),
      ("bugurt-clean", ["data/raw/fixture.jsonl"]),
      ("bugurt-clean", ["--list-rules"]),
      ("gpt-sample", ["checkpoints/fixture/final"]),
      ("bpe-encode", ["--help"]),
      ("gpt-finetune", ["--version"]),
    ] {
      let ended = try project.run(program, arguments, output: "/dev/full")
      #expect(ended.status == 74, "\(program)")
      #expect(ended.log == "\(program): error: standard output: cannot write: \(Self.outOfSpace)\n")
    }
  }
}
