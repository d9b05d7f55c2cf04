/// The tables of an encoder and what it remembers.
///
/// It belongs to one thread at a time: ``Encoder`` makes another one where two encoders would share
/// it.
final class EncoderState: @unchecked Sendable {
  private let preTokenizer = PreTokenizer()
  private let merger: PieceMerger
  private let pieces: SharedPieces
  private var recentPieces = RecentPieces()
  private let mask = PieceMask()
  private let gathered: UnsafeMutablePointer<Gathered>

  /// A short piece, and later its likely entry.
  private struct Gathered {
    var key: PieceKey
    let hash: UInt64
    var entry: UnsafePointer<PieceEntry>?
  }
  private static let mostGathered = 32

  private init(_ merger: PieceMerger, _ pieces: SharedPieces) {
    self.merger = merger
    self.pieces = pieces
    gathered = .allocate(capacity: Self.mostGathered)
  }

  /// A state that knows no pieces.
  convenience init(_ merger: PieceMerger) {
    self.init(merger, SharedPieces())
  }

  deinit {
    gathered.deallocate()
  }

  /// A state for another thread, with the same tables.
  func anew() -> EncoderState { EncoderState(merger, pieces) }

  /// Appends the ids of `text[range]` to `ids`; what stands behind `range` has no influence.
  ///
  /// Where there are more than ``IDBuffer/many``, `whenMany` may take them out; if it returns false, no
  /// more are appended. Returns whether it never did.
  ///
  /// - Throws: ``InvalidUTF8`` with an offset in `text`; the ids of what stands before it may have
  ///   been appended.
  func encode(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, into ids: IDBuffer,
    whenMany: (IDBuffer) -> Bool
  ) throws(InvalidUTF8) -> Bool {
    precondition(range.lowerBound >= 0 && range.upperBound <= text.count)
    return try preTokenizer.scanning(text, upTo: range.upperBound) { scanner throws(InvalidUTF8) in
      var start = range.lowerBound
      while start < range.upperBound {
        let (gathered, next) = try gather(scanner, text, start..<range.upperBound)
        if gathered > 0 { encodeGathered(gathered, into: ids) }
        start = next.upperBound
        if !next.isEmpty {
          let piece = UnsafeBufferPointer(rebasing: text[next])
          guard encodePiece(piece, into: ids, whenMany: whenMany) else { return false }
        }
        if ids.count > IDBuffer.many && !whenMany(ids) { return false }
      }
      return true
    }
  }

  /// Gathers the first pieces of `text[range]` and returns how many, and where the next one is if it
  /// cannot be gathered.
  ///
  /// It is gathered before it is looked up, so that the memory is on its way in which is looked.
  private func gather(
    _ scanner: PieceScanner, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) throws(InvalidUTF8) -> (count: Int, next: Range<Int>) {
    guard let base = text.baseAddress else { return (0, range.upperBound..<range.upperBound) }
    let (lookup, mask, gathered) = (pieces.lookup, mask, gathered)
    let lastKey = text.count - PieceKey.bytesRead
    var start = range.lowerBound
    var count = 0
    while start < range.upperBound && count < Self.mostGathered {
      let end = try scanner.pieceEnd(from: start)
      if end - start > PieceKey.longestPiece || start > lastKey { return (count, start..<end) }
      let key = PieceKey(base + start, count: end - start, mask)
      let hash = key.hash
      lookup.prepare(hash)
      (gathered + count).initialize(to: Gathered(key: key, hash: hash, entry: nil))
      count += 1
      start = end
    }
    return (count, start..<start)
  }

  /// Appends the ids of the first `count` pieces that were gathered to `ids`.
  private func encodeGathered(_ count: Int, into ids: IDBuffer) {
    // A piece has no more tokens than bytes.
    let room = ids.reserve(count * PieceKey.longestPiece + PieceEntry.idsWritten)
    guard let output = room.baseAddress else { return }
    let (lookup, gathered) = (pieces.lookup, gathered)
    for index in 0..<count { gathered[index].entry = lookup.likelyEntry(gathered[index].hash) }
    var written = 0
    for index in 0..<count {
      let next = output + written
      if let entry = gathered[index].entry, entry.hasKey(&gathered[index].key) {
        written += entry.pointee.copyIDs(to: next)
      } else {
        written += encode(gathered[index].key, gathered[index].hash, into: next)
      }
    }
    ids.commit(written)
  }

  /// Writes the ids of a short piece to `output`, and remembers them; returns how many there are.
  @inline(never)
  private func encode(
    _ key: PieceKey, _ hash: UInt64, into output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    if let entry = pieces.entry(of: key, hash: hash) ?? recentPieces.entry(of: key, hash: hash) {
      return entry.copyIDs(to: output)
    }
    let count = key.withPiece { merger.merge($0, into: output) }
    if count <= PieceEntry.mostIDs {
      let entry = PieceEntry(key, UnsafeBufferPointer(start: output, count: count))
      if !pieces.add(entry, hash: hash) { recentPieces.add(entry, hash: hash) }
    }
    return count
  }

  /// Appends the ids of a piece that is long, or behind which too little can be read; `whenMany` as in
  /// ``encode(_:of:into:whenMany:)``.
  @inline(never)
  private func encodePiece(
    _ piece: UnsafeBufferPointer<UInt8>, into ids: IDBuffer, whenMany: (IDBuffer) -> Bool
  ) -> Bool {
    if piece.count > PieceParts.usualWindow {
      return PieceParts(of: piece, merger).forEach { part in
        ids.append(part)
        return ids.count <= IDBuffer.many || whenMany(ids)
      }
    }
    let room = ids.reserve(piece.count + PieceEntry.idsWritten)
    guard let output = room.baseAddress else { return true }
    if piece.count > PieceKey.longestPiece {
      ids.commit(merger.merge(piece, into: output))
      return true
    }
    withUnsafeTemporaryAllocation(byteCount: PieceKey.bytesRead, alignment: 32) { copy in
      copy.initializeMemory(as: UInt8.self, repeating: 0)
      copy.copyMemory(from: UnsafeRawBufferPointer(piece))
      guard let address = copy.baseAddress else { return }
      let key = PieceKey(address, count: piece.count, mask)
      ids.commit(encode(key, key.hash, into: output))
    }
    return true
  }
}
