/// The first 1,024 bytes of a token shard: 256 little-endian words of 32 bits.
///
/// The words 0 to 2 are those of llm.c. It leaves the others at zero; here those from 3 on say what
/// the ids mean.
public struct TokenShardHeader: Equatable, Sendable {
  /// How many bytes the header has.
  public static let byteCount = 1024
  /// The largest vocabulary whose ids are written in two bytes.
  public static let largestShortVocabulary = 1 << 16
  /// How many bytes the ids of a vocabulary of `vocabularySize` tokens have, 2 or 4.
  public static func bytesPerToken(vocabularySize: Int) -> Int {
    vocabularySize <= largestShortVocabulary ? 2 : 4
  }

  /// How many tokens a shard can have, as word 2 is a signed number.
  public static let largestCount = Int(Int32.max)

  static let shortMagic: UInt32 = 20_240_520
  static let shortVersion: UInt32 = 1
  static let longMagic: UInt32 = 20_240_801
  static let longVersion: UInt32 = 7
  /// Word 3 of a shard whose words 4 to 8 are set.
  static let described: UInt32 = 1

  /// How many ids follow.
  public var count: Int
  /// How many bytes each id has, 2 or 4.
  public var bytesPerToken: Int
  /// What the ids mean; `nil` in a shard of another program.
  public var description: Description?

  /// What the ids of a shard mean.
  public struct Description: Equatable, Sendable {
    /// How many tokens the vocabulary has; all ids are below.
    public var vocabularySize: Int
    /// The id that ends a text.
    public var endOfText: UInt32
    /// The digest of the tokenizer.
    public var tokenizerDigest: UInt32
    /// The CRC-32 of the ids as they stand in the file.
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

  /// The header as it stands in a file.
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
