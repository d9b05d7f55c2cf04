import Foundation
import TestSupport
import Testing

/// A run that is trained on the cleaned texts of others.
@Suite("make train FROM='one two'")
struct MixTests {
  private let project: Project

  init() throws {
    project = try Project()
    try writeExport("one", (0..<60).map { "КОТ \($0)\\n@\\nПРИШЁЛ ДОМОЙ \($0 * 7)" })
    try writeExport(
      "two", (0..<30).map { "ПЁС \($0 * $0)\\n@\\nУШЁЛ ИЗ ДОМА" } + ["КОТ 3\\n@\\nПРИШЁЛ ДОМОЙ 21"])
  }

  private func writeExport(_ name: String, _ texts: [String]) throws {
    let messages = texts.enumerated().map { index, text in
      """
      {"id": \(index + 1), "type": "message", "date_unixtime": "\(1_700_000_000 + index)", \
      "text": "\(text)", "text_entities": [{"type": "plain", "text": "\(text)"}]}
      """
    }
    try project.folder.write(
      """
      {"name": "\(name)", "type": "public_channel", "id": 7, "messages": [\(messages.joined(separator: ","))]}
      """, to: "\(name)/result.json")
  }

  /// Runs make with `variables` and no others.
  private func make(_ goals: String..., with variables: [String: String]) throws -> Ended {
    let ended = try Subprocess(
      "make", goals + variables.map { "\($0)=\($1)" }.sorted(), in: project.folder.path
    ).wait()
    #expect(!ended.log.contains("warning: undefined"), "\(ended.log)")
    return ended
  }

  private func dumpBoth() throws {
    for (name, flags) in [("one", ""), ("two", "--rule length.minimum=5")] {
      let made = try make(
        "dump", with: ["RUN": name, "EXPORT": name, "CLEAN_FLAGS": flags])
      try #require(made.status == 0, "\(made.log)")
    }
  }

  @Test("a misspelt tokenizer is noticed before its sources are brought up to date")
  func misspeltTokenizer() throws {
    try dumpBoth()
    let made = try project.make(
      "train", with: ["RUN": "mix", "FROM": "one two", "TOKENIZER": "./mispelt"])
    #expect(made.status == 2 && made.stages == [], "\(made.log)")
    #expect(made.log.contains("bpe-encode: error: ./mispelt"), "\(made.log)")
    #expect(!project.exists("data/clean/one.txt"))
  }

