import Foundation
import TestSupport
import Testing

/// Runs of the pipeline: the first, several at once, and those that fail.
@Suite("runs of make")
struct RunTests {
  @Test("make -n shows all stages of a first run and writes nothing")
  func dryRun() throws {
    let project = try Project()
    let before = try project.tree()
    let planned = try project.make("-n", "train")
    #expect(planned.stages == Array(programs.dropLast()))
    #expect(planned.log == "")
    #expect(try project.tree() == before)
  }

  @Test("make help names the goals and the variables of the pipeline, in 80 columns")
  func help() throws {
    let help = try Project().make("help").output
    #expect(help.hasPrefix("make GOAL [VARIABLE=value …]\n\n  programs "))
    for word in ["train", "show", "RUN=fixture", "VALIDATION_FRACTION=0.05"] {
      #expect(help.contains("\n  \(word)"))
    }
    #expect(!help.contains("\n  lint "))
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("make help-dev adds those of the checks")
  func helpForDevelopers() throws {
    let project = try Project()
    let help = try project.make("help-dev").output
    #expect(help.hasPrefix(try project.make("help").output))
    for word in ["lint ", "interop ", "FUZZ_RUNS=100000"] { #expect(help.contains("\n  \(word)")) }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("a build that fails leaves the earlier programs, and a moved checkout drops its cache")
  func failedBuild() throws {
    let project = try Project()
    try project.folder.write("", to: ".build/x86/release/ModuleCache/x.pcm")
    try project.folder.write("/elsewhere\n", to: ".build/checkout")
    try project.folder.write(
      "#!/bin/sh\nrm .build/release/tg-dump; cp Package.swift .build/release/tg-dump; exit 1\n",
      to: "bin/swift")
    chmod(project.folder.path("bin/swift"), 0o755)
    try project.age()
    try project.touch("Package.swift")
    let path = "\(project.folder.path("bin")):\(Subprocess.environment["PATH"] ?? "")"
    let run = try Subprocess(
      "make", ["programs"], in: project.folder.path,
      environment: Subprocess.environment.merging(["PATH": path]) { $1 }
    ).wait()
    #expect(run.status == 2)
    #expect(run.output.contains("swift build"))
    for program in programs { #expect(project.exists(".build/release/\(program)")) }
    #expect(!project.exists(".build/x86/release/ModuleCache"))
  }

  @Test("make sample writes a file and prints some of it, and nothing else to standard output")
  func sample() throws {
    let project = try Project.finished()
    let variables = ["COUNT": "4", "SHOW": "2", "PROMPT": "пришёл 'домой'"]
    let run = try project.make("sample", with: variables)
    #expect(run.status == 0, "\(run.log)")
    let file = try project.folder.text(of: "data/samples/fixture.txt")
    #expect(run.output.hasPrefix("ПРИШЁЛ 'ДОМОЙ'"))
    #expect(file.hasPrefix(run.output + "\n"))
    #expect(file.split(separator: "\n\n").count == 4)
    #expect(run.log.hasPrefix("gpt-sample: wrote 4 texts, "))
    let failed = try project.make(
      "sample", with: variables.merging(["SAMPLE_FLAGS": "--filter --no-end-of-text"]) { $1 })
    #expect(failed.status == 2)
    #expect(try project.folder.text(of: "data/samples/fixture.txt") == file)
    // What changes no result, and how results are printed, is not remembered.
    #expect(try project.make("sample", with: ["COUNT": "2"]).stages == [])
  }

  @Test("two runs side by side, each with -j, give what one gives")
  func sideBySide() throws {
    let project = try Project()
    let runs = try ["a", "b"].map {
      try project.startMake(["-j2", "train"], ["RUN": $0, "EXPORT": "data/fixture"])
    }
    for run in runs {
      let ended = try run.wait()
      #expect(ended.status == 0, "\(ended.log)")
      #expect(ended.stages == Array(programs.dropLast()))
    }
    _ = try project.make("train")
    let model = try project.folder.bytes(of: "checkpoints/fixture/final/model.safetensors")
    for name in ["a", "b"] {
      #expect(
        try project.folder.bytes(of: "checkpoints/\(name)/final/model.safetensors") == model)
      let again = try project.make("train", with: ["RUN": name])
      #expect(again.output == "make: Nothing to be done for 'train'.\n")
    }
    #expect(try project.leftovers() == [])
  }

  @Test("values with blanks, quotes and number signs reach the programs as they are")
  func quoting() throws {
    let project = try Project()
    try FileManager.default.createDirectory(
      atPath: project.folder.path("Telegram Desktop"), withIntermediateDirectories: false)
    let export = try project.folder.text(of: "data/fixture/result.json")
    let chat = #"#1: it's "so" & so"#
    try project.folder.write(
      export.replacing("\"name\": \"Бугурты к чаю\"", with: ##""name": "#1: it's \"so\" & so""##),
      to: "Telegram Desktop/result.json")
    let variables = ["EXPORT": "Telegram Desktop", "CHAT": chat]
    let run = try project.make("dump", with: variables)
    #expect(run.status == 0, "\(run.log)")
    #expect(run.log.hasPrefix("tg-dump: \(chat) (public_channel 1500100900)\n"))
    #expect(
      try project.make("dump", with: variables).output == "make: Nothing to be done for 'dump'.\n")
  }

  @Test("a newer compressed export is noticed")
  func compressedExport() throws {
    let project = try Project()
    let variables = ["EXPORT": "own"]
    for _ in 1...2 {
      let compressed = try Subprocess.run(
        "bash", ["-c", "mkdir -p own; gzip -c data/fixture/result.json > own/result.json.gz"],
        in: project.folder.path)
      try #require(compressed.status == 0)
      #expect(try project.make("dump", with: variables).stages == ["tg-dump"])
    }
    #expect(try project.make("dump", with: variables).stages == [])
  }

  @Test("a missing export is named")
  func missingExport() throws {
    let project = try Project()
    let run = try project.make("train", with: ["EXPORT": "no such/result.json"])
    #expect(run.status == 2)
    #expect(run.stages == [])
    #expect(
      run.log.hasPrefix(
        "pipeline.mk: there is no 'no such/result.json'; EXPORT names Telegram Desktop's "
          + "export or a channel\n"))
    #expect(run.log.contains("Error 66"))
    #expect(!project.exists("data/raw/fixture.jsonl"))
  }

  @Test(
    "a stage that fails ends make, and leaves what stood there",
    arguments: [
      ("TIMEZONE", "noon", "tg-dump", 64), ("CHAT", "Другой чат", "tg-dump", 65),
      ("NEWS", "none", "bugurt-clean", 64), ("VALIDATION_FRACTION", "2", "bpe-encode", 64),
      ("END_OF_TEXT", "А", "bpe-encode", 65), ("BLOCK_SIZE", "64", "gpt-finetune", 64),
      ("HEADS", "3", "gpt-finetune", 64),
    ])
  func failure(_ name: String, _ value: String, _ stage: String, _ status: Int) throws {
    let project = try Project.finished()
    let outputs = [
      "data/raw/fixture.jsonl", "data/clean/fixture.txt", "data/clean/fixture.funnel.json",
      "data/tokens/fixture/manifest.json", "checkpoints/fixture/final/model.safetensors",
      "checkpoints/fixture/final/trainer_state.json",
    ]
    let before = try outputs.map { try project.folder.bytes(of: $0) }
    let run = try project.make("train", with: [name: value])
    #expect(run.status == 2)
    #expect(run.stages == [stage])
    #expect(run.log.contains("\(stage): error: "))
    #expect(run.log.contains("Error \(status)\n"))
    #expect(try outputs.map { try project.folder.bytes(of: $0) } == before)
    #expect(try project.leftovers() == [])
    // The call with the new setting failed, so the setting is not remembered.
    let repaired = try project.make("train")
    #expect(repaired.output == "make: Nothing to be done for 'train'.\n", "\(repaired.log)")
  }

  @Test(
    "a stage that fails the first time leaves no output",
    arguments: [
      ("TIMEZONE", "noon", "data/raw"), ("NEWS", "none", "data/clean"),
      ("VALIDATION_FRACTION", "2", "data/tokens/fixture"),
      ("BLOCK_SIZE", "64", "checkpoints/fixture"),
    ])
  func firstFailure(_ name: String, _ value: String, _ folder: String) throws {
    let project = try Project()
    #expect(try project.make("train", with: [name: value]).status == 2)
    #expect(try !project.exists(folder) || project.tree(folder) == [])
    let repaired = try project.make("train")
    #expect(repaired.status == 0, "\(repaired.log)")
  }
}
