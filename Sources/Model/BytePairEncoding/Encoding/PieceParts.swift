import Glibc

/// Merges a very long piece part by part, in memory for one part.
///
/// Let T(x) be the tokens of the bytes x, and let T(a) end with the token s and T(b) begin with the
/// token t. Then T(ab) is T(a) T(b) exactly if T(st) is s t: no merge crosses the ends of a token, so
/// until one crosses the cut, the bytes of s are merged as if they were alone, and so are those of t;
/// and whether the pair at the cut comes before theirs depends on these alone, as in st.
///
/// So the tokens of a window of the piece are made, and the last ones dropped, which might be others if
/// more was known of what follows; where they began the next window begins. If the tokens at a cut do
/// not fit together, the windows were too small.
package struct PieceParts {
  /// How long windows are at first; shorter pieces are one part.
  package static let usualWindow = 1 << 16

  private let merger: PieceMerger
  private let piece: UnsafeBufferPointer<UInt8>

  /// The parts of `piece`.
  package init(of piece: UnsafeBufferPointer<UInt8>, _ merger: PieceMerger) {
    self.piece = piece
    self.merger = merger
  }

  /// Calls `take` with the ids of the parts, one after another, until it returns false; returns whether
  /// it never did.
  package func forEach(
    window: Int = usualWindow, _ take: (UnsafeBufferPointer<UInt32>) -> Bool
  ) -> Bool {
    // What was taken cannot be taken back, so it is found out first which windows will do.
    var window = window
    while window < piece.count, !visit(window: window, { _ in true }) { window *= 4 }
    return visit(window: window, take)
  }

  /// Calls `take` with the ids of the parts that windows of `window` bytes lead to; returns false if the
  /// tokens at a cut do not fit together, or `take` returns false.
  private func visit(window: Int, _ take: (UnsafeBufferPointer<UInt32>) -> Bool) -> Bool {
    let ids = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: min(window, piece.count))
    defer { ids.deallocate() }
    guard let output = ids.baseAddress else { return true }
    var start = 0
    var windowBefore = 0..<0
    /// How many ids of the window are those of the part, and how many bytes the others have.
    var (partCount, dropped) = (0, 0)
    var lastID: UInt32?
    /// Ids of tokens that fit together.
    var fitting: (UInt32, UInt32)?
    while start < piece.count {
      let bytes = start..<min(start + window, piece.count)
      let isLast = bytes.upperBound == piece.count
      // A piece so long mostly repeats a character, and so it does windows.
      if isLast || !isSame(bytes, windowBefore) {
        partCount = merger.merge(UnsafeBufferPointer(rebasing: piece[bytes]), into: output)
        dropped = 0
        while !isLast, partCount > 0, dropped < window / 8 {
          partCount -= 1
          dropped += merger.byteCount(of: ids[partCount])
        }
      }
      if partCount == 0 { return false }
      if let lastID, fitting.map({ $0 == (lastID, ids[0]) }) != true {
        guard fit(lastID, ids[0], at: start) else { return false }
        fitting = (lastID, ids[0])
      }
      guard take(UnsafeBufferPointer(rebasing: ids[..<partCount])) else { return false }
      lastID = ids[partCount - 1]
      windowBefore = bytes
      start = bytes.upperBound - dropped
    }
    return true
  }

  private func isSame(_ bytes: Range<Int>, _ others: Range<Int>) -> Bool {
    guard bytes.count == others.count, let base = piece.baseAddress else { return false }
    return memcmp(base + bytes.lowerBound, base + others.lowerBound, bytes.count) == 0
  }

  /// Whether the token `left` stays as it is where it ends at `cut` and the token `right` follows.
  private func fit(_ left: UInt32, _ right: UInt32, at cut: Int) -> Bool {
    let bytes = cut - merger.byteCount(of: left)..<cut + merger.byteCount(of: right)
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: bytes.count) { ids in
      guard let output = ids.baseAddress else { return false }
      let count = merger.merge(UnsafeBufferPointer(rebasing: piece[bytes]), into: output)
      return count == 2 && ids[0] == left && ids[1] == right
    }
  }
}
