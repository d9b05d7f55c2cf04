/// Merges the bytes of one piece into tokens.
///
/// The pair with the lowest rank is merged first, the leftmost of equal ones, until no pair is left
/// that the vocabulary merges.
package struct PieceMerger: Sendable {
  private let merges: MergeTable
  private let tokenizer: Tokenizer

  package init(_ tokenizer: Tokenizer) {
    merges = MergeTable(tokenizer.merges)
    self.tokenizer = tokenizer
  }

  /// How many bytes the token `id` stands for.
  func byteCount(of id: UInt32) -> Int { tokenizer.bytes(of: id).count }

  /// Writes the ids of `piece`, which is not empty, to `output`, where there is room for as many ids
  /// as the piece has bytes, and returns how many there are.
  func merge(
    _ piece: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    tokenizer.byteIDs.withUnsafeBufferPointer { byteIDs in
      for (index, byte) in piece.enumerated() { output[index] = byteIDs[Int(byte)] }
    }
    return merges.withLookup { merges in
      if piece.count <= ShortPieceMerging.longestPiece {
        return ShortPieceMerging.merge(output, count: piece.count, merges)
      }
      return LongPieceMerging(output, piece.count, merges).run()
    }
  }
}
