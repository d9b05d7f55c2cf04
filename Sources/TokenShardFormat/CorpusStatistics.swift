/// What a corpus became: how many tokens of how many bytes, which of the vocabulary, how long posts
/// are.
///
/// Threads fill one each, and the order in which they are merged makes no difference.
///
///     var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: 128)
///     statistics.add(post: ids, bytes: 78, file: 0, line: 12)
///     statistics.merge(other)
public struct CorpusStatistics: Equatable, Sendable {
  /// A post, and where it stands.
  public struct Post: Equatable, Sendable {
    /// How many tokens it has, its end of text with them.
    public let tokens: Int
    /// How many bytes its text has.
    public let bytes: Int
    /// The number of its file among those of the corpus, counted from 0.
    public let file: Int
    /// Its line in the file, counted from 1.
    public let line: Int

    public init(tokens: Int, bytes: Int, file: Int, line: Int) {
      self.tokens = tokens
      self.bytes = bytes
      self.file = file
      self.line = line
    }

    /// Whether the post comes before `other` in the list of the longest: it has more tokens, or as
    /// many and comes first in the corpus.
    func precedes(_ other: Post) -> Bool {
      (-tokens, file, line) < (-other.tokens, other.file, other.line)
    }
  }

  /// How many of the longest posts are kept.
  public static let longestKept = 5

  /// How many tokens a model is trained on at a time.
  public let blockSize: Int
  /// How many tokens there are, the ends of texts with them.
  public private(set) var tokens = 0
  /// How many bytes of text they are.
  public private(set) var textBytes = 0
  /// How many posts there are; 0 where the text was not taken post by post.
  public private(set) var posts = 0
  /// The longest posts, the longest first.
  public private(set) var longest: [Post] = []
  /// How many broken characters there were that were replaced or dropped, and how many bytes they
  /// had together.
  public var invalidUTF8 = (sequences: 0, bytes: 0)

  /// The largest number of tokens in each class of lengths but the last, which has no bound.
  public let lengthBounds: [Int]
  /// How many posts are in each class of lengths.
  public private(set) var lengthCounts: [Int]
  /// How often each token was used.
  private var uses: [Int]

  /// Statistics of nothing yet; tokens are below `vocabularySize`.
  public init(vocabularySize: Int, blockSize: Int) {
    precondition(vocabularySize >= 0 && blockSize > 0)
    self.blockSize = blockSize
    uses = Array(repeating: 0, count: vocabularySize)
    let bounds = [8, 4, 2, 1].map { blockSize / $0 } + [2, 4, 8].map { blockSize * $0 }
    // Of a block of three tokens an eighth and a quarter are nothing, of one four are the same.
    lengthBounds = bounds.filter { $0 > 0 }.reduce(into: []) { bounds, bound in
      if bounds.last != bound { bounds.append(bound) }
    }
    lengthCounts = Array(repeating: 0, count: lengthBounds.count + 1)
  }

  /// How many tokens the vocabulary has.
  public var vocabularySize: Int { uses.count }

  /// How many tokens of the vocabulary are used.
  public var vocabularyUsed: Int { uses.count { $0 > 0 } }

  /// How many posts have more tokens than a block.
  public var postsLongerThanBlock: Int {
    zip(lengthCounts, lengthBounds + [.max]).reduce(0) { $0 + ($1.1 > blockSize ? $1.0 : 0) }
  }

  /// Takes in a post with its `ids`, the end of text with them; `bytes` are those of its text.
  ///
  /// `file` counts the files of the corpus from 0, `line` the lines of the file from 1.
  public mutating func add(
    post ids: UnsafeBufferPointer<UInt32>, bytes: Int, file: Int, line: Int
  ) {
    count(ids)
    count(Post(tokens: ids.count, bytes: bytes, file: file, line: line))
  }

