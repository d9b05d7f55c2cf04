/// The merges, by the pairs of ids that they merge.
struct MergeTable: Sendable {
  /// The rank of a pair that is not merged: greater than all ranks.
  static let noRank = UInt32.max

  /// The merges in the order of their ranks.
  private let merges: [Tokenizer.Merge]
  private var index: HashIndex
  /// A bit for each hash of a pair that is merged, modulo the number of bits.
  ///
  /// Most pairs are not merged. For them the bits, which fit into a small cache, give the answer
  /// without a look into the index.
  private var bits: [UInt64]

  /// A table of `merges` in the order of their ranks; of equal pairs, the last one counts.
  init(_ merges: [Tokenizer.Merge]) {
    self.merges = merges
    index = HashIndex(capacity: merges.count)
    var words = 2
    while words < merges.count / 4 { words *= 2 }
    bits = Array(repeating: 0, count: words)
    for (rank, merge) in merges.enumerated().reversed()
    where self.rank(of: merge.left, merge.right) == Self.noRank {
      let hash = FoldedHash.hash(of: Self.key(merge.left, merge.right))
      index.insert(rank, hash: hash)
      bits[Int(hash >> 6) & (words - 1)] |= 1 << UInt64(hash & 63)
    }
  }

  /// The rank of the merge of the token `left` with the token `right` after it, or ``noRank``.
  @inline(__always)
  func rank(of left: UInt32, _ right: UInt32) -> UInt32 {
    let hash = FoldedHash.hash(of: Self.key(left, right))
    if bits[Int(hash >> 6) & (bits.count - 1)] >> UInt64(hash & 63) & 1 == 0 { return Self.noRank }
    let rank = index.find(hash) { merges[$0].left == left && merges[$0].right == right }
    return rank.map { UInt32(truncatingIfNeeded: $0) } ?? Self.noRank
  }

  /// The token that the merge of rank `rank` produces.
  func result(of rank: UInt32) -> UInt32 { merges[Int(rank)].result }

  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }
}
