import Foundation
import TestSupport
import Testing

/// The stages of `make train`, each named by its program.
private let all = ["tg-dump", "bugurt-clean", "bpe-encode", "gpt-finetune"]
private let fromCleaning = Array(all[1...])
private let fromEncoding = Array(all[2...])
private let training = Array(all[3...])

private let nothingToDo = "make: Nothing to be done for 'train'.\n"

/// What make runs again after a finished run, according to its own output.
@Suite("the graph")
struct GraphTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// Expects `make train` to run exactly `stages`, and nothing the next time.
  private func expect(
    _ stages: [String], with variables: [String: String] = [:],
    location: SourceLocation = #_sourceLocation
  ) throws {
    let run = try runsFirst(stages.first, with: variables, location: location)
    #expect(run.stages == stages, sourceLocation: location)
  }

  /// Expects `make train` to begin with `stage`, as `make -n` announces, and to do nothing the next
  /// time.
  @discardableResult
  private func runsFirst(
    _ stage: String?, with variables: [String: String] = [:],
    location: SourceLocation = #_sourceLocation
  ) throws -> Ended {
    let planned = try project.make("-n", "train", with: variables)
    #expect(stage == nil || planned.stages.first == stage, "make -n", sourceLocation: location)
    let run = try project.make("train", with: variables)
    #expect(run.status == 0, "\(run.log)", sourceLocation: location)
    #expect(run.stages.first == stage, sourceLocation: location)
    #expect(Set(run.stages).isSubset(of: planned.stages), sourceLocation: location)
    #expect(!run.output.contains("swift build"), sourceLocation: location)
    // make warns of variables that are not defined.
    #expect(!run.log.contains("warning: undefined"), "\(run.log)", sourceLocation: location)
    let again = try project.make("train", with: variables)
    #expect(again.output == nothingToDo, sourceLocation: location)
    #expect(try project.leftovers() == [], sourceLocation: location)
    return run
  }

  @Test("a finished run is left alone")
  func finished() throws {
    let before = try project.tree()
    let run = try project.make("train")
    #expect(run.status == 0)
    #expect(run.output == nothingToDo)
    #expect(run.log == "")
    #expect(try project.make("-n", "train").output == nothingToDo)
    #expect(try project.tree() == before)
  }

  @Test(
    "a newer input reruns the stage that reads it, and the same content nothing more",
    arguments: [
      ("data/fixture/result.json", ["tg-dump"]),
      ("data/raw/fixture.settings", []),
      ("data/raw/fixture.jsonl", ["bugurt-clean"]),
      ("data/clean/fixture.settings", []),
      ("data/clean/fixture.txt", ["bpe-encode"]),
      ("data/clean/fixture.funnel.json", []),
      ("data/tokens/fixture.settings", []),
      ("data/tokens/fixture/manifest.json", training),
      ("checkpoints/fixture.settings", []),
      ("checkpoints/fixture/final/trainer_state.json", []),
      ("checkpoints/fixture/report.md", []),
    ])
  func inputs(_ path: String, _ stages: [String]) throws {
    let model = try project.modificationTime(of: "checkpoints/fixture/final/model.safetensors")
    try project.touch(path)
    try expect(stages)
    #expect(
      try project.modificationTime(of: "checkpoints/fixture/final/model.safetensors") == model)
  }

  @Test("a changed input reruns all that follows from it")
  func otherContent() throws {
    let corpus = try project.folder.text(of: "data/clean/fixture.txt")
    try project.folder.write(corpus + "КОТ@ЕЩЁ КОТ@И ЕЩЁ ОДИН\n", to: "data/clean/fixture.txt")
    try expect(fromEncoding)
  }

  @Test(
    "a missing output is made again, and what has the same content then follows no further",
    arguments: [
      ("data/raw/fixture.jsonl", ["tg-dump", "bugurt-clean"]),
      ("data/clean/fixture.txt", ["bugurt-clean", "bpe-encode"]),
      ("data/clean/fixture.funnel.json", ["bugurt-clean"]),
      ("data/tokens/fixture", fromEncoding),
      ("checkpoints/fixture/final/trainer_state.json", training),
      ("checkpoints/fixture/final", training),
      ("checkpoints/fixture", training),
    ])
  func missingOutputs(_ path: String, _ stages: [String]) throws {
    try project.remove(path)
    try expect(stages)
  }

  @Test(
    "a changed variable reruns the stage it belongs to, and is remembered",
    arguments: [
      ("EXPORT", "other/result.json", all),
      ("CHAT", "Бугурты к чаю", all),
      ("TIMEZONE", "+03:00", all),
      ("RECIPE", "original", fromCleaning),
      ("NEWS", "line", fromCleaning),
      ("CLEAN_FLAGS", "--rule length.minimum=60 --require-upper", fromCleaning),
      ("VOCAB_SIZE", "310", fromEncoding),
      ("VALIDATION_FRACTION", "0.1", fromEncoding),
      ("PACK", "continuous", fromEncoding),
      ("END_OF_TEXT", "</s>", fromEncoding),
      ("TOKENIZER", "other/tokenizer", fromEncoding),
      ("MODEL", "other/model", fromEncoding),
      ("LAYERS", "2", training),
      ("WIDTH", "32", training),
      ("HEADS", "1", training),
      ("CONTEXT", "48", training),
      ("MAX_STEPS", "4", training),
      ("EPOCHS", "3", training),
      ("WARMUP_STEPS", "2", training),
      ("LEARNING_RATE", "2e-3", training),
      ("BLOCK_SIZE", "8", training),
      ("BATCH_SIZE", "2", training),
      ("SEED", "43", training),
      ("PRECISION", "auto", training),
      ("PATIENCE", "1", training),
      ("MAX_HOURS", "0.5", training),
      ("UNTIL", "2100-01-01T00:00", training),
      ("EVAL_STEPS", "1", training),
      ("TRAIN_FLAGS", "--weight-decay 0.1 --lr-scheduler-type cosine", training),
    ])
  func variables(_ name: String, _ value: String, _ stages: [String]) throws {
    try FileManager.default.createDirectory(
      atPath: project.folder.path("other"), withIntermediateDirectories: false)
    try project.copy("data/fixture/result.json", to: "other/result.json")
    try project.copy("data/tokens/fixture/tokenizer", to: "other/tokenizer")
    try project.copy("checkpoints/fixture/final", to: "other/model")
    try runsFirst(stages.first, with: [name: value])
    var others = Project.tiny
    others[name] = nil
    let again = try Subprocess(
      "make", ["train"] + others.map { "\($0)=\($1)" }.sorted(), in: project.folder.path
    ).wait()
    #expect(again.output == nothingToDo)
  }

  @Test("a rule file of CLEAN_FLAGS reruns the cleaning when it is edited")
  func ruleFile() throws {
    let flags = ["CLEAN_FLAGS": "--rules 'my rules.ini'"]
    try project.folder.write("[links]\non = yes\n", to: "my rules.ini")
    #expect(try project.make("train", with: flags).stages == ["bugurt-clean"])
    try project.age()
    #expect(try project.make("train").output == nothingToDo)
    try project.folder.write("[length]\nminimum = 60\n", to: "my rules.ini")
    #expect(try project.make("train").stages == fromCleaning)
    #expect(try project.make("train").output == nothingToDo)
  }

  @Test("a variable that cannot change a result reruns nothing")
  func otherVariables() throws {
    let values = [
      "THREADS": "2", "LOGGING_STEPS": "1", "SAVE_STEPS": "1", "SAVE_TOTAL_LIMIT": "1",
      "PROMPT": "кот", "COUNT": "3", "SAMPLE_FLAGS": "--seed 1",
      // The folder of the same export.
      "EXPORT": "data/fixture", "DUMP_FLAGS": "--delay 3 --user-agent='a b'",
    ]
    for (name, value) in values { try expect([], with: [name: value]) }
  }

  @Test("newer programs rerun nothing; newer sources are built, and rerun nothing")
  func programsAndSources() throws {
    for program in programs { try project.touch(".build/release/" + program) }
    try expect([])
    let sources = [
      "Package.swift", "Sources/Programs/tg-dump/TGDump.swift", "Sources/Model/CKernels",
    ]
    for source in sources {
      try project.age()
      try project.touch(source)
      let planned = try project.make("-n", "train")
      #expect(planned.output.contains("swift build"), "\(source)")
      #expect(planned.stages == [], "\(source)")
    }
  }

  @Test("make -B runs every stage")
  func everything() throws {
    #expect(try project.make("-B", "-n", "train").stages == all)
  }
}
