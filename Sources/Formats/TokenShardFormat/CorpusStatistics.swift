/// Statistics of an encoded corpus: tokens, bytes, use of the vocabulary, lengths of posts.
///
///     var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: 128)
///     statistics.uses.count(ids)
///     statistics.lengths.add(.init(tokens: ids.count, bytes: 78, file: 0, line: 12))
public struct CorpusStatistics: Equatable, Sendable {
  /// How often each token was used, including ends of texts.
  public var uses: TokenUses
  /// The lengths of the posts; empty if the text was not encoded post by post.
  public var lengths: PostLengths
  /// The number of bytes of text outside posts.
  public var otherBytes = 0
  /// The broken characters that were replaced or dropped.
  public var invalidUTF8 = InvalidUTF8()

  /// The number of broken characters and of their bytes.
  public struct InvalidUTF8: Equatable, Sendable {
    public var sequences = 0
    public var bytes = 0
  }

  /// Empty statistics; tokens are below `vocabularySize`.
  public init(vocabularySize: Int, blockSize: Int) {
    uses = TokenUses(vocabularySize: vocabularySize)
    lengths = PostLengths(blockSize: blockSize)
  }

  /// The number of bytes of text.
  public var textBytes: Int { lengths.textBytes + otherBytes }
}

/// How often each token of a vocabulary was used.
///
/// Each thread counts separately; the counts are merged at the end.
public struct TokenUses: Equatable, Sendable {
  /// The number of tokens counted.
  public private(set) var tokens = 0
  private var uses: [Int]

  /// No uses yet; tokens are below `vocabularySize`.
  public init(vocabularySize: Int) {
    precondition(vocabularySize >= 0)
    uses = Array(repeating: 0, count: vocabularySize)
  }

  /// The size of the vocabulary.
  public var vocabularySize: Int { uses.count }

  /// The number of tokens of the vocabulary that were used.
  public var vocabularyUsed: Int { uses.count { $0 > 0 } }

  /// Counts `ids`.
  public mutating func count(_ ids: UnsafeBufferPointer<UInt32>) {
    tokens += ids.count
    uses.withUnsafeMutableBufferPointer { uses in
      for id in ids {
        precondition(id < uses.count, "the token is not in the vocabulary")
        uses[Int(id)] &+= 1
      }
    }
  }

  /// Adds the counts of `other`, which has the same vocabulary.
  public mutating func merge(_ other: TokenUses) {
    precondition(vocabularySize == other.vocabularySize, "the vocabularies differ in size")
    tokens += other.tokens
    for index in uses.indices { uses[index] += other.uses[index] }
  }
}
