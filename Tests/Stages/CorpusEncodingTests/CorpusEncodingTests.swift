import BytePairEncoding
import CorpusEncoding
import CorpusFormat
import FileSupport
import TestSupport
import Testing
import TokenShardFormat

@Suite final class CorpusEncodingTests: CorpusFolderSuite {
  @Test("writes each post with the end-of-text token, and counts posts, bytes and tokens")
  func posts() throws {
    try folder.write("КОТ\n\nПЁС @\r\n", to: "one.txt")
    try folder.write("\u{FEFF}it's 12", to: "two.txt")
    let (manifest, statistics) = try encode("one.txt", "two.txt")
    #expect(try decoded("train-00000.bin") == "КОТ\nПЁС @\nit's 12\n")
    let train = try #require(manifest.splits[.train])
    #expect(manifest.splits.count == 1)
    #expect(train.posts == 3)
    #expect(train.textBytes == 6 + 8 + 7)
    #expect(statistics.uses.tokens == train.tokens)
    #expect(statistics.lengths.posts == 3)
    #expect(statistics.lengths.textBytes == 21)
    let places = Set(statistics.lengths.longest.map { [$0.file, $0.line] })
    #expect(places == [[0, 1], [0, 3], [1, 1]])
    #expect(manifest.endOfText == Self.tokenizer.id(of: .end))
    #expect(
      try TokenManifest(folder: folder.path("tokens")).verifiedTokenizer(
        in: folder.path("tokens")
      ).digest == Self.tokenizer.digest)
  }

  @Test("holds the posts back whose CRC-32 is below the fraction")
  func validation() throws {
    let posts = (0..<400).map { "КОТ \($0)" }
    try folder.write(posts.map { $0 + "\n" }.joined(), to: "corpus.txt")
    let (manifest, statistics) = try encode("corpus.txt", validationFraction: 0.25)
    let held = posts.filter { post in
      var checksum = CRC32()
      Array(post.utf8).withUnsafeBytes { checksum.update($0) }
      return Double(checksum.value) < 0x1p30
    }
    #expect(!held.isEmpty)
    let text = try decoded("validation-00000.bin").split(separator: "\n").map { String($0) }
    #expect(text == held)
    let rest = try decoded("train-00000.bin").split(separator: "\n").map { String($0) }
    #expect(rest == posts.filter { !held.contains($0) })
    #expect(manifest.splits[.validation]?.posts == held.count)
    #expect(statistics.lengths.posts == posts.count)
  }

  @Test("encodes a file as a whole, the last tokens for validation")
  func continuous() throws {
    try folder.write("КОТ\r\nПЁС\r@ @\n", to: "one.txt")
    try folder.write("it's", to: "two.txt")
    let (whole, statistics) = try encode("one.txt", "two.txt", packing: .continuous)
    #expect(try decoded("train-00000.bin") == "КОТ\nПЁС\n@ @\nit's")
    #expect(whole.splits[.train]?.posts == nil)
    #expect(statistics.textBytes == "КОТ\nПЁС\n@ @\nit's".utf8.count)
    let (manifest, _) = try encode(
      "one.txt", "two.txt", packing: .continuous, validationFraction: 0.3, to: "split")
    let tokens = statistics.uses.tokens
    #expect(manifest.splits[.validation]?.tokens == tokens * 3 / 10)
    let parts = try ["train", "validation"].map { try decoded("\($0)-00000.bin", in: "split") }
    #expect(parts.joined() == "КОТ\nПЁС\n@ @\nit's")
  }

  @Test("writes the same files with any number of threads", arguments: [0, 1, 2, 3])
  func threads(mode: Int) throws {
    try folder.write(mixedText(), to: "corpus.txt")
    var expected: [[UInt8]]?
    for threads in [1, 2, 3, 8] {
      let output = "tokens-\(threads)"
      let result = try encode(
        "corpus.txt", packing: mode < 2 ? .posts : .continuous,
        validationFraction: mode % 2 == 0 ? 0 : 0.4, threads: threads, to: output
      ) {
        $0.tokensPerShard = 100_003
        $0.allowsSpecialTokens = mode == 3
      }
      let shards = result.manifest.splits.values.flatMap(\.shards).map(\.name).sorted()
      let files = try (shards + ["manifest.json"]).map { try folder.bytes(of: "\(output)/\($0)") }
      #expect(files.count > 2)
      if let expected { #expect(files == expected, "\(threads) threads") }
      expected = files
    }
  }

  @Test("encodes a post that is much longer than a block, and a piece that is", arguments: [1, 2])
  func longPosts(threads: Int) throws {
    let words = String(repeating: "БУГУРТ @ ", count: 1_000_000)
    let letters = String(repeating: "a", count: 3_000_000)
    try folder.write("КОТ\n\(words)\n\(letters)\nПЁС\n", to: "corpus.txt")
    let (manifest, statistics) = try encode("corpus.txt", threads: threads)
    #expect(manifest.splits[.train]?.posts == 4)
    #expect(Set(statistics.lengths.longest.prefix(2).map(\.line)) == [2, 3])
    let text = try decoded("train-00000.bin")
    #expect(text == "КОТ\n\(words)\n\(letters)\nПЁС\n")
    _ = try encode("corpus.txt", packing: .continuous, threads: threads, to: "whole")
    #expect(try decoded("train-00000.bin", in: "whole") == text)
  }

  @Test(
    "names the file, line and byte that are not UTF-8", arguments: [Packing.posts, .continuous],
    [1, 3])
  func invalid(packing: Packing, threads: Int) throws {
    var bytes = Array(mixedText().utf8)
    for place in [bytes.count - 500, bytes.count / 4] {
      let end = (bytes[place...].firstIndex(of: 0x0A) ?? 0) + 1
      bytes.replaceSubrange(end..<end, with: [0x61, 0xD0, 0x0A])
    }
    let broken = try #require(
      zip(bytes, bytes.dropFirst()).enumerated().first {
        $0.element == (0xD0, 0x0A)
      }
    ).offset
    let line = bytes[..<broken].count { $0 == 0x0A } + 1
    try folder.write("КОТ\n", to: "one.txt")
    try folder.write(bytes, to: "two.txt")
    let message = failure {
      _ = try encode("one.txt", "two.txt", packing: packing, threads: threads)
    }
    #expect(message.hasPrefix("two.txt: line \(line): byte 2 of the line, 0xD0, is not UTF-8; "))
    // A byte order mark counts as bytes of its line.
    let marked: [UInt8] = [0xEF, 0xBB, 0xBF, 0x61, 0xFF]
    for (line, bytes) in [(1, marked), (2, [0x61, 0x0A] + marked)] {
      try folder.write(bytes, to: "marked.txt")
      let message = failure { _ = try encode("marked.txt", packing: packing, threads: threads) }
      #expect(
        message.hasPrefix("marked.txt: line \(line): byte 5 of the line, 0xFF, is not UTF-8; "))
    }
  }

  @Test("names the byte of a line that begins in an earlier block")
  func invalidInLongLine() throws {
    let before = Array(String(repeating: "КОТ ПЁС ", count: 100_000).utf8)
    try folder.write(Array("@\n".utf8) + before + [0xD0, 0x20], to: "corpus.txt")
    for packing in Packing.allCases {
      let message = failure { _ = try encode("corpus.txt", packing: packing) }
      #expect(message.hasPrefix("corpus.txt: line 2: byte \(before.count + 1) of the line, 0xD0"))
    }
  }

  @Test("repairs bytes that are not UTF-8 and reports them", arguments: Packing.allCases)
  func repaired(packing: Packing) throws {
    try folder.write([0x61, 0xD0, 0x0A, 0x62, 0xFF, 0xFF, 0x0A], to: "corpus.txt")
    for (policy, text) in [
      (InvalidUTF8Policy.replace, "a\u{FFFD}\nb\u{FFFD}\u{FFFD}\n"), (.drop, "a\nb\n"),
    ] {
      var repairs: [String] = []
      let (_, statistics) = try encode(
        "corpus.txt", packing: packing, invalidUTF8: policy, to: policy.rawValue,
        report: { event in
          if case .repaired(let repair) = event { repairs.append(repair.summary) }
        })
      #expect(try decoded("train-00000.bin", in: policy.rawValue) == text)
      #expect(repairs.count == 1)
      #expect(statistics.invalidUTF8.sequences == 3)
      #expect(statistics.invalidUTF8.bytes == 3)
    }
  }

  @Test("reports the bytes read of those there are, and stops where the report throws")
  func progress() throws {
    struct Stop: Error {}
    let text = mixedText()
    try folder.write(text, to: "one.txt")
    try folder.write("КОТ\n", to: "two.txt")
    let size = text.utf8.count + 7
    var reported: [Int] = []
    let report: CorpusReport = { event in
      guard case .read(let bytes, let total) = event else { return }
      #expect(total == size)
      reported.append(bytes)
    }
    _ = try encode("one.txt", "two.txt", report: report)
    #expect(reported.first ?? size < size)
    #expect(reported.last == size)
    #expect(reported == reported.sorted())
    for packing in Packing.allCases {
      #expect(throws: Stop.self) {
        let report: CorpusReport = { event in
          if case .read(let bytes, _) = event, bytes > 0 { throw Stop() }
        }
        _ = try encode("one.txt", packing: packing, report: report)
      }
    }
  }

  @Test("refuses a corpus without text, and one that all falls to validation")
  func empty() throws {
    try folder.write("\n\r\n", to: "lines.txt")
    try folder.write("", to: "nothing.txt")
    let problem = "there is no text in it; expected one post per line"
    #expect(failure { _ = try encode("lines.txt") } == "lines.txt: \(problem)")
    #expect(
      failure { _ = try encode("nothing.txt", packing: .continuous) } == "nothing.txt: \(problem)")
    try folder.write("КОТ\n", to: "corpus.txt")
    let message = failure { _ = try encode("corpus.txt", validationFraction: 0.999_999_999) }
    #expect(message.contains("all 1 posts went to validation"))
  }

  @Test("packs posts with a twentieth for validation by default, and a whole file with nothing")
  func defaults() throws {
    let input = CorpusInput(paths: ["corpus.txt"], threads: 1)
    for (packing, fraction) in [(Packing.posts, 0.05), (.continuous, 0)] {
      let encoding = CorpusEncoding(
        input, packing: packing, tokenizer: Self.tokenizer, validationFraction: nil)
      #expect(encoding.validationFraction == fraction)
    }
  }
}