  /// Takes in a post with its `ids`, the end of text with them; `bytes` are those of its text.
  ///
  /// `file` counts the files of the corpus from 0, `line` the lines of the file from 1.
  public mutating func add(post ids: ArraySlice<UInt32>, bytes: Int, file: Int, line: Int) {
    ids.withUnsafeBufferPointer { add(post: $0, bytes: bytes, file: file, line: line) }
  }

  /// Takes in a text that is no post, with its `ids` and how many `bytes` it has.
  public mutating func add(text ids: UnsafeBufferPointer<UInt32>, bytes: Int) {
    count(ids)
    textBytes += bytes
  }

  /// Takes in ids alone: of a part of a post, or of several posts, which are counted one by one.
  public mutating func count(_ ids: UnsafeBufferPointer<UInt32>) {
    tokens += ids.count
    uses.withUnsafeMutableBufferPointer { uses in
      for id in ids {
        precondition(id < uses.count, "no such token in the vocabulary")
        uses[Int(id)] &+= 1
      }
    }
  }

  /// Takes in a post but for its ids, which are counted by themselves.
  public mutating func count(_ post: Post) {
    textBytes += post.bytes
    posts += 1
    lengthCounts[lengthBounds.firstIndex { post.tokens <= $0 } ?? lengthBounds.count] += 1
    if longest.count == Self.longestKept, let last = longest.last, post.tokens < last.tokens {
      return
    }
    keep(post)
  }

  /// Takes in a text that is no post, with its `ids` and how many `bytes` it has.
  public mutating func add(text ids: ArraySlice<UInt32>, bytes: Int) {
    ids.withUnsafeBufferPointer { add(text: $0, bytes: bytes) }
  }

  /// Takes in what `other`, of the same vocabulary and block, has.
  public mutating func merge(_ other: CorpusStatistics) {
    mergeCounts(other)
    for post in other.longest { keep(post) }
  }

  /// Takes in what `other` has of a part of the file `file` that begins behind `linesBefore` lines;
  /// the lines of `other` were counted from the beginning of the part.
  public mutating func merge(_ other: CorpusStatistics, file: Int, linesBefore: Int) {
    mergeCounts(other)
    for post in other.longest {
      keep(
        Post(tokens: post.tokens, bytes: post.bytes, file: file, line: linesBefore + post.line))
    }
  }

  /// Forgets everything, to be filled again.
  public mutating func removeAll() {
    (tokens, textBytes, posts, invalidUTF8) = (0, 0, 0, (0, 0))
    longest.removeAll(keepingCapacity: true)
    for index in lengthCounts.indices { lengthCounts[index] = 0 }
    for index in uses.indices { uses[index] = 0 }
  }

  private mutating func mergeCounts(_ other: CorpusStatistics) {
    precondition(
      vocabularySize == other.vocabularySize && blockSize == other.blockSize,
      "statistics of another vocabulary or block")
    tokens += other.tokens
    textBytes += other.textBytes
    posts += other.posts
    invalidUTF8.sequences += other.invalidUTF8.sequences
    invalidUTF8.bytes += other.invalidUTF8.bytes
    for index in lengthCounts.indices { lengthCounts[index] += other.lengthCounts[index] }
    for index in uses.indices { uses[index] += other.uses[index] }
  }

  private mutating func keep(_ post: Post) {
    let index = longest.firstIndex { post.precedes($0) } ?? longest.count
    guard index < Self.longestKept else { return }
    longest.insert(post, at: index)
    if longest.count > Self.longestKept { longest.removeLast() }
  }

  public static func == (a: CorpusStatistics, b: CorpusStatistics) -> Bool {
    (a.blockSize, a.tokens, a.textBytes, a.posts) == (b.blockSize, b.tokens, b.textBytes, b.posts)
      && a.invalidUTF8 == b.invalidUTF8 && a.longest == b.longest
      && a.lengthCounts == b.lengthCounts && a.uses == b.uses
  }
}