  @Test("cleans each by its own rules, joins them without duplicates, and trains on both")
  func mix() throws {
    try dumpBoth()
    let made = try project.make("train", with: ["RUN": "mix", "FROM": " one  two"])
    try #require(made.status == 0, "\(made.log)")
    #expect(
      made.stages == ["bugurt-clean", "bugurt-clean", "bugurt-clean", "bpe-encode", "gpt-finetune"])
    let text = try project.folder.text(of: "data/clean/mix.txt")
    #expect(text.hasPrefix(try project.folder.text(of: "data/clean/one.txt")))
    #expect(text.split(separator: "\n").count == 90)
    let funnel = try project.folder.text(of: "data/clean/mix.funnel.json").split(separator: "\n")
      .map { $0.drop { $0 == " " } }.joined()
    for source in [
      #""path": "data/clean/one.txt","posts_in": 60,"posts_out": 60,"#,
      #""path": "data/clean/two.txt","posts_in": 31,"posts_out": 30,"#,
    ] {
      #expect(funnel.contains(source), "\(source)")
    }
    #expect(try project.folder.text(of: "data/clean/two.funnel.json").contains(#""length""#))
    for report in ["report.md", "report.html"] {
      let text = try project.folder.text(of: "checkpoints/mix/\(report)")
      #expect(
        text.contains("data/clean/one.txt") && text.contains("data/clean/two.txt"), "\(report)")
    }
    // No variable of the mix has become one of its sources.
    let shown = try make("show", with: ["RUN": "two"]).output.split(separator: "\n")
    #expect(shown.sorted() == ["CLEAN_FLAGS='--rule length.minimum=5'", "EXPORT='two'"])
    #expect(try make("show", with: ["RUN": "mix"]).output.contains("FROM='one two'\n"))
    #expect(!project.exists("data/raw/mix.jsonl"))

    // What follows needs only the name.
    let again = try make("train", with: ["RUN": "mix"])
    #expect(again.status == 0 && again.stages == [], "\(again.log)")
    for goal in ["sample", "score"] {
      let ended = try make(goal, with: ["RUN": "mix", "COUNT": "1"])
      #expect(ended.status == 0, "\(ended.log)")
    }
    #expect(try make("runs", with: [:]).output.contains("\nmix "))
  }

  @Test("runs again what a change in one of them reaches, and no more")
  func changes() throws {
    try dumpBoth()
    let variables = ["RUN": "mix", "FROM": "one two"]
    try #require(try make("clean-text", with: variables).status == 0)
    let text = try project.folder.text(of: "data/clean/mix.txt")
    try project.age()
    let asked = ["RUN": "mix"]
    #expect(try make("clean-text", with: asked).stages == [])
    try project.touch("two/result.json")
    #expect(try make("clean-text", with: asked).stages == ["tg-dump"])
    try writeExport("two", ["ПЁС\\n@\\nВЕРНУЛСЯ ДОМОЙ"])
    let planned = try make("-n", "clean-text", with: asked)
    #expect(planned.stages.first == "tg-dump")
    let changed = try make("-j2", "clean-text", with: asked)
    #expect(changed.stages == ["tg-dump", "bugurt-clean", "bugurt-clean"], "\(changed.log)")
    #expect(try project.folder.text(of: "data/clean/mix.txt") != text)
    // An update is one of the sources.
    #expect(try make("update", with: asked).stages == ["tg-dump", "tg-dump"])
    let other = try make("clean-text", with: ["RUN": "mix", "FROM": "two one"])
    #expect(other.stages == ["bugurt-clean"])
    #expect(try project.folder.text(of: "data/clean/mix.txt").hasPrefix("ПЁС @ ВЕРНУЛСЯ ДОМОЙ\n"))
  }

  @Test(
    "refuses what cannot be a source, with a suggestion, and variables about posts of its own",
    arguments: [
      (
        ["FROM": "one twoo"],
        "FROM: there is no run twoo; there are: fixture one two; did you mean two?"
      ),
      (["FROM": "one one"], "FROM: one is named twice"),
      (["FROM": "one mix"], "FROM: there is no run mix; there are: fixture one two"),
      (["FROM": "one a/b"], "FROM: there is no run a/b; there are: fixture one two"),
      (["FROM": "one two", "EXPORT": "one"], "RUN=mix has both FROM='one two' and EXPORT"),
      (["FROM": "one two", "NEWS": "line"], "RUN=mix has both FROM='one two' and NEWS"),
      (["FROM": "one two", "RUN": "fixture"], "RUN=fixture has both FROM='one two' and EXPORT"),
    ])
  func refused(_ variables: [String: String], _ problem: String) throws {
    try dumpBoth()
    let files = try project.tree()
    let ended = try make("train", with: ["RUN": "mix"].merging(variables) { $1 })
    #expect(ended.status == 2)
    #expect(ended.log.contains(problem), "\(ended.log)")
    #expect(try project.tree() == files)
  }

  @Test("refuses a mix as a source")
  func mixOfMix() throws {
    try dumpBoth()
    try #require(try make("clean-text", with: ["RUN": "mix", "FROM": "one two"]).status == 0)
    let ended = try make("train", with: ["RUN": "more", "FROM": "mix one"])
    #expect(ended.log.contains("FROM: mix is made from other runs itself"), "\(ended.log)")
  }
}
