import Foundation
import TestSupport
import Testing

/// What goes to standard output, and what does not.
@Suite("standard output")
struct StandardOutputTests {
  @Test("carries results only")
  func results() throws {
    let project = try Project.finished()
    let posts = "data/raw/fixture.jsonl"
    let dump = try project.run("tg-dump", ["data/fixture/result.json"])
    #expect(dump.output == (try project.folder.text(of: posts)))
    #expect(dump.log.hasPrefix("tg-dump: Бугурты к чаю (public_channel 1500100900)\n"))
    let text = try project.folder.text(of: "data/clean/fixture.txt")
    for (argument, input) in [(posts, "/dev/null"), ("-", project.folder.path(posts))] {
      let clean = try project.run("bugurt-clean", [argument], input: input)
      #expect(clean.output == text)
      #expect(clean.log.hasPrefix("posts in "))
    }
    let encode = try project.run(
      "bpe-encode", ["data/clean/fixture.txt", "-o", "out", "--vocab-size", "300"])
    #expect(encode.output == "")
    let train = try project.run(
      "gpt-finetune",
      ["out", "-o", "run", "--layers=1", "--width=16", "--heads=2", "--max-steps=2", "--threads=1"])
    #expect(train.output == "run/final\n")
    let sample = try project.run("gpt-sample", ["run/final", "-p", "кот", "--max-length=5"])
    #expect(sample.output.hasPrefix("КОТ"))
    #expect(sample.log == "")
    let logits = try project.run("gpt-sample", ["run/final", "-p", "кот", "--logits"])
    let json = try JSONSerialization.jsonObject(with: Data(logits.output.utf8)) as? [String: Any]
    #expect((json?["logits"] as? [Double])?.count == 300)
    let steps = json?["processed"] as? [[String: Any]]
    #expect(steps?.map { $0["processor"] as? String } == ["top_k"])
    // What is ruled out is null.
    #expect((steps?.first?["logits"] as? [Any])?.count { $0 is Double } == 50)
  }

  @Test(
    "closed streams stay closed: nothing that belongs there gets into a file", arguments: [1, 2])
  func closed(_ stream: Int) throws {
    let project = try Project.finished()
    let program = try builtProgram("gpt-sample")
    func write(_ options: String, _ redirections: String) throws -> Ended {
      let command =
        "\"$0\" checkpoints/fixture/final -n 2 --max-length=9 \(options) \(redirections)"
      return try Subprocess("bash", ["-c", command, program], in: project.folder.path).wait()
    }
    #expect(try write("-o open.txt", "").status == 0)
    #expect(try write("-o closed.txt", "<&- \(stream)>&-").status == 0)
    let text = try project.folder.text(of: "open.txt")
    #expect(try project.folder.text(of: "closed.txt") == text && !text.isEmpty)
    #expect(try write("", ">&-").status == 74)
  }

  @Test("has a greedy text alone; the log says that it is one")
  func greedy() throws {
    let project = try Project.finished()
    let arguments = ["checkpoints/fixture/final", "--temperature=0", "--prompt=КОТ"]
    let one = try project.run("gpt-sample", arguments)
    #expect(
      one.log == "gpt-sample: temperature 0: the most likely token each time, whatever the seed\n")
    #expect(try project.run("gpt-sample", arguments + ["--seed=9"]).output == one.output)
  }

  @Test("has none of the bad words of a file")
  func badWords() throws {
    let project = try Project.finished()
    let arguments = ["checkpoints/fixture/final", "--prompt=КОТ", "--top-k=0", "--logits"]
    func ruledOut(_ more: [String]) throws -> Int {
      let output = try project.run("gpt-sample", arguments + more).output
      let json = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
      let steps = json?["processed"] as? [[String: Any]]
      return (steps?.first?["logits"] as? [Any])?.count { $0 is NSNull } ?? 0
    }
    // Letters are tokens, and `@` after a blank is one.
    try project.folder.write("\n  @\t\nq\n", to: "words.txt")
    #expect(try ruledOut([]) == 0)
    #expect(try ruledOut(["--bad-words=words.txt", "--keep-case"]) >= 2)
    let missing = try project.run("gpt-sample", arguments + ["--bad-words=none"])
    #expect(missing.status == 66)
    #expect(missing.output == "")
    #expect(missing.log.contains("none: cannot open: No such file or directory"))
  }

  @Test("is the same each time")
  func repeatable() throws {
    let project = try Project.finished()
    let arguments = ["checkpoints/fixture/final", "--seed=7"]
    let one = try project.run("gpt-sample", arguments)
    #expect(one.status == 0 && !one.output.isEmpty)
    #expect(try project.run("gpt-sample", arguments + ["--threads=2"]).output == one.output)
    let two = try project.run("gpt-sample", arguments + ["--count=2"])
    #expect(two.output.hasPrefix(one.output))
  }
}
