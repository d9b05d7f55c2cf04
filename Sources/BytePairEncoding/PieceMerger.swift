/// Merges the bytes of one piece into tokens.
///
/// The pair with the lowest rank is merged first, the leftmost of equal ones, until no pair is left
/// that the vocabulary merges.
struct PieceMerger: Sendable {
  private let merges: MergeTable
  private let byteIDs: [UInt32]

  init(_ tokenizer: Tokenizer) {
    merges = MergeTable(tokenizer.merges)
    byteIDs = tokenizer.byteIDs
  }

  /// Writes the ids of the piece of `count` bytes at `piece`, 1 at least, to `output`, where there is
  /// room for as many ids, and returns how many there are.
  func merge(
    _ piece: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let count = piece.count
    byteIDs.withUnsafeBufferPointer { byteIDs in
      for index in 0..<count { output[index] = byteIDs[Int(piece[index])] }
    }
    return merges.withLookup { merges in
      if count <= ShortPieceMerging.longestPiece {
        return ShortPieceMerging.merge(output, count: count, merges)
      }
      return LongPieceMerging(output, count, merges).run()
    }
  }
}
