import Glibc

/// A short piece and its ids: 64 bytes, a line of the processor's cache.
struct PieceEntry {
  /// Pieces of more tokens have no entry.
  static let mostIDs = 7
  /// Whoever takes ids from an entry may write this many, whatever their number.
  static let idsWritten = 8

  let key: PieceKey
  /// The ids, and in the last place how many there are.
  private let ids: SIMD8<UInt32>

  /// The entry of no piece.
  static var empty: PieceEntry { PieceEntry(key: .none, ids: .zero) }

  private init(key: PieceKey, ids: SIMD8<UInt32>) {
    self.key = key
    self.ids = ids
  }

  /// The entry of the piece `key` with `ids`, 1 to ``mostIDs``.
  init(_ key: PieceKey, _ ids: UnsafeBufferPointer<UInt32>) {
    precondition(1...Self.mostIDs ~= ids.count)
    var words = SIMD8<UInt32>.zero
    for (index, id) in ids.enumerated() { words[index] = id }
    words[7] = UInt32(ids.count)
    self.init(key: key, ids: words)
  }

  /// Writes the ids to `output`, where there is room for ``idsWritten``, and returns how many there
  /// are.
  ///
  /// All words are written, which is quicker than to look how many there are.
  @inline(__always)
  func copyIDs(to output: UnsafeMutablePointer<UInt32>) -> Int {
    UnsafeMutableRawPointer(output).storeBytes(of: ids, as: SIMD8<UInt32>.self)
    return Int(ids[7])
  }
}

extension UnsafePointer<PieceEntry> {
  /// Whether the entry is that of the piece `key`.
  @inline(__always)
  func hasKey(_ key: UnsafePointer<PieceKey>) -> Bool {
    memcmp(self, key, MemoryLayout<PieceKey>.size) == 0
  }
}
