import FileSupport
import TokenShardFormat
import Testing

@Suite("CorpusStatistics")
struct CorpusStatisticsTests {
  /// A post of `count` tokens with the ids 1 and 2 in turn, the last of them 0.
  static func post(_ count: Int) -> ArraySlice<UInt32> {
    ArraySlice((1..<count).map { UInt32($0 % 2 + 1) } + [0])
  }

  static func statistics(
    of lengths: [(tokens: Int, file: Int, line: Int)], blockSize: Int = 8
  ) -> CorpusStatistics {
    var statistics = CorpusStatistics(vocabularySize: 10, blockSize: blockSize)
    for (tokens, file, line) in lengths {
      statistics.add(post: post(tokens), bytes: tokens * 3, file: file, line: line)
    }
    return statistics
  }

  static let lengths = [
    (3, 0, 1), (9, 0, 2), (8, 0, 3), (70, 0, 4), (1, 0, 7), (16, 1, 1), (9, 1, 2), (17, 1, 3),
  ]

  @Test("counts tokens, bytes, posts and the part of the vocabulary that is used")
  func counts() {
    let statistics = Self.statistics(of: Self.lengths)
    #expect(statistics.tokens == 133)
    #expect(statistics.textBytes == 399)
    #expect(statistics.posts == 8)
    #expect(statistics.vocabularyUsed == 3)
  }

