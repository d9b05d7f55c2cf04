import BytePairEncoding
import CorpusEncoding
import FileSupport
import TestSupport
import Testing

@Suite final class VocabularyTrainingTests: CorpusFolderSuite {
  private func train(
    _ names: String..., threads: Int = 2,
    options: (inout VocabularyTraining) -> Void = { _ in },
    report: @escaping CorpusReport = { _ in }
  ) throws -> Tokenizer {
    let paths = names.map { folder.path($0) }
    var training = VocabularyTraining(CorpusInput(paths: paths, threads: threads))
    options(&training)
    return try training.run(report: report)
  }

  @Test("learns the same vocabulary with any number of threads")
  func threads() throws {
    try folder.write(mixedText(lines: 8000), to: "corpus.txt")
    let digests = try [1, 2, 3, 8].map { threads in
      try train("corpus.txt", threads: threads) { $0.vocabularySize = 500 }.digest
    }
    #expect(Set(digests).count == 1)
  }

  @Test("learns from each line with its newline if there is one, without its carriage return")
  func newlines() throws {
    let tokenizers = try ["ab ab ", "ab ab \n", "ab ab \r\n", "ab ab \r"].enumerated().map {
      try folder.write($0.element, to: "\($0.offset)")
      return try train("\($0.offset)") { $0.minimumFrequency = 1 }
    }
    let merges = tokenizers.map { tokenizer in
      tokenizer.merges.map { tokenizer.decode([$0.left, $0.right]) }.map {
        String(decoding: $0, as: UTF8.self)
      }
    }
    #expect(
      merges == [["ab", " ab"], ["ab", " \n", " ab"], ["ab", " \n", " ab"], ["ab", " ab"]])
  }

  @Test("names the first line that is not UTF-8, of several", arguments: [1, 4])
  func invalid(threads: Int) throws {
    var bytes: [UInt8] = []
    for line in 0..<200_000 {
      bytes += line % 50_000 == 49_999 ? [0x61, 0x20, 0xFF, 0x0A] : [0x61, 0x62, 0x20, 0x0A]
    }
    try folder.write(bytes, to: "corpus.txt")
    let message = failure { _ = try train("corpus.txt", threads: threads) }
    #expect(message.hasPrefix("corpus.txt: line 50000: byte 3 of the line, 0xFF, is not UTF-8; "))
  }

  @Test("reports bytes, then tokens, and stops where the report throws")
  func progress() throws {
    struct Stop: Error {}
    try folder.write(mixedText(), to: "corpus.txt")
    var tokens: [Int] = []
    let report: CorpusReport = { [folder] event in
      switch event {
      case .read(_, let total):
        #expect(total == (try? folder.bytes(of: "corpus.txt").count))
        #expect(tokens.isEmpty)
      case .merged(let count, let size):
        #expect(size == 16384)
        tokens.append(count)
      case .repaired: Issue.record("nothing to repair")
      }
    }
    _ = try train("corpus.txt", report: report)
    #expect(!tokens.isEmpty && tokens == tokens.sorted())
    #expect(throws: Stop.self) {
      let report: CorpusReport = { event in
        if case .merged = event { throw Stop() }
      }
      _ = try train("corpus.txt", report: report)
    }
  }

  @Test("learns from the posts for training alone, those that the encoding takes for it")
  func heldBack() throws {
    let posts = (0..<400).map { "КОТ №\($0) ПРИШЁЛ К \($0 * $0 % 97) ПСАМ" }
    let kept = posts.filter { Double(CRC32.checksum(Array($0.utf8))) >= 0.3 * 0x1p32 }
    try #require(kept.count < posts.count * 4 / 5 && !kept.isEmpty)
    try folder.write(posts.map { $0 + "\n" }.joined(), to: "corpus.txt")
    try folder.write(kept.map { $0 + "\n" }.joined(), to: "kept.txt")
    let all = try train("corpus.txt") { $0.vocabularySize = 400 }
    let some = try train("corpus.txt") {
      $0.vocabularySize = 400
      $0.validationFraction = 0.3
    }
    #expect(some.digest == (try train("kept.txt") { $0.vocabularySize = 400 }.digest))
    #expect(some.digest != all.digest)
  }

  @Test("says so if no post is left to learn from")
  func nothingLeft() throws {
    try folder.write("a\nb\n", to: "corpus.txt")
    let message = failure { _ = try train("corpus.txt") { $0.validationFraction = 1 } }
    #expect(
      message
        == "corpus.txt: all 2 posts went to validation; give more posts or a smaller "
        + "--validation-fraction")
  }

  @Test("refuses a corpus without text")
  func empty() throws {
    try folder.write("\n", to: "corpus.txt")
    let message = failure { _ = try train("corpus.txt") }
    #expect(message == "corpus.txt: there is no text in it; expected one post per line")
  }
}
