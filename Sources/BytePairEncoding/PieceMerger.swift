/// Merges the bytes of one piece into tokens.
///
/// The pair with the lowest rank is merged first, the leftmost of equal ones, until no pair is left
/// that the vocabulary merges.
struct PieceMerger: Sendable {
  private let merges: MergeTable
  private let byteIDs: [UInt32]

  /// Up to this many bytes a search through all pairs is quicker than keeping them in order.
  private static let longestSearched = 64

  init(_ tokenizer: Tokenizer) {
    merges = MergeTable(tokenizer.merges)
    byteIDs = tokenizer.byteIDs
  }

  /// Writes the ids of the piece of `count` bytes at `piece`, 1 at least, to `output`, where there is
  /// room for as many ids, and returns how many there are.
  func merge(
    _ piece: UnsafePointer<UInt8>, _ count: Int, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    byteIDs.withUnsafeBufferPointer { byteIDs in
      for index in 0..<count { output[index] = byteIDs[Int(piece[index])] }
    }
    return merges.withLookup { merges in
      if count > Self.longestSearched {
        let merging = LongPieceMerging(output, count, merges)
        return merging.run()
      }
      return withUnsafeTemporaryAllocation(
        of: MergeTable.Merge.self, capacity: Self.longestSearched
      ) { candidates in
        guard let candidates = candidates.baseAddress else { return count }
        return Self.mergeBySearch(output, count, candidates, merges)
      }
    }
  }

  /// Merges the `count` tokens at `symbols`; `candidates` has room for the merge of each of them but
  /// the last with the one behind it.
  @inline(__always)
  private static func mergeBySearch(
    _ symbols: UnsafeMutablePointer<UInt32>, _ symbolCount: Int,
    _ candidates: UnsafeMutablePointer<MergeTable.Merge>, _ merges: MergeTable.Lookup
  ) -> Int {
    var count = symbolCount
    for index in 0..<count - 1 { candidates[index] = merges[symbols[index], symbols[index + 1]] }
    while count > 1 {
      var best = MergeTable.none
      var position = 0
      for index in 0..<count - 1 where candidates[index] < best {
        best = candidates[index]
        position = index
      }
      if best == MergeTable.none { break }
      symbols[position] = UInt32(truncatingIfNeeded: best)
      count -= 1
      var index = position + 1
      while index < count {
        symbols[index] = symbols[index + 1]
        candidates[index - 1] = candidates[index]
        index += 1
      }
      if position > 0 {
        candidates[position - 1] = merges[symbols[position - 1], symbols[position]]
      }
      if position + 1 < count {
        candidates[position] = merges[symbols[position], symbols[position + 1]]
      }
    }
    return count
  }
}
