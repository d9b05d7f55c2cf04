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
