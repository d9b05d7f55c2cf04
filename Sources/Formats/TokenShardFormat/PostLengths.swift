/// The lengths of posts, and which posts are the longest.
public struct PostLengths: Equatable, Sendable {
  /// A post and its location.
  public struct Post: Equatable, Sendable {
    /// The number of tokens, including its end of text.
    public let tokens: Int
    /// The size of its text in bytes.
    public let bytes: Int
    /// The index of its file among those of the corpus.
    public let file: Int
    /// Its line in the file, counted from 1.
    public let line: Int

    public init(tokens: Int, bytes: Int, file: Int, line: Int) {
      self.tokens = tokens
      self.bytes = bytes
      self.file = file
      self.line = line
    }

    /// Whether the post precedes `other` in the list of the longest: it has more tokens, or the
    /// same number and comes first in the corpus.
    func precedes(_ other: Post) -> Bool {
      (-tokens, file, line) < (-other.tokens, other.file, other.line)
    }
  }

  /// The number of longest posts that are kept.
  public static let longestKept = 5

  /// The number of tokens that a model is trained on at a time.
  public let blockSize: Int
  /// The number of posts.
  public private(set) var posts = 0
  /// The size of their texts in bytes.
  public private(set) var textBytes = 0
  /// The longest posts, longest first.
  public private(set) var longest: [Post] = []
  /// The largest number of tokens in each class of lengths except the last, which is unbounded.
  public let bounds: [Int]
  /// The number of posts in each class of lengths.
  public private(set) var counts: [Int]

  /// Creates empty lengths.
  public init(blockSize: Int) {
    precondition(blockSize > 0)
    self.blockSize = blockSize
    let bounds = [8, 4, 2, 1].map { blockSize / $0 } + [2, 4, 8].map { blockSize * $0 }
    // With a small block size, some of the fractions are 0 or equal.
    self.bounds = bounds.filter { $0 > 0 }.reduce(into: []) { bounds, bound in
      if bounds.last != bound { bounds.append(bound) }
    }
    counts = Array(repeating: 0, count: self.bounds.count + 1)
  }

  /// The number of posts with more tokens than a block.
  public var postsLongerThanBlock: Int {
    zip(counts, bounds + [.max]).reduce(0) { $0 + ($1.1 > blockSize ? $1.0 : 0) }
  }

  /// Adds a post.
  public mutating func add(_ post: Post) {
    posts += 1
    textBytes += post.bytes
    counts[bounds.firstIndex { post.tokens <= $0 } ?? bounds.count] += 1
    if longest.count == Self.longestKept, let last = longest.last, post.tokens < last.tokens {
      return
    }
    keep(post)
  }

  /// Adds the posts of `other`, which has the same block size.
  public mutating func merge(_ other: PostLengths) {
    mergeCounts(other)
    for post in other.longest { keep(post) }
  }

  /// Adds the posts of `other`, which come from a part of the file `file` after `linesBefore`
  /// lines.
  ///
  /// The lines of `other` are counted from the beginning of that part.
  public mutating func merge(_ other: PostLengths, file: Int, linesBefore: Int) {
    mergeCounts(other)
    for post in other.longest {
      keep(
        Post(tokens: post.tokens, bytes: post.bytes, file: file, line: linesBefore + post.line))
    }
  }

  /// Removes all posts.
  public mutating func removeAll() {
    (posts, textBytes) = (0, 0)
    longest.removeAll(keepingCapacity: true)
    for index in counts.indices { counts[index] = 0 }
  }

  private mutating func mergeCounts(_ other: PostLengths) {
    precondition(blockSize == other.blockSize, "the block sizes differ")
    posts += other.posts
    textBytes += other.textBytes
    for index in counts.indices { counts[index] += other.counts[index] }
  }

  private mutating func keep(_ post: Post) {
    let index = longest.firstIndex { post.precedes($0) } ?? longest.count
    guard index < Self.longestKept else { return }
    longest.insert(post, at: index)
    if longest.count > Self.longestKept { longest.removeLast() }
  }
}
