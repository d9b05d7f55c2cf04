import FileSupport
import JSONSupport
import Testing
import TokenShardFormat

@Suite("TokenUses")
struct TokenUsesTests {
  static func uses(of ids: [UInt32]) -> TokenUses {
    var uses = TokenUses(vocabularySize: 10)
    ids.withUnsafeBufferPointer { uses.count($0) }
    return uses
  }

  @Test("counts tokens and the part of the vocabulary that is used")
  func counts() {
    let uses = Self.uses(of: [1, 2, 1, 9, 1])
    #expect(uses.tokens == 5)
    #expect(uses.vocabularyUsed == 3)
    #expect(uses.vocabularySize == 10)
    #expect(uses != Self.uses(of: [1, 2, 1, 9, 9]))
  }

  @Test("are the same however the tokens were divided among threads")
  func merging() {
    var merged = Self.uses(of: [9, 1])
    merged.merge(Self.uses(of: []))
    merged.merge(Self.uses(of: [1, 2, 1]))
    #expect(merged == Self.uses(of: [1, 2, 1, 9, 1]))
  }
}

@Suite("PostLengths")
struct PostLengthsTests {
  static func lengths(
    of posts: [(tokens: Int, file: Int, line: Int)], blockSize: Int = 8
  ) -> PostLengths {
    var lengths = PostLengths(blockSize: blockSize)
    for (tokens, file, line) in posts {
      lengths.add(.init(tokens: tokens, bytes: tokens * 3, file: file, line: line))
    }
    return lengths
  }

  static let posts = [
    (3, 0, 1), (9, 0, 2), (8, 0, 3), (70, 0, 4), (1, 0, 7), (16, 1, 1), (9, 1, 2), (17, 1, 3),
  ]

  @Test("count posts by their number of tokens relative to the block")
  func classes() {
    let lengths = Self.lengths(of: Self.posts)
    #expect(lengths.posts == 8)
    #expect(lengths.textBytes == 399)
    #expect(lengths.bounds == [1, 2, 4, 8, 16, 32, 64])
    #expect(lengths.counts == [1, 0, 1, 1, 3, 1, 0, 1])
    #expect(lengths.postsLongerThanBlock == 5)
    // Small blocks have no eighth.
    #expect(PostLengths(blockSize: 3).bounds == [1, 3, 6, 12, 24])
    #expect(PostLengths(blockSize: 1).bounds == [1, 2, 4, 8])
  }

  @Test("keep the longest posts, and the first of equal ones")
  func longest() {
    let lengths = Self.lengths(of: Self.posts)
    #expect(lengths.longest.map(\.tokens) == [70, 17, 16, 9, 9])
    #expect(lengths.longest.map(\.line) == [4, 3, 1, 2, 2])
    #expect(lengths.longest.map(\.file) == [0, 1, 1, 0, 1])
    let equal = Self.lengths(of: (1...9).map { (4, 0, $0) })
    #expect(equal.longest.map(\.line) == [1, 2, 3, 4, 5])
  }

  @Test("are the same however the posts were divided among threads")
  func merging() {
    let whole = Self.lengths(of: Self.posts)
    for parts in 2...5 {
      for order in [Array(0..<parts), Array((0..<parts).reversed())] {
        var merged = PostLengths(blockSize: 8)
        for part in order {
          merged.merge(
            Self.lengths(
              of: Self.posts.enumerated().filter { $0.offset % parts == part }.map(\.element)))
        }
        #expect(merged == whole)
      }
    }
  }

  @Test("continue the count of lines from the part of the file before")
  func parts() {
    let posts = Self.posts.enumerated().map { (tokens: $1.0, file: 3, line: $0 + 1) }
    let whole = Self.lengths(of: posts)
    var merged = PostLengths(blockSize: 8)
    var part = Self.lengths(of: [(1000, 0, 1)])
    for start in [0, 3, 6] {
      part.removeAll()
      #expect(part == PostLengths(blockSize: 8))
      for (line, post) in posts[start..<min(start + 3, posts.count)].enumerated() {
        part.add(.init(tokens: post.tokens, bytes: post.tokens * 3, file: 0, line: line + 1))
      }
      merged.merge(part, file: 3, linesBefore: start)
    }
    #expect(merged == whole)
  }
}

@Suite("CorpusStatistics")
struct CorpusStatisticsTests {
  /// Statistics of posts, each of the ids 1 and 2 in turn with the id 0 behind them.
  static func statistics(of posts: [(tokens: Int, file: Int, line: Int)]) -> CorpusStatistics {
    var statistics = CorpusStatistics(vocabularySize: 10, blockSize: 8)
    statistics.lengths = PostLengthsTests.lengths(of: posts)
    for post in posts {
      let ids = (1..<post.tokens).map { UInt32($0 % 2 + 1) } + [0]
      ids.withUnsafeBufferPointer { statistics.uses.count($0) }
    }
    return statistics
  }

  @Test("is numbers and names in the manifest")
  func manifest() {
    var statistics = Self.statistics(of: [(3, 0, 1), (9, 1, 2)])
    (statistics.invalidUTF8.sequences, statistics.invalidUTF8.bytes) = (1, 2)
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

  @Test("is a table for people")
  func table() {
    var statistics = Self.statistics(of: [(3, 0, 1), (4, 0, 2), (9, 1, 2000)])
    (statistics.invalidUTF8.sequences, statistics.invalidUTF8.bytes) = (1, 2)
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

  @Test("does not mention posts if the text is not divided into posts")
  func continuous() {
    var statistics = CorpusStatistics(vocabularySize: 4, blockSize: 8)
    Array(repeating: 1, count: 1234).withUnsafeBufferPointer { statistics.uses.count($0) }
    statistics.otherBytes = 3085
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
    "has open ends where nothing is typed",
    arguments: [
      ("2..5", 2..<5), ("..5", 0..<5), ("2..", 2..<7), ("..", 0..<7), ("0..0", 0..<0),
      ("7..", 7..<7), ("7..7", 7..<7), ("007..7", 7..<7),
    ] as [(String, Range<Int>)])
  func resolving(_ text: String, _ expected: Range<Int>) {
    #expect(TokenRange(text)?.resolved(count: 7) == expected)
  }

  @Test("exceeds the tokens if one of its ends does", arguments: ["2..8", "8..", "..8"])
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
