/// How long posts are, and which are the longest.
public struct PostLengths: Equatable, Sendable {
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
  /// How many posts there are.
  public private(set) var posts = 0
  /// How many bytes their texts have.
  public private(set) var textBytes = 0
  /// The longest posts, the longest first.
  public private(set) var longest: [Post] = []
  /// The largest number of tokens in each class of lengths but the last, which has no bound.
  public let bounds: [Int]
  /// How many posts are in each class of lengths.
  public private(set) var counts: [Int]

  /// Lengths of no posts as yet.
  public init(blockSize: Int) {
    precondition(blockSize > 0)
    self.blockSize = blockSize
    let bounds = [8, 4, 2, 1].map { blockSize / $0 } + [2, 4, 8].map { blockSize * $0 }
    // Of a block of three tokens an eighth and a quarter are nothing, of one four are the same.
    self.bounds = bounds.filter { $0 > 0 }.reduce(into: []) { bounds, bound in
      if bounds.last != bound { bounds.append(bound) }
    }
    counts = Array(repeating: 0, count: self.bounds.count + 1)
  }

  /// How many posts have more tokens than a block.
  public var postsLongerThanBlock: Int {
    zip(counts, bounds + [.max]).reduce(0) { $0 + ($1.1 > blockSize ? $1.0 : 0) }
  }

  /// Takes in a post.
  public mutating func add(_ post: Post) {
    posts += 1
    textBytes += post.bytes
    counts[bounds.firstIndex { post.tokens <= $0 } ?? bounds.count] += 1
    if longest.count == Self.longestKept, let last = longest.last, post.tokens < last.tokens {
      return
    }
    keep(post)
  }

  /// Takes in what `other`, of the same block, has.
  public mutating func merge(_ other: PostLengths) {
    mergeCounts(other)
    for post in other.longest { keep(post) }
  }

  /// Takes in what `other` has of a part of the file `file` that begins behind `linesBefore` lines;
  /// the lines of `other` were counted from the beginning of the part.
  public mutating func merge(_ other: PostLengths, file: Int, linesBefore: Int) {
    mergeCounts(other)
    for post in other.longest {
      keep(
        Post(tokens: post.tokens, bytes: post.bytes, file: file, line: linesBefore + post.line))
    }
  }

  /// Forgets everything, to be filled again.
  public mutating func removeAll() {
    (posts, textBytes) = (0, 0)
    longest.removeAll(keepingCapacity: true)
    for index in counts.indices { counts[index] = 0 }
  }

  private mutating func mergeCounts(_ other: PostLengths) {
    precondition(blockSize == other.blockSize, "lengths beside another block")
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
