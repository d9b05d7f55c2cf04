import Foundation
import TestSupport
import Testing

/// What bpe-encode shows and checks, and how it takes bytes that are not UTF-8.
@Suite("bpe-encode's other modes")
struct EncodeModesTests {
  let project: Project

  init() throws {
    project = try Project.finished()
  }

  private static let tokens = "data/tokens/fixture"
  private static let shard = "data/tokens/fixture/train-00000.bin"

  private func encode(_ arguments: [String], input: String = "/dev/null") throws -> Ended {
    try project.run("bpe-encode", arguments, input: input)
  }

  /// The text that the shards of `folder` hold, training first.
  private func decoded(_ folder: String) throws -> String {
    try project.tree(folder).filter { $0.hasSuffix(".bin") }.map { name in
      let ended = try encode(["--decode", "\(folder)/\(name)"])
      #expect(ended.status == 0 && ended.log == "")
      return ended.output
    }.joined()
  }

  @Test("--inspect shows tokens by index, id, length and text, separated by tabs")
  func inspect() throws {
    let text = "@\n😀\t</s>"
    let ended = try encode(["--inspect", text, "--tokenizer", Self.tokens])
    #expect(ended.status == 0)
    #expect(ended.log == "")
    let rows = ended.output.split(separator: "\n").map { $0.split(separator: "\t") }
    #expect(rows.allSatisfy { $0.count == 4 })
    #expect(rows.map { Int($0[0]) } == Array(0..<rows.count))
    #expect(rows.compactMap { Int($0[2]) }.reduce(0, +) == text.utf8.count)
    // The small vocabulary has no emoji, and a name that was typed is no token.
    #expect(
      rows.map { $0[3] } == [
        "@", "\\n", "<F0>", "<9F>", "<98>", "<80>", "\\t", "<", "/", "s", ">",
      ])

    try project.folder.write(text, to: "text")
    let arguments = ["--inspect", "-", "--tokenizer", "\(Self.tokens)/tokenizer"]
    #expect(try encode(arguments, input: project.folder.path("text")).output == ended.output)
    let special = try encode(arguments + ["--allow-special"], input: project.folder.path("text"))
    #expect(special.output.split(separator: "\n").last?.hasSuffix("\t2\t4\t</s>") == true)
    #expect(try encode(["--inspect", "", "--tokenizer", Self.tokens]).output == "")

