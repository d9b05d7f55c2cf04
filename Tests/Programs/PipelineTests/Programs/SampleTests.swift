import Foundation
import TestSupport
import Testing

/// What `gpt-sample` gives out, and what it tells of it.
@Suite("gpt-sample")
struct SampleTests {
  private let project: Project
  private static let model = "checkpoints/fixture/final"

  init() throws {
    project = try Project.finished()
  }

  private func run(_ arguments: String..., input: String = "/dev/null") throws -> Ended {
    try project.run("gpt-sample", [Self.model] + arguments, input: input)
  }

  private func objects(_ output: String) throws -> [[String: Any]] {
    try output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test("formats: lines, one line, the tokens as they are")
  func formats() throws {
    let original = try run("-n", "3").output
    let plain = try run("-n", "3", "--format", "plain").output
    #expect(plain.split(separator: "\n").count == 3)
    #expect(
      original.split(separator: "\n\n").map { $0.split(separator: "\n").joined(separator: " ") }
        .allSatisfy { !$0.isEmpty })
    let raw = try run("--format", "raw", "-p", "").output
    #expect(raw.hasPrefix("</s>"))
  }

  @Test("JSON has everything about a bugurt on one line")
  func json() throws {
    let texts = try objects(try run("-p", "кот", "-n", "3", "--seed", "7", "--json").output)
    let shown = try run("-p", "кот", "-n", "3", "--seed", "7").output
    #expect(texts.compactMap { $0["text"] as? String }.joined(separator: "\n\n") + "\n" == shown)
    #expect(texts.compactMap { $0["number"] as? Int } == [0, 1, 2])
    for text in texts {
      #expect(text["prompt"] as? String == "кот")
      #expect(text["seed"] as? Int == 7)
      let tokens = try #require(text["tokens"] as? [Int])
      let sum = try #require(text["log_probability"] as? Double)
      let mean = try #require(text["mean_log_probability"] as? Double)
      #expect(abs(sum / Double(tokens.count) - mean) < 1e-9)
      #expect(["end_of_text", "length"].contains(text["finish_reason"] as? String))
    }
  }

  @Test("a byte order mark is no part of a text, whatever file or argument it comes with")
  func byteOrderMark() throws {
    for (name, mark) in [("plain", ""), ("marked", "\u{FEFF}")] {
      try project.folder.write("\(mark)КОТ\r\nДОМ\r\n", to: name)
    }
    for option in ["--score", "--prompts", "--bad-words"] {
      let marked = try run(option, "marked")
      #expect(marked.status == 0)
      #expect(try marked.output == run(option, "plain").output)
    }
    let packed = try Subprocess.run("gzip", ["-k", "marked"], in: project.folder.path)
    try #require(packed.status == 0)
    #expect(try run("--score", "marked.gz").output == run("--score", "plain").output)
    #expect(
      try run("--score", "-", input: project.folder.path("marked")).output
        == run("--score", "plain").output)

