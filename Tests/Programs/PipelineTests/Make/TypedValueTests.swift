import Foundation
import TestSupport
import Testing

/// The value of a variable reaches the programs as it was typed, and is never executed.
@Suite("values as they are typed")
struct TypedValueTests {
  let project: Project

  init() throws {
    project = try Project()
  }

  private func make(
    _ goals: String..., with variables: [String: String], environment: [String: String] = [:]
  ) throws -> Ended {
    try Subprocess(
      "make", goals + variables.map { "\($0)=\($1)" }, in: project.folder.path,
      environment: Subprocess.environment.merging(environment) { $1 }
    ).wait()
  }

  @Test(
    "names of exports",
    arguments: [
      "ChatExport 12:30", "a;b", "a|b", "price$5", "$(HOME) ${x}", "-dash", "a#b", "100%", "a&b",
      "*?[x]", "it's", "\"so\"", "`id`", "back\\slash", "a\\", "КОТ ЁЖ", "(1)", "a=b", "a,b", "~x",
      "two\nlines", "endef x", "define x\nendef", "!x", "{a,b}", "<a>", "a%:b",
    ])
  func exports(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: project.folder.path(name), withIntermediateDirectories: false)
    try project.copy("data/fixture/result.json", to: "\(name)/result.json")
    for export in [name, "\(name)/result.json"] {
      let dump = try make("dump", with: ["RUN": "odd", "EXPORT": export])
      #expect(dump.status == 0, "\(dump.log)")
      #expect(dump.log.contains("594 posts written"))
      // The same file, remembered as it was typed.
      let again = try make("dump", with: ["RUN": "odd"])
      #expect(again.output == "make: Nothing to be done for 'dump'.\n", "\(again.log)")
      #expect(try make("help", with: ["EXPORT": export]).status == 0)
      try project.remove("data/raw/odd.jsonl")
    }
    let environment = try make("dump", with: ["RUN": "odd"], environment: ["EXPORT": name])
    #expect(environment.stages == ["tg-dump"], "\(environment.log)")
  }

  @Test("a leading tilde is the home folder, in EXPORT, MODEL, TOKENIZER and the flags")
  func tilde() throws {
    let home = project.folder.path("home of me")
    let environment = ["HOME": home]
    try FileManager.default.createDirectory(
      atPath: home + "/export", withIntermediateDirectories: true)
    try project.copy("data/fixture/result.json", to: "home of me/export/result.json")
    let variables = Project.tiny.merging(["RUN": "mine", "EXPORT": "~/export"]) { $1 }
    let first = try make("train", with: variables, environment: environment)
    #expect(first.status == 0, "\(first.log)")
    try project.copy("checkpoints/mine/final", to: "home of me/model")
    let tuned = try make(
      "train", with: ["RUN": "mine", "MODEL": "~/model", "MAX_STEPS": "2", "WARMUP_STEPS": "1"],
      environment: environment)
    #expect(tuned.status == 0, "\(tuned.log)")
    #expect(tuned.log.contains("gpt-finetune: reading \(home)/model\n"))
    let sample = try make(
      "sample", with: ["RUN": "mine", "COUNT": "1", "SAMPLE_FLAGS": "--prompts ~/prompts"],
      environment: environment)
    #expect(sample.log.contains("\(home)/prompts: cannot open"))
  }

  @Test("a prompt reaches the model as it was typed")
  func prompts() throws {
    let project = try Project.finished()
    for prompt in [
      "КУПИЛ ЗА 100$ КОТА", "ЦЕНА $5", "$(HOME) МОЙ", "$$", "#1", "  КОТ", "КОТ  ", "'", "\"",
      "`id`", "$(id)", "a;b&c|d", "\\", "\\n", "%s", "-x", "--help", "!", "*", "~", "Ы=Ы",
    ] {
      let run = try Subprocess(
        "make",
        [
          "sample", "PROMPT=\(prompt)", "COUNT=1",
          "SAMPLE_FLAGS=--keep-case --json --temperature 0 --max-length 30",
        ], in: project.folder.path
      ).wait()
      #expect(run.status == 0, "\(run.log)")
      let text = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
      #expect(text?["prompt"] as? String == prompt)
    }
  }

  @Test(
    "what cannot name a run is refused with the reason",
    arguments: [
      ("", "it is empty"), ("a b", "there is a blank in it"), ("a\nb", "there is a blank in it"),
      ("a/b", "there is a '/' in it"), ("../x", "it begins with '.'"), ("-x", "it begins with '-'"),
      ("a;touch x", "there is a blank in it"), ("a;b", "there is a ';' in it"),
      ("$(shell touch x)", "there is a blank in it"), ("$x", "there is a '$' in it"),
      ("a:b", "there is a ':' in it"), ("a%b", "there is a '%' in it"),
      ("a#b", "there is a '#' in it"), ("`x`", "there is a '`' in it"),
      ("~", "there is a '~' in it"),
      ("mine.previous", "such names are taken"), ("mine.settings", "such names are taken"),
      (String(repeating: "a", count: 300), "it is too long"),
    ])
  func runs(_ name: String, _ reason: String) throws {
    let files = try project.tree()
    for goal in ["train", "sample", "help"] {
      let run = try make(goal, with: ["RUN": name, "EXPORT": "data/fixture"])
      #expect(run.status == 2)
      #expect(run.log.contains(" cannot name a run: \(reason); use letters, digits and "))
    }
    #expect(try project.tree() == files)
  }

  @Test("a run may have a name in Cyrillic, with dots, dashes and the like")
  func runNames() throws {
    for name in ["кот", "bugurt-2.1_b+@x", "2021"] {
      let run = try make("dump", with: ["RUN": name, "EXPORT": "data/fixture"])
      #expect(run.status == 0, "\(run.log)")
      #expect(project.exists("data/raw/\(name).jsonl"))
    }
  }

  @Test("quotes keep words of the flags together, and an open quote is an error")
  func flags() throws {
    let quoted = try make(
      "dump", with: ["DUMP_FLAGS": #"--fields 'views,reactions' --from "2019-09-03 ""#])
    #expect(quoted.log.contains("--from"))
    let open = try make("dump", with: ["DUMP_FLAGS": "--fields 'views"])
    #expect(open.status == 2)
    #expect(open.log.contains("pipeline.mk: a quote is not closed in: --fields 'views\n"))
    let executed = try make("dump", with: ["DUMP_FLAGS": "--fields $(touch x) ;touch x `touch x`"])
    #expect(executed.status == 2)
    #expect(!project.exists("x"))
  }

  @Test("flags that only show something are refused, because no file would be made")
  func help() throws {
    for (goal, name) in [("dump", "DUMP_FLAGS"), ("clean-text", "CLEAN_FLAGS")] {
      for flag in ["-h", "--help", "--version"] {
        let run = try make(goal, with: [name: flag])
        #expect(run.status == 2)
        #expect(
          run.log.contains("pipeline.mk: make cannot be used for \(flag); run the program itself"))
      }
    }
  }
}