  @Test("tells how many posts have how many tokens, beside the block")
  func lengths() {
    let statistics = Self.statistics(of: Self.lengths)
    #expect(statistics.lengthBounds == [1, 2, 4, 8, 16, 32, 64])
    #expect(statistics.lengthCounts == [1, 0, 1, 1, 3, 1, 0, 1])
    #expect(statistics.postsLongerThanBlock == 5)
    // Small blocks have no eighth.
    #expect(
      CorpusStatistics(vocabularySize: 1, blockSize: 3).lengthBounds == [1, 3, 6, 12, 24])
    #expect(CorpusStatistics(vocabularySize: 1, blockSize: 1).lengthBounds == [1, 2, 4, 8])
  }

  @Test("keeps the longest posts, of equal ones the first")
  func longest() {
    let statistics = Self.statistics(of: Self.lengths)
    #expect(statistics.longest.map(\.tokens) == [70, 17, 16, 9, 9])
    #expect(statistics.longest.map(\.line) == [4, 3, 1, 2, 2])
    #expect(statistics.longest.map(\.file) == [0, 1, 1, 0, 1])
    let equal = Self.statistics(of: (1...9).map { (4, 0, $0) })
    #expect(equal.longest.map(\.line) == [1, 2, 3, 4, 5])
  }

  @Test("is the same however the posts were shared between threads")
  func merging() {
    let whole = Self.statistics(of: Self.lengths)
    for parts in 2...5 {
      for order in [Array(0..<parts), Array((0..<parts).reversed())] {
        var merged = CorpusStatistics(vocabularySize: 10, blockSize: 8)
        for part in order {
          merged.merge(
            Self.statistics(
              of: Self.lengths.enumerated().filter { $0.offset % parts == part }.map(\.element)))
        }
        #expect(merged == whole)
      }
    }
    var repaired = CorpusStatistics(vocabularySize: 10, blockSize: 8)
    repaired.invalidUTF8 = (2, 3)
    var both = repaired
    both.merge(repaired)
    #expect(both.invalidUTF8 == (4, 6))
    #expect(both != repaired)
  }

  @Test("counts the lines of a part of a file on from those before it")
  func parts() {
    let lengths = Self.lengths.enumerated().map { (tokens: $1.0, file: 3, line: $0 + 1) }
    let whole = Self.statistics(of: lengths)
    var merged = CorpusStatistics(vocabularySize: 10, blockSize: 8)
    var part = Self.statistics(of: [(1000, 0, 1)])
    for start in [0, 3, 6] {
      part.removeAll()
      #expect(part == CorpusStatistics(vocabularySize: 10, blockSize: 8))
      for (line, post) in lengths[start..<min(start + 3, lengths.count)].enumerated() {
        part.add(post: Self.post(post.tokens), bytes: post.tokens * 3, file: 0, line: line + 1)
      }
      merged.merge(part, file: 3, linesBefore: start)
    }
    #expect(merged == whole)
  }

  @Test("stands in the manifest as numbers and names")
  func manifest() {
    var statistics = Self.statistics(of: [(3, 0, 1), (9, 1, 2)])
    statistics.invalidUTF8 = (1, 2)
    #expect(
      statistics.value(files: ["a.txt", "b.txt"]).text()
        == #"{"tokens":12,"text_bytes":36,"vocabulary_used":3,"#
        + #""invalid_utf8":{"sequences":1,"bytes":2},"posts":2,"block_size":8,"#
        + #""posts_longer_than_block":1,"post_tokens":[{"up_to":1,"posts":0},"#
        + #"{"up_to":2,"posts":0},{"up_to":4,"posts":1},{"up_to":8,"posts":0},"#
        + #"{"up_to":16,"posts":1},{"up_to":32,"posts":0},{"up_to":64,"posts":0},"#
        + #"{"up_to":null,"posts":0}],"longest_posts":["#
        + #"{"tokens":9,"bytes":27,"file":"b.txt","line":2},"#
        + #"{"tokens":3,"bytes":9,"file":"a.txt","line":1}]}"#)
  }

  @Test("is a table to read")
  func table() {
    var statistics = Self.statistics(of: [(3, 0, 1), (4, 0, 2), (9, 1, 2000)])
    statistics.invalidUTF8 = (1, 2)
    #expect(
      statistics.table(files: ["a.txt", "b.txt"]) == [
        "tokens               16  3.00 bytes a token",
        "vocabulary used       3  30.0 % of 10",
        "not UTF-8             1  places, 2 bytes",
        "posts                 3  5.3 tokens a post, with the end of text",
        "  up to 1             0   0.0 %",
        "  up to 2             0   0.0 %",
        "  up to 4             2  66.7 %  ########################",
        "  up to 8             0   0.0 %",
        "  up to 16            1  33.3 %  ############",
        "longer than a block   1  33.3 % of the posts have more than 8 tokens",
        "longest posts         9  tokens, 27 bytes: b.txt, line 2000",
        "                      4  tokens, 12 bytes: a.txt, line 2",
        "                      3  tokens, 9 bytes: a.txt, line 1",
      ])
  }

  @Test("says nothing of posts where the text is one")
  func continuous() {
    var statistics = CorpusStatistics(vocabularySize: 4, blockSize: 8)
    statistics.add(text: Array(repeating: 1, count: 1234)[...], bytes: 3085)
    #expect(
      statistics.table(files: ["a.txt"]) == [
        "tokens           1,234  2.50 bytes a token", "vocabulary used      1  25.0 % of 4",
      ])
    #expect(
      statistics.value(files: ["a.txt"]).text()
        == #"{"tokens":1234,"text_bytes":3085,"vocabulary_used":1,"#
        + #""invalid_utf8":{"sequences":0,"bytes":0}}"#)
  }
}

@Suite("TokenRange")
struct TokenRangeTests {
  @Test(
    "leaves its ends open where nothing is typed",
    arguments: [
      ("2..5", 2..<5), ("..5", 0..<5), ("2..", 2..<7), ("..", 0..<7), ("0..0", 0..<0),
      ("7..", 7..<7), ("7..7", 7..<7), ("007..7", 7..<7),
    ] as [(String, Range<Int>)])
  func resolving(_ text: String, _ expected: Range<Int>) {
    #expect(TokenRange(text)?.resolved(count: 7) == expected)
  }

  @Test("leads out of the tokens where one of its ends does", arguments: ["2..8", "8..", "..8"])
  func outside(_ text: String) throws {
    #expect(try #require(TokenRange(text)).resolved(count: 7) == nil)
  }

  @Test(
    "is not read from anything else",
    arguments: [
      "", "5", "5..2", "-1..2", "1...2", "a..b", "1..2..3", " 1..2", "1..+2", "1-2",
      "1..99999999999999999999",
    ])
  func wrong(_ text: String) {
    #expect(TokenRange(text) == nil)
  }
}
