/// The first 1,024 bytes of a token shard: 256 little-endian words of 32 bits.
///
/// Words 0 to 2 are those of llm.c, which leaves the others at zero. Here, the words from 3 on
/// describe the ids.
public struct TokenShardHeader: Equatable, Sendable {
  /// The size of the header in bytes.
  public static let byteCount = 1024
  /// The size of the largest vocabulary whose ids have two bytes.
  public static let largestShortVocabulary = 1 << 16
  /// The size in bytes of an id in a vocabulary of `vocabularySize` tokens, 2 or 4.
  public static func bytesPerToken(vocabularySize: Int) -> Int {
    vocabularySize <= largestShortVocabulary ? 2 : 4
  }

  /// The largest number of tokens in a shard: word 2 is signed.
  public static let largestCount = Int(Int32.max)

  static let shortMagic: UInt32 = 20_240_520
  static let shortVersion: UInt32 = 1
  static let longMagic: UInt32 = 20_240_801
  static let longVersion: UInt32 = 7
  /// Word 3 of a header whose words 4 to 8 are set.
  static let described: UInt32 = 1

  /// The number of ids.
  public var count: Int
  /// The size of each id in bytes, 2 or 4.
  public var bytesPerToken: Int
  /// The description of the ids; `nil` in a shard from another program.
  public var description: Description?

  /// A description of the ids of a shard.
  public struct Description: Equatable, Sendable {
    /// The size of the vocabulary; all ids are below it.
    public var vocabularySize: Int
    /// The id that ends a text.
    public var endOfText: UInt32
    /// The digest of the tokenizer.
    public var tokenizerDigest: UInt32
    /// The CRC-32 of the bytes of the ids.
    public var checksum: UInt32

    public init(
      vocabularySize: Int, endOfText: UInt32, tokenizerDigest: UInt32, checksum: UInt32
    ) {
      self.vocabularySize = vocabularySize
      self.endOfText = endOfText
      self.tokenizerDigest = tokenizerDigest
      self.checksum = checksum
    }
  }

  public init(count: Int, bytesPerToken: Int, description: Description?) {
    self.count = count
    self.bytesPerToken = bytesPerToken
    self.description = description
  }

  /// The bytes of the header.
  public var bytes: [UInt8] {
    var words = [UInt32](repeating: 0, count: Self.byteCount / 4)
    let isShort = bytesPerToken == 2
    words[0] = isShort ? Self.shortMagic : Self.longMagic
    words[1] = isShort ? Self.shortVersion : Self.longVersion
    words[2] = UInt32(count)
    if let description {
      words[3] = Self.described
      words[4] = UInt32(bytesPerToken)
      words[5] = UInt32(description.vocabularySize)
      words[6] = description.endOfText
      words[7] = description.tokenizerDigest
      words[8] = description.checksum
    }
    return words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }
}
