import Foundation
import TestSupport
import Testing

private let nothingToDo = "make: Nothing to be done for 'train'.\n"

/// A run keeps its variables, and a typing mistake loses nothing that it holds.
@Suite("what a run was made with")
struct RememberedRunTests {
  let project: Project

  init() throws {
    project = try Project()
  }

  /// Runs make with `variables` and no others.
  private func make(_ goals: String..., with variables: [String: String] = [:]) throws -> Ended {
    try Subprocess(
      "make", goals + variables.map { "\($0)=\($1)" }.sorted(), in: project.folder.path
    ).wait()
  }

  /// Trains the run `mine` on the posts at `export`, with all variables of ``Project/tiny``.
  @discardableResult
  private func train(
    _ export: String, _ variables: [String: String] = [:], goals: [String] = ["train"]
  ) throws -> Ended {
    let ended = try project.startMake(
      goals, ["RUN": "mine", "EXPORT": export].merging(variables) { $1 }
    ).wait()
    try #require(ended.status == 0, "\(ended.log)")
    return ended
  }

  /// Writes an export whose posts are `texts`.
  private func writeExport(_ texts: [String], to name: String) throws {
    let messages = texts.enumerated().map { index, text in
      """
      {"id": \(index + 1), "type": "message", "date_unixtime": "\(1_700_000_000 + index)", \
      "text": "\(text)", "text_entities": [{"type": "plain", "text": "\(text)"}]}
      """
    }
    try project.folder.write(
      """
      {"name": "Мой", "type": "public_channel", "id": 7, "messages": [\(messages.joined(separator: ","))]}
      """, to: name)
  }

  private func writeOwnExport() throws {
    try writeExport(
      (0..<60).map { "КОТ \($0)\\n@\\nПРИШЁЛ ДОМОЙ \($0 * 7)" }, to: "own/result.json")
  }

  @Test("a time budget takes the place of a remembered one of the other kind")
  func otherBudget() throws {
    try writeOwnExport()
    try train("own", ["MAX_HOURS": "0.5"])
    let ended = try make("train", with: ["RUN": "mine", "UNTIL": "2100-01-01T00:00"])
    #expect(ended.status == 0, "\(ended.log)")
    #expect(ended.output.contains(" --until=2100-01-01T00:00 "))
    #expect(!ended.output.contains("--max-hours"))
    #expect(try make("show", with: ["RUN": "mine"]).output.contains("MAX_HOURS=''\n"))
  }

  @Test("without any variable it is left as it is, whatever the defaults are")
  func leftAlone() throws {
    try writeOwnExport()
    try train("own")
    let posts = try project.folder.bytes(of: "data/raw/mine.jsonl")
    let model = try project.modificationTime(of: "checkpoints/mine/final/model.safetensors")
    let again = try make("train", with: ["RUN": "mine"])
    #expect(again.output == nothingToDo, "\(again.log)")
    // Another export of the same run is noticed, and its posts are read.
    try writeOwnExport()
    #expect(try make("train", with: ["RUN": "mine"]).stages == ["tg-dump"])
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") == posts)
    #expect(try project.modificationTime(of: "checkpoints/mine/final/model.safetensors") == model)
    // The export may be removed once its posts are dumped.
    try project.remove("own")
    #expect(try make("train", with: ["RUN": "mine"]).output == nothingToDo)
  }

  @Test("make show prints it so that a shell reads it back")
  func show() throws {
    try writeOwnExport()
    try train("own", ["TRAIN_FLAGS": "--weight-decay '0.1' --adam-epsilon=1e-7"])
    let shown = try make("show", with: ["RUN": "mine"])
    #expect(shown.output.contains("EXPORT='own'\n"))
    #expect(shown.output.contains(#"TRAIN_FLAGS='--weight-decay '\''0.1'\'' --adam-epsilon=1e-7'"#))
    #expect(!shown.output.contains("THREADS"))
    try project.folder.write("", to: "checkpoints/plain.variables")
    let plain = try make("show", with: ["RUN": "plain"])
    #expect(plain.output == "")
    #expect(plain.log == "pipeline.mk: plain was made with all variables at their defaults\n")
  }

  @Test("a call that fails changes nothing of it")
  func failedCall() throws {
    try writeOwnExport()
    try train("own")
    let before = try make("show", with: ["RUN": "mine"]).output
    for (name, value) in [
      ("EXPORT", "nowhere"), ("RECIPE", "stew"), ("VOCAB_SIZE", "7"), ("HEADS", "3"),
      ("MODEL", "nowhere"), ("TRAIN_FLAGS", "--no-such-option"), ("TRAIN_FLAGS", "'open"),
    ] {
      let failed = try make("train", with: ["RUN": "mine", name: value])
      #expect(failed.status == 2, "\(name)=\(value)")
      #expect(try make("show", with: ["RUN": "mine"]).output == before)
      #expect(try make("train", with: ["RUN": "mine"]).status == 0)
    }
    #expect(try make("train", with: ["RUN": "mine"]).output == nothingToDo)
  }

