/// Merges the bytes of one piece into tokens.
///
/// The pair with the lowest rank is merged first, and the leftmost of equal ones, until the
/// vocabulary merges none of the remaining pairs.
struct PieceMerger: Sendable {
  /// Longer pieces are merged in blocks, by ``LongPieceMerging``.
  private static let longestShort = 64

  private let byteIDs: [UInt32]
  private let merges: MergeTable

  init(_ tokenizer: Tokenizer) {
    byteIDs = tokenizer.byteIDs
    merges = MergeTable(tokenizer.merges)
  }

  /// Writes the ids of `piece`, which is not empty, to `output`, which has room for as many ids as
  /// the piece has bytes, and returns the number of ids.
  func merge(
    _ piece: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    guard piece.count <= Self.longestShort else {
      let ids = LongPieceMerging(piece.map { byteIDs[Int($0)] }, merges).merged()
      _ = UnsafeMutableBufferPointer(start: output, count: ids.count).update(fromContentsOf: ids)
      return ids.count
    }
    var ranks = InlineArray<64, UInt32>(repeating: MergeTable.noRank)
    var count = piece.count
    for (place, byte) in piece.enumerated() { output[place] = byteIDs[Int(byte)] }
    for place in 0..<count - 1 { ranks[place] = merges.rank(of: output[place], output[place + 1]) }
    while true {
      var best = 0
      for place in 1..<max(count, 1) where ranks[place] < ranks[best] { best = place }
      if ranks[best] == MergeTable.noRank { return count }
      output[best] = merges.result(of: ranks[best])
      count -= 1
      for place in best + 1..<count {
        output[place] = output[place + 1]
        ranks[place] = ranks[place + 1]
      }
      ranks[count] = MergeTable.noRank
      ranks[best] =
        best + 1 < count ? merges.rank(of: output[best], output[best + 1]) : MergeTable.noRank
      if best > 0 { ranks[best - 1] = merges.rank(of: output[best - 1], output[best]) }
    }
  }
}