    try project.folder.write([0x61, 0x0A, 0x62, 0xD0], to: "text")
    let broken = try encode(arguments, input: project.folder.path("text"))
    #expect(broken.status == 65)
    #expect(broken.log.hasPrefix("bpe-encode: error: -: line 2: byte 2 of the line, 0xD0, is not "))
  }

  @Test("--inspect is a table on a terminal, dim at its head unless NO_COLOR forbids it")
  func inspectTable() throws {
    func output(_ variables: [String: String]) throws -> String {
      var (terminal, other): (Int32, Int32) = (-1, -1)
      try #require(openpty(&terminal, &other, nil, nil, nil) == 0)
      defer { [terminal, other].forEach { close($0) } }
      let name = String(cString: try #require(ttyname(other)))
      let process = try Subprocess(
        try builtProgram("bpe-encode"), ["--inspect", "@", "--tokenizer", Self.tokens],
        in: project.folder.path, output: name,
        environment: Subprocess.environment.merging(variables) { $1 })
      #expect(try process.wait().status == 0)
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = read(terminal, &buffer, buffer.count)
      return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
    let plain = try output(["TERM": "xterm", "NO_COLOR": "1"])
    let lines = plain.split(separator: "\r\n")
    #expect(lines.count == 2)
    #expect(lines.first == "token  id  bytes  text")
    #expect(lines.last?.hasSuffix("      1  @") == true)
    let colored = try output(["TERM": "xterm"])
    #expect(colored.hasPrefix("\u{1B}[2mtoken  id  bytes  text\u{1B}[0m\r\n"))
  }

  @Test("--decode gives the corpus back, whole and in parts")
  func decode() throws {
    let corpus = try project.folder.text(of: "data/clean/fixture.txt")
    #expect(
      try decoded(Self.tokens).split(separator: "\n").sorted()
        == corpus.split(separator: "\n").sorted())
    let whole = try encode(["--decode", Self.shard]).output
    #expect(try encode(["--decode", Self.shard, "--range", ".."]).output == whole)
    let first = try encode(["--decode", Self.shard, "--range", "..100"]).output
    #expect(whole.hasPrefix(first.split(separator: "\u{FFFD}").first ?? "no"))
    #expect(try encode(["--decode", Self.shard, "--range=7..7"]).output == "")

    let manifest = try project.folder.text(of: "\(Self.tokens)/manifest.json")
    let count = try #require(
      manifest.firstMatch(of: /"tokens": (\d+)/).flatMap { Int($0.1) })
    let last = try encode(["--decode", Self.shard, "--range", "\(count - 1).."])
    #expect(last.output == "\n")
    let outside = try encode(["--decode", Self.shard, "--range", "..\(count + 1)"])
    #expect(outside.status == 64)
    #expect(
      outside.log.hasPrefix(
        "bpe-encode: error: --range: ..\(count + 1) is not within \(Self.shard), which has "
          + "\(count) tokens\n"))
  }

  @Test("--decode needs the tokenizer that a shard was made with")
  func decodeTokenizer() throws {
    try FileManager.default.createDirectory(
      atPath: project.folder.path("alone"), withIntermediateDirectories: false)
    try project.copy(Self.shard, to: "alone/train-00000.bin")
    let alone = try encode(["--decode", "alone/train-00000.bin"])
    #expect(alone.status == 65)
    #expect(alone.output == "")
    #expect(
      alone.log
        == "bpe-encode: error: alone/train-00000.bin: there is no manifest.json beside it that "
        + "leads to its tokenizer; name one with --tokenizer\n")
    let named = try encode(["--decode", "alone/train-00000.bin", "--tokenizer", Self.tokens])
    #expect(named.status == 0 && named.log == "")
    #expect(try named.output == encode(["--decode", Self.shard]).output)

    let other = try encode(["data/clean/fixture.txt", "-o", "other", "--vocab-size", "280"])
    #expect(other.status == 0)
    let wrong = try encode(["--decode", Self.shard, "--range", "..1", "--tokenizer", "other"])
    #expect(wrong.log.contains("warning: other/tokenizer: not the tokenizer that "))
    try project.remove("\(Self.tokens)/tokenizer")
    try project.copy("other/tokenizer", to: "\(Self.tokens)/tokenizer")
    #expect(try encode(["--decode", Self.shard, "--range", "..1"]).status == 65)
  }

  @Test("what a header of llm.c leaves unsaid, the manifest says")
  func undescribedShard() throws {
    let expected = try encode(["--decode", Self.shard]).output
    var bytes = try project.folder.bytes(of: Self.shard)
    bytes.replaceSubrange(12..<1024, with: repeatElement(0, count: 1012))
    try project.folder.write(bytes, to: Self.shard)
    #expect(try encode(["--decode", Self.shard]).output == expected)
    let verified = try encode(["--verify", Self.tokens])
    #expect(verified.status == 0)
    #expect(
      verified.output.contains(
        ": good according to the manifest; its header does not say what the ids mean\n"))

    // Without a manifest the tokenizer knows what ends a text.
    try project.copy("\(Self.tokens)/tokenizer", to: "tokenizer")
    try project.folder.write(bytes, to: "alone/train-00000.bin")
    let alone = try encode(["--decode", "alone/train-00000.bin", "--tokenizer", "tokenizer"])
    #expect(alone.output == expected)
  }

  @Test("--decode and training refuse a shard that is not what the manifest says")
  func contradictingShard() throws {
    var bytes = try project.folder.bytes(of: Self.shard)
    bytes[24] = 3
    try project.folder.write(bytes, to: Self.shard)
    let problem = "\(Self.shard): byte 24: the end of text is 3; manifest.json says 2"
    let decoding = try encode(["--decode", Self.shard])
    #expect(decoding.status == 65 && decoding.output == "")
    #expect(
      decoding.log
        == "bpe-encode: error: \(problem); to decode it anyway, name the tokenizer "
        + "with --tokenizer\n")
    #expect(try encode(["--verify", Self.shard]).log == "bpe-encode: error: \(problem)\n")
    let training = try project.run("gpt-finetune", [Self.tokens, "-o", "out"])
    #expect(training.status == 65 && training.log.contains(problem))
    let named = try encode(["--decode", Self.shard, "--tokenizer", Self.tokens])
    #expect(named.status == 0 && named.log == "bpe-encode: warning: \(problem)\n")
  }

  @Test(
    "--verify compares the tokenizer with the manifest",
    arguments: [
      ("\"vocabulary_size\": 300", "\"vocabulary_size\": 301", "the tokenizer has 300 tokens; "),
      ("\"token\": \"</s>\"", "\"token\": \"<s>\"", "the end of text '<s>' has the id 1; "),
      ("\"token\": \"</s>\"", "\"token\": \"<e>\"", "the end of text '<e>' is not in the "),
    ])
  func verifyManifest(text: String, replacement: String, problem: String) throws {
    let path = "\(Self.tokens)/manifest.json"
    let manifest = try project.folder.text(of: path)
    try project.folder.write(manifest.replacing(text, with: replacement), to: path)
    for name in try project.tree(Self.tokens).filter({ $0.hasSuffix(".bin") }) {
      var bytes = try project.folder.bytes(of: "\(Self.tokens)/\(name)")
      bytes.replaceSubrange(12..<1024, with: repeatElement(0, count: 1012))
      try project.folder.write(bytes, to: "\(Self.tokens)/\(name)")
    }
    let verified = try encode(["--verify", Self.tokens])
    #expect(verified.status == 65)
    #expect(verified.log.contains("error: \(Self.tokens)/tokenizer: \(problem)"), "\(verified.log)")
  }

  @Test("a byte order mark is not part of the file, nor of a post that it begins")
  func byteOrderMark() throws {
    try project.folder.write("КОТ\n\u{FEFF}ПЁС\n", to: "plain.txt")
    try project.folder.write("\u{FEFF}КОТ\n\u{FEFF}ПЁС\n", to: "marked.txt")
    func decoding(_ arguments: [String]) throws -> String {
      let ended = try encode(arguments + ["-o", "out", "--validation-fraction", "0"])
      try #require(ended.status == 0, "\(ended.log)")
      return try decoded("out")
    }
    let options = ["marked.txt", "--tokenizer", Self.tokens, "--pack"]
    #expect(try decoding(options + ["posts"]) == "КОТ\nПЁС\n")
    #expect(try decoding(options + ["continuous"]) == "КОТ\n\u{FEFF}ПЁС\n")
    func learned(_ name: String) throws -> String {
      _ = try decoding([name, "--vocab-size", "270", "--min-frequency", "1"])
      return try project.folder.text(of: "out/tokenizer/merges.txt")
    }
    #expect(try learned("marked.txt") == learned("plain.txt"))
    let inspected = try encode(["--inspect", "КОТ", "--tokenizer", Self.tokens]).output
    #expect(
      try encode(["--inspect", "\u{FEFF}КОТ", "--tokenizer", Self.tokens]).output == inspected)
    try project.folder.write("\u{FEFF}КОТ", to: "text")
    #expect(
      try encode(
        ["--inspect", "-", "--tokenizer", Self.tokens], input: project.folder.path("text")
      ).output == inspected)
  }

  @Test("a vocabulary is learned from the text as it ends, and from each file by itself")
  func endOfFile() throws {
    func merges(_ texts: String...) throws -> [Substring] {
      let names = texts.indices.map { "\($0).txt" }
      for (name, text) in zip(names, texts) { try project.folder.write(text, to: name) }
      let ended = try encode(
        names + ["-o", "out", "--vocab-size", "300", "--min-frequency", "1"]
          + ["--validation-fraction", "0"])
      try #require(ended.status == 0, "\(ended.log)")
      return try project.folder.text(of: "out/tokenizer/merges.txt").split(separator: "\n")
        .dropFirst().map { $0 }
    }
    #expect(try merges("ab ab ") == ["a b", "Ġ ab"])
    #expect(try merges("ab ab \n") == ["a b", "Ġ Ċ", "Ġ ab"])
    #expect(try merges("ab ab ", "ab") == ["a b", "Ġ ab"])
    // What editors add to the end of a line is no part of it.
    #expect(try merges("ab ab \r\n") == ["a b", "Ġ Ċ", "Ġ ab"])
  }

  @Test("--verify names what it found good, and the byte where something is not")
  func verify() throws {
    let good = try encode(["--verify", Self.tokens])
    #expect(good.status == 0)
    #expect(good.log == "")
    let lines = good.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(
      lines[0].wholeMatch(of: /train-00000\.bin: [\d,]+ tokens, CRC 0x[\da-f]{8}: good/) != nil)
    #expect(lines[1].hasPrefix("validation-00000.bin: "))
    #expect(lines[2].wholeMatch(of: /tokenizer: 300 tokens, digest 0x[\da-f]{8}: good/) != nil)
    #expect(lines[3].hasPrefix("manifest.json: train "))
    #expect(try encode(["--verify", Self.shard]).output == lines[0] + "\n")

    for name in ["train-00000.bin", "validation-00000.bin"] {
      var bytes = try project.folder.bytes(of: "\(Self.tokens)/\(name)")
      bytes[1500] ^= 4
      try project.folder.write(bytes, to: "\(Self.tokens)/\(name)")
    }
    let bad = try encode(["--verify", Self.tokens])
    #expect(bad.status == 65)
    #expect(bad.output == "")
    for name in ["train-00000.bin", "validation-00000.bin"] {
      #expect(
        bad.log.contains("error: \(Self.tokens)/\(name): byte 1024: the CRC-32 of the tokens is "))
    }
    #expect(try encode(["--verify", "none"]).status == 66)
    #expect(try encode(["--verify", "data/clean"]).status == 65)
  }

  @Test("--verify checks the tokenizer that lies with the shards")
  func verifyTokenizer() throws {
    let name = "\(Self.tokens)/tokenizer/merges.txt"
    let lines = try project.folder.text(of: name).split(separator: "\n")
    try project.folder.write(lines.dropLast().joined(separator: "\n") + "\n", to: name)
    try project.remove("\(Self.tokens)/tokenizer/tokenizer.json")
    let bad = try encode(["--verify", Self.tokens])
    #expect(bad.status == 65)
    #expect(bad.log.contains("\(Self.tokens)/tokenizer: the digest of the tokenizer is 0x"))
  }

  @Test("--invalid-utf8 replaces or drops what is not UTF-8, post by post and as a whole")
  func invalidUTF8() throws {
    // Longer than what is read at a time, a broken character at each end of a line.
    let line = [0xD0] + Array("КОТ @ ПЁС ".utf8) + [0xE2, 0x82, 0x0A]
    let bytes = [UInt8](repeatElement(line, count: 10_000).joined())
    try project.folder.write(bytes, to: "corpus.txt")
    for packing in ["posts", "continuous"] {
      for (policy, expected) in [
        ("replace", "\u{FFFD}КОТ @ ПЁС \u{FFFD}\n"), ("drop", "КОТ @ ПЁС \n"),
      ] {
        let ended = try encode([
          "corpus.txt", "-o", "out", "--tokenizer", Self.tokens, "--pack", packing,
          "--validation-fraction=0", "--invalid-utf8", policy,
        ])
        #expect(ended.status == 0)
        #expect(
          ended.log.contains(
            "warning: corpus.txt: 30000 bytes in 20000 places, not UTF-8, "
              + (policy == "drop" ? "dropped" : "replaced by U+FFFD")
              + ": line 1, byte 1; line 1, byte 18; line 2, byte 1; line 2, byte 18; "
              + "line 3, byte 1; and 19995 more"), "\(ended.log)")
        #expect(ended.log.contains(#/\nnot UTF-8 +20,000  places, 30,000 bytes\n/#))
        #expect(try decoded("out") == String(repeating: expected, count: 10_000))
        let manifest = try project.folder.text(of: "out/manifest.json")
        #expect(manifest.contains(#/"sequences": 20000,\s+"bytes": 30000/#))
        #expect(manifest.contains("\"invalid_utf8\": \"\(policy)\""))
      }
      let failed = try encode([
        "corpus.txt", "-o", "none", "--tokenizer", Self.tokens, "--pack", packing,
      ])
      #expect(failed.status == 65)
      #expect(failed.log.contains("corpus.txt: line 1: byte 1 of the line, 0xD0, is not UTF-8; "))
      #expect(!project.exists("none"))
    }
  }

  @Test(
    "--invalid-utf8 counts lines and bytes as the file has them, whatever becomes of line ends",
    arguments: ["posts", "continuous"])
  func placesOfInvalidUTF8(packing: String) throws {
    let cases: [(before: String, line: Int, byte: Int)] = [
      ("а\rб\r\nв\nг\rд", 3, 6), ("а\r\nб\r\r\r\nв", 3, 3), ("а\nб", 2, 3), ("\r\rа", 1, 5),
      ("\u{FEFF}а", 1, 6), ("\u{FEFF}а\rб", 1, 9),
      // Longer than a block.
      (String(repeating: "слово\rслово \r\n", count: 30_000) + "\rа", 30_001, 4),
    ]
    for (before, line, byte) in cases {
      try project.folder.write(Array(before.utf8) + [0xD0, 0x0A], to: "corpus.txt")
      let common = ["corpus.txt", "-o", "out", "--tokenizer", Self.tokens, "--pack", packing]
      let failed = try encode(common)
      #expect(failed.status == 65)
      #expect(
        failed.log.contains("corpus.txt: line \(line): byte \(byte) of the line, 0xD0, is not"),
        "\(failed.log)")
      let replaced = try encode(
        common + ["--validation-fraction", "0", "--invalid-utf8", "replace"])
      #expect(replaced.log.contains("U+FFFD: line \(line), byte \(byte)\n"), "\(replaced.log)")
    }
  }

  @Test("inputs come in their order, packed or not, from standard input too")
  func inputs() throws {
    for (name, text) in [
      ("a.txt", "ПЕРВЫЙ\nВТОРОЙ\n"), ("b.txt", "ТРЕТИЙ"), ("c.txt", "ЧЕТВЁРТЫЙ\n"),
    ] {
      try project.folder.write(text, to: name)
    }
    let packing = try Subprocess.run(
      "sh", ["-c", "gzip b.txt; (gzip -c a.txt; gzip -c c.txt) > d.gz"], in: project.folder.path)
    try #require(packing.status == 0)
    let options = ["-o", "out", "--tokenizer", Self.tokens, "--validation-fraction=0"]
    #expect(try encode(["c.txt", "b.txt.gz", "a.txt"] + options).status == 0)
    #expect(try decoded("out") == "ЧЕТВЁРТЫЙ\nТРЕТИЙ\nПЕРВЫЙ\nВТОРОЙ\n")
    let input = try encode(["-"] + options, input: project.folder.path("d.gz"))
    #expect(input.status == 0)
    #expect(try decoded("out") == "ПЕРВЫЙ\nВТОРОЙ\nЧЕТВЁРТЫЙ\n")

    let packed = try project.folder.bytes(of: "d.gz")
    try project.folder.write(Array(packed.dropLast(5)), to: "cut")
    let cut = try encode(["-"] + options, input: project.folder.path("cut"))
    #expect(cut.status == 65)
    #expect(
      cut.log.contains("error: -: byte \(packed.count - 5): the gzip stream is cut off\n"))
  }

  @Test("--allow-special takes names of special tokens for these tokens")
  func allowSpecial() throws {
    try project.folder.write("КОТ</s>ПЁС\n", to: "corpus.txt")
    let options = [
      "corpus.txt", "-o", "out", "--tokenizer", Self.tokens, "--validation-fraction=0",
    ]
    #expect(try encode(options).status == 0)
    #expect(try decoded("out") == "КОТ</s>ПЁС\n")
    #expect(try encode(options + ["--allow-special"]).status == 0)
    #expect(try decoded("out") == "КОТ\nПЁС\n")
    #expect(try encode(["--verify", "out"]).status == 0)
    #expect(try project.folder.text(of: "out/manifest.json").contains("\"allow_special\": true"))
  }

  @Test("statistics are printed at the end and kept in the manifest")
  func statistics() throws {
    try project.folder.write("КОТ\n" + String(repeating: "Ж", count: 50) + "\n", to: "corpus.txt")
    let ended = try encode([
      "corpus.txt", "-o", "out", "--tokenizer", Self.tokens, "--validation-fraction=0",
      "--block-size=16",
    ])
    #expect(ended.status == 0)
    #expect(ended.output == "")
    #expect(ended.log.contains(#/\nposts +2  \d+\.\d tokens a post, with the end of text\n/#))
    #expect(
      ended.log.contains(
        #/\nlonger than a block +1  50\.0 % of the posts have more than 16 tokens\n/#))
    #expect(ended.log.contains(#/\nlongest posts +\d+  tokens, 100 bytes: corpus\.txt, line 2\n/#))
    let manifest = try project.folder.text(of: "out/manifest.json")
    #expect(manifest.contains("\"posts_longer_than_block\": 1"))
  }
}
