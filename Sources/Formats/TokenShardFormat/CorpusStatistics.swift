/// What a corpus became: how many tokens of how many bytes, which of the vocabulary, how long posts
/// are.
///
///     var statistics = CorpusStatistics(vocabularySize: tokenizer.count, blockSize: 128)
///     statistics.uses.count(ids)
///     statistics.lengths.add(.init(tokens: ids.count, bytes: 78, file: 0, line: 12))
public struct CorpusStatistics: Equatable, Sendable {
  /// How often each token was used, the ends of texts with them.
  public var uses: TokenUses
  /// How long posts are; no posts where the text was not taken post by post.
  public var lengths: PostLengths
  /// How many bytes of text there are that is no post.
  public var otherBytes = 0
  /// How many broken characters there were that were replaced or dropped, and how many bytes they
  /// had together.
  public var invalidUTF8 = InvalidUTF8()

  /// A number of broken characters.
  public struct InvalidUTF8: Equatable, Sendable {
    public var sequences = 0
    public var bytes = 0
  }

  /// Statistics of nothing yet; tokens are below `vocabularySize`.
  public init(vocabularySize: Int, blockSize: Int) {
    uses = TokenUses(vocabularySize: vocabularySize)
    lengths = PostLengths(blockSize: blockSize)
  }

  /// How many bytes of text there are.
  public var textBytes: Int { lengths.textBytes + otherBytes }
}
