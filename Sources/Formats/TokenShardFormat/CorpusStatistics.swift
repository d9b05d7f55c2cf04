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
