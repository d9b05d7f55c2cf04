/// The tables of an encoder and what it remembers.
///
/// It belongs to one thread at a time: ``Encoder`` makes another one where two encoders would share
/// it.
final class EncoderState: @unchecked Sendable {
  private let preTokenizer = PreTokenizer()
  private let merger: PieceMerger
  private let cache = PieceCache()

  init(_ merger: PieceMerger) {
    self.merger = merger
  }

  /// A state with the same tables that remembers nothing.
  func anew() -> EncoderState { EncoderState(merger) }

  /// Appends the ids of `text[range]` to `ids`; what stands behind `range` has no influence.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`; the ids of what stands before it may have
  ///   been appended.
  func encode(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, into ids: IDBuffer
  ) throws(InvalidUTF8) {
    precondition(range.lowerBound >= 0 && range.upperBound <= text.count)
    try preTokenizer.scanning(text, upTo: range.upperBound) { scanner throws(InvalidUTF8) in
      var start = range.lowerBound
      while start < range.upperBound {
        start = try encodePieces(scanner, text, start..<range.upperBound, into: ids)
      }
    }
  }

  /// Appends the ids of the first pieces of `text[range]`, one of them at least, and returns where
  /// they end.
  private func encodePieces(
    _ scanner: PieceScanner, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    into ids: IDBuffer
  ) throws(InvalidUTF8) -> Int {
    let room = ids.reserve(min(range.count, Self.usualRoom) + PieceCache.idsWritten)
    // A piece has no more tokens than bytes.
    let limit = room.count - PieceCache.idsWritten
    guard let base = text.baseAddress, let output = room.baseAddress else {
      return range.upperBound
    }
    var count = 0
    var start = range.lowerBound
    defer { ids.commit(count) }
    while start < range.upperBound {
      let end = try scanner.pieceEnd(from: start)
      let length = end - start
      if count + length > limit {
        if count > 0 { break }
        encodeLong(UnsafeBufferPointer(rebasing: text[start..<end]), into: ids)
        return end
      }
      if length > PieceCache.longestPiece {
        count += merger.merge(base + start, length, into: output + count)
      } else if start + 32 <= text.count {
        let key = cache.key(base + start, count: length)
        let known = cache.find(key, into: output + count)
        count += known > 0 ? known : merge(base + start, length, key, into: output + count)
      } else {
        count += encodeLast(base + start, length, into: output + count)
      }
      start = end
    }
    return start
  }

  private static let usualRoom = 1 << 12

  /// Merges a piece that is not in the cache, and remembers it.
  @inline(never)
  private func merge(
    _ piece: UnsafePointer<UInt8>, _ length: Int, _ key: PieceCache.Key,
    into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let count = merger.merge(piece, length, into: output)
    if count <= PieceCache.mostIDs { cache.insert(key, output, count: count) }
    return count
  }

  /// Encodes a short piece behind which no 32 bytes can be read.
  @inline(never)
  private func encodeLast(
    _ piece: UnsafePointer<UInt8>, _ length: Int, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 32) { copy in
      copy.initializeMemory(as: UInt8.self, repeating: 0)
      copy.copyMemory(from: UnsafeRawBufferPointer(start: piece, count: length))
      guard let address = copy.baseAddress else { return 0 }
      let key = cache.key(address, count: length)
      let known = cache.find(key, into: output)
      return known > 0 ? known : merge(piece, length, key, into: output)
    }
  }

  /// Encodes a piece that may have more tokens than there is usually room for.
  private func encodeLong(_ piece: UnsafeBufferPointer<UInt8>, into ids: IDBuffer) {
    let room = ids.reserve(piece.count)
    guard let output = room.baseAddress, let base = piece.baseAddress else { return }
    ids.commit(merger.merge(base, piece.count, into: output))
  }
}
