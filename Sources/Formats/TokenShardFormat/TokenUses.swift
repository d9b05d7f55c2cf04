/// How often each token of a vocabulary was used.
///
/// Threads count for themselves and are merged in the end.
public struct TokenUses: Equatable, Sendable {
  /// How many tokens there were.
  public private(set) var tokens = 0
  private var uses: [Int]

  /// No uses as yet; tokens are below `vocabularySize`.
  public init(vocabularySize: Int) {
    precondition(vocabularySize >= 0)
    uses = Array(repeating: 0, count: vocabularySize)
  }

  /// How many tokens the vocabulary has.
  public var vocabularySize: Int { uses.count }

  /// How many tokens of the vocabulary are used.
  public var vocabularyUsed: Int { uses.count { $0 > 0 } }

  /// Counts `ids`.
  public mutating func count(_ ids: UnsafeBufferPointer<UInt32>) {
    tokens += ids.count
    uses.withUnsafeMutableBufferPointer { uses in
      for id in ids {
        precondition(id < uses.count, "no such token in the vocabulary")
        uses[Int(id)] &+= 1
      }
    }
  }

  /// Takes in what `other`, of the same vocabulary, has.
  public mutating func merge(_ other: TokenUses) {
    precondition(vocabularySize == other.vocabularySize, "uses of another vocabulary")
    tokens += other.tokens
    for index in uses.indices { uses[index] += other.uses[index] }
  }
}