    let expected = try run("-p", "КОТ").output
    #expect(try run("-p", "\u{FEFF}КОТ").output == expected)
    #expect(try run("-p", "КОТ\r").output == expected)
    #expect(
      try run("--interactive", input: project.folder.path("marked")).output
        == run("--interactive", input: project.folder.path("plain")).output)
    #expect(
      try run("--bad-word", "\u{FEFF}К", "-n", "4").output
        == run("--bad-word", "К", "-n", "4").output)
    // In the midst of a text it is a character.
    #expect(try run("-p", "КОТ\u{FEFF}", "--json").output.contains("\u{FEFF}"))
  }

  @Test("text in another encoding is refused, with the remedy")
  func otherEncodings() throws {
    let utf16 = Array("\u{FEFF}КОТ\n".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    try project.folder.write(utf16, to: "words.txt")
    for option in ["--score", "--prompts", "--bad-words"] {
      let ended = try run(option, "words.txt")
      #expect(ended.status == 65 && ended.output == "")
      #expect(
        ended.log.contains(
          "words.txt: this is text in UTF-16LE; expected UTF-8: convert it (iconv -f UTF-16 -t UTF-8 "
            + "'words.txt' > 'words.utf8.txt')\n"), "\(ended.log)")
    }
    try project.folder.write(
      [0xCA, 0xCE, 0xD2, 0x20, 0xC4, 0xCE, 0xCC, 0xC0, 0x0A], to: "words.txt")
    for option in ["--score", "--prompts", "--bad-words"] {
      let ended = try run(option, "words.txt")
      #expect(ended.status == 65 && ended.output == "")
      #expect(
        ended.log.contains(
          "words.txt: line 1: the line is not UTF-8; it looks like CP1251, which is a guess "
            + "based on its letters"
        ),
        "\(ended.log)")
    }
    let typed = try run("--interactive", input: project.folder.path("words.txt"))
    #expect(typed.status == 0 && typed.output == "")
    #expect(typed.log.contains("warning: the prompt is not UTF-8 and is left out\n"))
  }

  @Test("each prompt of a file gives what it gives alone")
  func prompts() throws {
    let file = try project.folder.write("кот\n\nдом", to: "prompts")
    let expected =
      try run("-p", "кот", "-n", "2").output + "\n" + run("-n", "2").output + "\n"
      + run("-p", "дом", "-n", "2").output
    #expect(try run("--prompts", file, "-n", "2").output == expected)
    #expect(try run("--prompts", "-", "-n", "2", "--batch", "1", input: file).output == expected)
  }

  @Test("the best of several candidates is one of them")
  func best() throws {
    let all = try objects(try run("-p", "кот", "-n", "8", "--json").output)
    let best = try objects(try run("-p", "кот", "-n", "2", "--best-of", "4", "--json").output)
    for (index, text) in best.enumerated() {
      let means = all[index * 4..<index * 4 + 4].compactMap {
        $0["mean_log_probability"] as? Double
      }
      #expect(text["mean_log_probability"] as? Double == means.max())
    }
  }

  @Test("without a prompt texts begin with first words of the corpus, or as the model begins")
  func defaultPrompt() throws {
    let posts = try project.folder.text(of: "data/clean/fixture.txt").split(separator: "\n")
    let first = Set(posts.compactMap { $0.split(separator: " ").first.map(String.init) })
    let texts = try objects(try run("-n", "5", "--json").output)
    let words = texts.compactMap { $0["prompt"] as? String }
    #expect(words.allSatisfy(first.contains))
    #expect(Set(words).count > 1)
    for text in try objects(try run("-n", "40", "--json", "--format", "raw").output) {
      let (prompt, written) = (
        try #require(text["prompt"] as? String), try #require(text["text"] as? String)
      )
      // A word that is longer than the model's context is cut off.
      guard written.unicodeScalars.starts(with: prompt.unicodeScalars) else { continue }
      // Scalars, because a space and a mark after it are one character.
      let rest = written.unicodeScalars.dropFirst(prompt.unicodeScalars.count)
      let isNext = rest.first.map { " \n\t\r".unicodeScalars.contains($0) } ?? true
      #expect(isNext || String(rest).hasPrefix("</s>"), "\(written)")
      #expect(!written.contains("\u{FFFD}"))
    }
    let own = try run("-n", "5", "-p", "").output
    #expect(try run("-n", "5").output != own)
    try project.remove("data/tokens/fixture")
    #expect(try run("-n", "5").output == own)
    let missing = try run("--corpus", "data/tokens/fixture")
    #expect(missing.status == 66)
  }

  @Test("the file appears whole or not at all, and some of it is shown")
  func output() throws {
    let printed = try run("-n", "5").output
    let part = try run("-n", "5", "-o", "out/texts.txt", "--show", "2")
    #expect(try project.folder.text(of: "out/texts.txt") == printed)
    #expect(try part.output == run("-n", "2").output)
    #expect(part.log.contains("gpt-sample: wrote 5 texts, "))
    let failed = try run("-n", "5", "-o", "out/other.txt", "--filter", "--no-end-of-text")
    #expect(failed.status == 65)
    #expect(!project.exists("out/other.txt"))
    #expect(try project.leftovers() == [])
  }

  @Test("the filter says what it compares with, and gives up with what it dropped")
  func filter() throws {
    let failed = try run("-n", "2", "--filter", "--no-end-of-text", "--max-length", "4")
    #expect(failed.status == 65)
    #expect(failed.output == "")
    #expect(
      failed.log.contains("gpt-sample: --filter: compared with ")
        && failed.log.contains(" posts of data/tokens/fixture\n"))
    #expect(
      failed.log.hasSuffix(
        "\(Self.model): --filter left 0 of 100 bugurts (100 not ended by the model), fewer than the "
          + "2 asked for; train longer, raise --max-length, or leave --filter out\n"))
    try project.remove("data/tokens/fixture")
    let blind = try run("-n", "2", "--filter", "--no-end-of-text", "--max-length", "4")
    #expect(blind.log.contains("warning: --filter: no token shards beside the model, so copies"))
  }

  @Test("the speed is reported for several texts, not for one, and not with --quiet")
  func report() throws {
    #expect(try run().log == "")
    let several = try run("-n", "3").log
    let pattern = #/gpt-sample: wrote 3 texts, [\d,]+ tokens in [\d.]+ s \([\d,.]+ tokens/s\)\n/#
    #expect(several.wholeMatch(of: pattern) != nil, "\(several)")
    #expect(try run("-n", "3", "--quiet").log == "")
  }

  @Test("a score is the mean log-probability of a line behind an end of text, its end included")
  func score() throws {
    let file = try project.folder.write(
      "КОТ @ ДОМ\n\nдом\n" + String(repeating: "Ж", count: 50) + "\n", to: "lines.txt")
    let table = try run("--score", file)
    #expect(table.status == 0)
    let rows = table.output.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false)
    }
    #expect(rows.map { $0[0] } == ["1", "3", "4", "all"])
    #expect(
      table.log.hasPrefix("gpt-sample: warning: \(file): line 4: ")
        && table.log.hasSuffix(
          " tokens, including its end, are more than the model's context of 32; the rest is not scored\n"
        )
    )
    let objects = try objects(try run("--score", file, "--json").output)
    let sums = objects.compactMap { $0["log_probability"] as? Double }
    #expect(abs(sums.dropLast().reduce(0, +) - (sums.last ?? 0)) < 1e-6)
    for (row, object) in zip(rows, objects) {
      let perplexity = try #require(object["perplexity"] as? Double)
      #expect(abs((Double(row[3]) ?? 0) - perplexity) < 0.006)
      let bits = try #require(object["bits_per_byte"] as? Double)
      #expect(abs((Double(row[4]) ?? 0) - bits) < 0.0006)
      let mean = try #require(object["mean_log_probability"] as? Double)
      #expect(abs(perplexity - exp(-mean)) < 1e-9 * perplexity)
    }
  }

  @Test(
    "the texts of a seed are the same, whatever the threads, the batch and how many are asked for",
    arguments: ["fp32", "bf16", "int8", "int4"])
  func sameTexts(weights: String) throws {
    func texts(_ arguments: String...) throws -> [Substring] {
      let options = ["--json", "--seed", "5", "--top-p", "0.95", "--weights", weights]
      let ended = try project.run("gpt-sample", [Self.model] + options + arguments)
      return ended.output.split(separator: "\n")
    }
    let expected = try texts("-n", "20", "--threads", "1", "--batch", "1")
    #expect(Set(expected).count == 20)
    for batch in ["1", "7", "64"] {
      for threads in ["1", "2", "3"] {
        #expect(try texts("-n", "20", "--threads", threads, "--batch", batch) == expected)
      }
      #expect(try texts("-n", "3", "--batch", batch) == Array(expected.prefix(3)))
    }
  }

  @Test("greedy choice says so")
  func greedy() throws {
    let ended = try run("-p", "кот", "--temperature", "0")
    #expect(
      ended.log
        == "gpt-sample: temperature 0: the most likely token each time, whatever the seed\n")
    #expect(try run("-p", "кот", "--temperature", "0", "--seed", "7").output == ended.output)
  }
}
