import Foundation
import TestSupport
import Testing

/// A file system of its own in memory, which goes with the object.
private final class SmallDisk {
  private let folder: TemporaryFolder
  /// Where it is mounted.
  var path: String { folder.path }

  init(kilobytes: Int) throws {
    folder = try TemporaryFolder()
    let code = mount("none", folder.path, "tmpfs", 0, "size=\(kilobytes)k")
    guard code == 0 else {
      throw Subprocess.Failure(description: "cannot mount: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    umount2(folder.path, Int32(MNT_DETACH))
  }

  func names() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
  }

  /// Whether this process may mount.
  static let isAvailable = (try? SmallDisk(kilobytes: 64)) != nil
}

/// A disk without room for the output.
@Suite("a full disk")
struct FullDiskTests {
  static let outOfSpace = "No space left on device"

  @Test(
    "leaves no half file, and the old output as it was", .enabled(if: SmallDisk.isAvailable),
    arguments: [
      ("tg-dump", ["data/fixture/result.json", "--replace"]),
      ("bugurt-clean", ["data/raw/fixture.jsonl"]),
    ])
  func files(_ program: String, _ arguments: [String]) throws {
    let project = try Project.finished()
    let disk = try SmallDisk(kilobytes: 64)
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

  @Test("leaves no half folder of shards", .enabled(if: SmallDisk.isAvailable))
  func shards() throws {
    let project = try Project.finished()
    let disk = try SmallDisk(kilobytes: 160)
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
      #expect(ended.log.contains("bpe-encode: error: \(output).partial/"))
      #expect(ended.log.hasSuffix(": \(Self.outOfSpace)\n"))
      #expect(try disk.names() == before)
    }
    #expect(try disk.names().contains("tokens/manifest.json"))
  }

  @Test("ends a training with the checkpoints it had", .enabled(if: SmallDisk.isAvailable))
  func training() throws {
    let project = try Project.finished()
    // The model of 8,624 parameters has 34 kB, its checkpoint three times that and the tokenizer.
    let disk = try SmallDisk(kilobytes: 300)
    let arguments = [
      "data/tokens/fixture", "-o", disk.path + "/run", "--layers=1", "--width=16", "--heads=2",
      "--context=32", "--block-size=16", "--max-steps=12", "--save-steps=1", "--threads=1",
    ]
    let ended = try project.run("gpt-finetune", arguments)
    #expect(ended.status == 74)
    #expect(ended.output == "")
    #expect(ended.log.hasSuffix(": \(Self.outOfSpace)\n"))
    let names = try disk.names()
    #expect(names.contains("run/checkpoint-1/trainer_state.json"))
    #expect(!names.contains("run/checkpoint-12") && !names.contains("run/final"))
    #expect(!names.contains { $0.contains(".partial") })
    // The newest checkpoint is whole: with room the training goes on.
    try #require(mount("none", disk.path, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
    let rest = try project.run("gpt-finetune", arguments + ["--resume"])
    #expect(rest.status == 0, "\(rest.log)")
    #expect(rest.log.contains("gpt-finetune: resuming after step "))
    #expect(try disk.names().contains("run/final/model.safetensors"))
  }

  @Test("behind standard output is told, too")
  func standardOutput() throws {
    let project = try Project.finished()
    for (program, arguments, name) in [
      ("tg-dump", ["data/fixture/result.json"], "-"),
      ("bugurt-clean", ["data/raw/fixture.jsonl"], "-"),
      ("bugurt-clean", ["--list-rules"], "standard output"),
      ("gpt-sample", ["checkpoints/fixture/final"], "standard output"),
      ("bpe-encode", ["--help"], "standard output"),
      ("gpt-finetune", ["--version"], "standard output"),
    ] {
      let ended = try project.run(program, arguments, output: "/dev/full")
      #expect(ended.status == 74, "\(program)")
      #expect(ended.log == "\(program): error: \(name): cannot write: \(Self.outOfSpace)\n")
    }
  }
}
