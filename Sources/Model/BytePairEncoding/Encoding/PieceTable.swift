/// The short pieces that an encoder has seen, with their ids.
///
/// When it is full, it starts over: frequent pieces are soon back, and there is no order of use to
/// maintain.
struct PieceTable: Sendable {
  /// The number of pieces in a full table, which takes 8 MB and 2 MB for their index.
  private static let capacity = 1 << 17

  private var index = HashIndex()
  private var entries: [Entry] = []
  /// The masks that keep the first n bytes, by n.
  private let masks: [PieceKey.Words] = (0...PieceKey.longestPiece).map(PieceKey.mask)

  /// A piece with its ids: 64 bytes, a line of the processor's cache.
  private struct Entry {
    /// Pieces of more tokens have no entry.
    static let mostIDs = 7

    let key: PieceKey
    /// The ids, and in the last place how many there are.
    let ids: SIMD8<UInt32>
  }

  /// The key of the piece of `count` bytes, 1 to ``PieceKey/longestPiece``, at `piece`, where
  /// ``PieceKey/bytesRead`` bytes can be read.
  @inline(__always)
  func key(_ piece: UnsafePointer<UInt8>, count: Int) -> PieceKey {
    PieceKey(piece, count: count, mask: masks[count])
  }

  /// Writes the ids of the piece `key` to `output`, which has room for 8, and returns how many there
  /// are; `nil` if the piece is not in the table.
  @inline(__always)
  func copyIDs(of key: PieceKey, to output: UnsafeMutablePointer<UInt32>) -> Int? {
    guard let found = index.find(key.hash, where: { entries[$0].key == key }) else { return nil }
    let ids = entries[found].ids
    // Storing all eight is faster than looking how many there are.
    UnsafeMutableRawPointer(output).storeBytes(of: ids, as: SIMD8<UInt32>.self)
    return Int(ids[7])
  }

  /// Adds the piece `key`, which is not in the table, with `ids`, unless they are too many.
  mutating func insert(_ key: PieceKey, _ ids: UnsafeBufferPointer<UInt32>) {
    guard ids.count <= Entry.mostIDs else { return }
    if entries.count == Self.capacity {
      index.removeAll()
      entries.removeAll(keepingCapacity: true)
    }
    var words = SIMD8<UInt32>.zero
    for (place, id) in ids.enumerated() { words[place] = id }
    words[7] = UInt32(ids.count)
    index.insert(entries.count, hash: key.hash)
    entries.append(Entry(key: key, ids: words))
  }
}

/// A short piece as it is looked up: its bytes, zeros after them, and its length in the last byte.
struct PieceKey: Equatable {
  typealias Words = SIMD4<UInt64>

  /// Longer pieces have no key.
  static let longestPiece = 31
  /// How many bytes are read of a piece, whatever its length.
  static let bytesRead = 32

  private let words: Words

  @inline(__always)
  fileprivate init(_ piece: UnsafeRawPointer, count: Int, mask: Words) {
    var words = piece.loadUnaligned(as: Words.self) & mask
    words[3] |= UInt64(count).bigEndian
    self.words = words
  }

  fileprivate static func mask(_ count: Int) -> Words {
    var mask = Words.zero
    for byte in 0..<count { mask[byte / 8] |= 0xFF << UInt64(byte % 8 * 8) }
    return mask
  }

  @inline(__always)
  fileprivate var hash: UInt32 {
    let folded =
      FoldedHash.fold(words[0] ^ 0x9E37_79B9_7F4A_7C15, words[1] ^ 0xD6E8_FEB8_6659_FD93)
      ^ FoldedHash.fold(words[2] ^ 0xA076_1D64_78BD_642F, words[3] ^ 0xE703_7ED1_A0B4_28DB)
    return UInt32(truncatingIfNeeded: folded ^ folded >> 29)
  }

  @inline(__always)
  static func == (a: PieceKey, b: PieceKey) -> Bool {
    let difference = a.words ^ b.words
    return difference[0] | difference[1] | difference[2] | difference[3] == 0
  }
}
