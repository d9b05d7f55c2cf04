import Foundation
import TestSupport
import Testing

/// What bpe-encode writes does not depend on the number of its threads.
@Suite("bpe-encode with several threads")
struct EncodingThreadsTests {
  let project: Project
  private static let tokenizer = "data/tokens/fixture/tokenizer"

  init() throws {
    project = try Project.finished()
  }

  /// About 3 MB, many blocks: posts of all lengths, one longer than several blocks, with characters
  /// of all kinds, line ends of all kinds, and words of all lengths.
  private func corpus() -> String {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(truncatingIfNeeded: state >> 33) % bound
    }
    let parts = [
      "КОГДА", " КОТ", " @ ", ",", "  ", "it's", "\u{A0}", "😀", "é", "漢字", "12", "\u{301}", "\t",
      "'ll",
    ]
    var text = "\u{FEFF}"
    for line in 0..<12_000 {
      if line == 5000 { text += String(repeating: "БУГУРТ @ ", count: 80_000) }
      if line % 100 == 0 { text += String(repeating: "Ж", count: random(400)) }
      for _ in 0..<random(60) { text += parts[random(parts.count)] }
      text += ["\n", "\n", "\r\n", "\n\n", "\r"][random(5)]
    }
    return text
  }

  /// All files of the folder `name`, with their contents.
  private func files(_ name: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for file in try project.tree(name) where file != "tokenizer" {
      files[file] = try project.folder.bytes(of: "\(name)/\(file)")
    }
    return files
  }

  @Test(
    "gives the same files to the byte",
    arguments: [
      [], ["--validation-fraction", "0.4", "--shard-tokens", "100003"], ["--pack", "continuous"],
      ["--pack", "continuous", "--validation-fraction", "0.4", "--shard-tokens", "70001"],
      ["--allow-special"], ["--pack", "continuous", "--allow-special"],
    ])
  func sameFiles(_ options: [String]) throws {
    try project.folder.write(corpus(), to: "corpus.txt")
    let common = ["corpus.txt", "data/clean/fixture.txt", "--tokenizer", Self.tokenizer] + options
    var expected: [String: [UInt8]]?
    for threads in ["1", "2", "3", "8"] {
      let ended = try project.run("bpe-encode", common + ["-o", "out", "--threads", threads])
      #expect(ended.status == 0, "\(ended.log)")
      let found = try files("out")
      #expect(found["train-00000.bin"] != nil)
      if let expected { #expect(found == expected, "\(threads) threads") }
      expected = found
    }
  }

  @Test("cuts no special token through, in long posts and long texts", arguments: ["1", "2"])
  func specialTokens(threads: String) throws {
    let count = 300_000
    try project.folder.write(String(repeating: "</s>", count: count), to: "corpus.txt")
    for (packing, ends) in [("posts", count + 1), ("continuous", count)] {
      let ended = try project.run(
        "bpe-encode",
        [
          "corpus.txt", "-o", "out", "--tokenizer", Self.tokenizer, "--validation-fraction=0",
          "--pack", packing, "--allow-special", "--threads", threads,
        ])
      #expect(ended.status == 0, "\(ended.log)")
      let decoded = try project.run("bpe-encode", ["--decode", "out/train-00000.bin"])
      #expect(decoded.output == String(repeating: "\n", count: ends))
    }
  }

  @Test("names the first line that is not UTF-8, of several")
  func invalid() throws {
    var bytes = Array(corpus().utf8)
    // At the beginning of two lines, the lead of a character that a line end cuts off.
    var place = 0
    for after in [bytes.count - 1000, bytes.count / 2] {
      place = (bytes[after...].firstIndex(of: 0x0A) ?? 0) + 1
      bytes.replaceSubrange(place..<place, with: [0x61, 0xD0, 0x0A])
    }
    let line = bytes[..<place].reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
    try project.folder.write(bytes, to: "corpus.txt")
    var logs: [[String]] = [[], []]
    for (index, packing) in ["posts", "continuous"].enumerated() {
      for threads in ["1", "2", "8"] {
        let ended = try project.run(
          "bpe-encode",
          [
            "corpus.txt", "--tokenizer", Self.tokenizer, "-o", "out", "--pack", packing,
            "--threads", threads,
          ])
        #expect(ended.status == 65)
        #expect(try project.leftovers() == [])
        logs[index].append(ended.log)
      }
      #expect(Set(logs[index]).count == 1)
      #expect(logs[index][0].contains("corpus.txt: line "))
    }
    #expect(logs[0][0].contains("corpus.txt: line \(line): byte 2 of the line, 0xD0, is not"))
    #expect(logs[1][0].contains(": byte 2 of the line, 0xD0, is not"))
  }
}