  @Test("a training that is stopped continues with its own variables")
  func stopped() throws {
    try writeOwnExport()
    let settings = ["MAX_STEPS": "4000", "SAVE_STEPS": "10", "LEARNING_RATE": "2e-3"]
    let process = try project.startMake(
      ["train"], settings.merging(["RUN": "mine", "EXPORT": "own"]) { $1 })
    try poll("a checkpoint") { project.exists("checkpoints/mine/checkpoint-10/trainer_state.json") }
    process.signalGroup(SIGINT)
    #expect(try process.wait().status != 0)
    #expect(!project.exists("checkpoints/mine/final"))
    let rest = try make("train", with: ["RUN": "mine", "MAX_STEPS": "4000"])
    #expect(rest.status == 0, "\(rest.log)")
    #expect(rest.log.contains("resuming after step "))
    #expect(rest.stages == ["gpt-finetune"])
  }

  @Test("a new run must say where its posts come from; for a misspelt one there is a suggestion")
  func misspelt() throws {
    try writeOwnExport()
    try train("own")
    let files = try project.tree()
    let new = try make("train", with: ["RUN": "mnie"])
    #expect(new.status == 2)
    #expect(
      new.log.hasPrefix(
        "pipeline.mk: mnie is a new run; say where its posts come from, such as EXPORT=@channel; "
          + "the runs so far: mine; did you mean mine?\n"))
    for goal in ["sample", "show"] {
      let sample = try make(goal, with: ["RUN": "mnie"])
      #expect(sample.status == 2)
      #expect(
        sample.log.hasPrefix(
          "pipeline.mk: there is no run mnie; the runs so far: mine; did you mean mine?\n"))
    }
    let variable = try make("train", with: ["RUN": "mine", "EXPROT": "other"])
    #expect(variable.status == 2)
    #expect(
      variable.log.contains("'EXPROT' is not a variable of the pipeline; did you mean EXPORT?"))
    #expect(try project.tree() == files)
  }

  @Test("posts that are replaced are kept, and a finished model until its successor is whole")
  func replaced() throws {
    try writeOwnExport()
    try train("own")
    let posts = try project.folder.bytes(of: "data/raw/mine.jsonl")
    try writeExport(["СОБАКА\\n@\\nЛАЕТ"], to: "wrong/result.json")
    let failed = try make("train", with: ["RUN": "mine", "EXPORT": "wrong", "HEADS": "3"])
    #expect(failed.status == 2)
    #expect(try project.folder.bytes(of: "data/raw/mine.previous.jsonl") == posts)
    #expect(project.exists("checkpoints/mine/final/model.safetensors"))
    #expect(try make("train", with: ["RUN": "mine"]).status == 0)
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") == posts)
  }

  @Test("an update without anything new trains nothing, and one with something new trains on it")
  func update() throws {
    func variables(_ server: PreviewServer) -> [String: String] {
      ["DUMP_FLAGS": "--delay 0 --base-url \(server.address)"]
    }
    let first = try PreviewServer(.sample(count: 120))
    try train("@BugurtTest", variables(first))
    let model = try project.modificationTime(of: "checkpoints/mine/final/model.safetensors")
    let known = try project.folder.text(of: "data/raw/mine.jsonl")
    // The channel is remembered, and how it is fetched changes no result.
    let second = try PreviewServer(.sample(count: 120))
    let asked = variables(second).merging(["RUN": "mine"]) { $1 }
    #expect(try make("train", with: asked).output == nothingToDo)
    #expect(second.requests.isEmpty)
    let nothingNew = try make("update", "train", with: asked)
    #expect(nothingNew.stages == ["tg-dump"], "\(nothingNew.log)")
    #expect(try project.modificationTime(of: "checkpoints/mine/final/model.safetensors") == model)

    let third = try PreviewServer(.sample(count: 150))
    let updated = try make(
      "-j2", "update", "train", with: variables(third).merging(["RUN": "mine"]) { $1 })
    #expect(updated.stages == Array(programs.dropLast()), "\(updated.log)")
    #expect(updated.log.contains("the earlier run differs: the training data is different"))
    #expect(try project.folder.text(of: "data/raw/mine.jsonl").hasPrefix(known))
    #expect(try project.modificationTime(of: "checkpoints/mine/final/model.safetensors") != model)
    #expect(!project.exists("checkpoints/mine.previous"))
  }

  @Test("posts that were deleted in the channel survive a mistake in EXPORT")
  func deletedPosts() throws {
    func flags(_ server: PreviewServer) -> [String: String] {
      ["RUN": "mine", "DUMP_FLAGS": "--delay 0 --base-url \(server.address)"]
    }
    func dump(_ variables: [String: String]) throws -> Ended { try make("dump", with: variables) }
    let whole = try PreviewServer(.sample(count: 60))
    #expect(
      try dump(flags(whole).merging(["EXPORT": "t.me/BugurtTest"]) { $1 }).status == 0)
    let posts = try project.folder.bytes(of: "data/raw/mine.jsonl")
    var channel = PreviewChannel.sample(count: 60)
    channel.messages.removeAll { $0.id < 40 }
    let cut = try PreviewServer(channel)
    #expect(try dump(flags(cut).merging(["EXPORT": "@nobody"]) { $1 }).status == 2)
    #expect(
      try dump(flags(cut).merging(["EXPORT": "@bugurttest"]) { $1 }).output
        == "make: Nothing to be done for 'dump'.\n")
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") == posts)
    // Another channel, and back.
    channel.name = "Other"
    let other = try PreviewServer(channel)
    let replaced = try dump(flags(other).merging(["EXPORT": "@other"]) { $1 })
    #expect(replaced.status == 0, "\(replaced.log)")
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") != posts)
    #expect(try dump(flags(cut).merging(["EXPORT": "@BugurtTest"]) { $1 }).status == 0)
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") == posts)
  }

  @Test("posts behind a link to another place are kept and replaced there")
  func linkedPosts() throws {
    try writeOwnExport()
    let disk = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: project.folder.path("data/raw"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: project.folder.path("data/raw/mine.jsonl"),
      withDestinationPath: disk.path("posts.jsonl"))
    for export in ["own", "data/fixture", "own"] {
      let run = try make("dump", with: ["RUN": "mine", "EXPORT": export])
      #expect(run.status == 0, "\(run.log)")
    }
    #expect(try disk.names() == ["posts.jsonl"])
    #expect(try project.folder.text(of: "data/raw/mine.previous.jsonl").count > 100_000)
  }

  @Test("a dump that is killed while it replaces posts leaves them, or what they were made with")
  func killedDump() throws {
    try writeOwnExport()
    #expect(try make("dump", with: ["RUN": "mine", "EXPORT": "own"]).status == 0)
    let posts = try project.folder.bytes(of: "data/raw/mine.jsonl")
    let stamp = try project.folder.text(of: "data/raw/mine.settings")
    func kill(replacing: Bool) throws {
      try project.folder.write(posts, to: "data/raw/mine.kept.jsonl")
      try project.folder.write(stamp, to: "data/raw/mine.kept.settings")
      try project.folder.write("EXPORT=? (being replaced)\n", to: "data/raw/mine.settings")
      if replacing { try project.folder.write("{}\n", to: "data/raw/mine.jsonl") }
    }
    try kill(replacing: false)
    #expect(
      try make("dump", with: ["RUN": "mine"]).output == "make: Nothing to be done for 'dump'.\n")
    try kill(replacing: true)
    let again = try make("dump", with: ["RUN": "mine"])
    #expect(again.status == 0, "\(again.log)")
    #expect(try project.folder.bytes(of: "data/raw/mine.jsonl") == posts)
    #expect(
      try project.tree("data/raw") == [
        "mine.jsonl", "mine.previous.jsonl", "mine.previous.settings", "mine.settings",
      ])
  }

  @Test("a model in the folder of the run that would replace it is refused")
  func ownModel() throws {
    try writeOwnExport()
    try train("own")
    let run = try make("train", with: ["RUN": "mine", "MODEL": "checkpoints/mine/final"])
    #expect(run.status == 2)
    #expect(run.log.contains("is in the run that would replace it; give RUN another name"))
  }

  @Test("while a new training has no model yet, the earlier one is sampled")
  func sampleOfEarlier() throws {
    try writeOwnExport()
    try train("own")
    try project.folder.write("", to: "checkpoints/mine.previous/x")
    try FileManager.default.moveItem(
      atPath: project.folder.path("checkpoints/mine/final"),
      toPath: project.folder.path("checkpoints/mine.previous/final"))
    let sample = try make("sample", with: ["RUN": "mine", "COUNT": "1"])
    #expect(sample.status == 0, "\(sample.log)")
    #expect(
      sample.log.hasPrefix("pipeline.mk: mine is not finished; this is the earlier model, "))
    #expect(!sample.output.isEmpty)
  }
}
