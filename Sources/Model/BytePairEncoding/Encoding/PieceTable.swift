/// The short pieces that an encoder has seen, with their ids.
///
/// It is open-addressed with linear probing. Unlike ``HashIndex``, it stores the pieces in its
/// slots, one cache line each, because these lookups dominate the time of encoding. When it is
/// full, it starts over: frequent pieces soon return, and no order of use has to be maintained.
struct PieceTable: Sendable {
  /// The maximum number of slots, which take 8 MB.
  private static let mostSlots = 1 << 17

  /// The number of slots is a power of two, and at most half of them are taken.
  private var slots = [Slot](repeating: .free, count: 64)
  private var count = 0
  /// The masks that keep the first n bytes, by n.
  private let masks: [PieceKey.Words] = (0...PieceKey.longestPiece).map(PieceKey.mask)

  /// A piece with its ids, in 64 bytes.
  private struct Slot {
    /// Pieces with more tokens are not kept.
    static let mostIDs = 7
    static let free = Slot(key: PieceKey.none, ids: .zero)

    let key: PieceKey
    /// The ids, and in the last element their number; 0 in a free slot.
    let ids: SIMD8<UInt32>
  }

  /// The key of the piece of `count` bytes, 1 to ``PieceKey/longestPiece``, at `piece`, where
  /// ``PieceKey/bytesRead`` bytes can be read.
  @inline(__always)
  func key(_ piece: UnsafePointer<UInt8>, count: Int) -> PieceKey {
    PieceKey(piece, count: count, mask: masks[count])
  }

  /// Writes the ids of the piece `key` to `output`, which has room for 8, and returns their number:
  /// 0 if the piece is not in the table.
  @inline(__always)
  func copyIDs(of key: PieceKey, to output: UnsafeMutablePointer<UInt32>) -> Int {
    let ids = slots[position(of: key)].ids
    // Storing all eight is faster than checking how many there are.
    UnsafeMutableRawPointer(output).storeBytes(of: ids, as: SIMD8<UInt32>.self)
    return Int(ids[7])
  }

  /// Adds the piece `key`, which is not in the table, with `ids`, unless there are too many.
  mutating func insert(_ key: PieceKey, _ ids: UnsafeBufferPointer<UInt32>) {
    guard ids.count <= Slot.mostIDs else { return }
    if count * 2 >= slots.count { makeRoom() }
    var words = SIMD8<UInt32>.zero
    for (place, id) in ids.enumerated() { words[place] = id }
    words[7] = UInt32(ids.count)
    slots[position(of: key)] = Slot(key: key, ids: words)
    count += 1
  }

  /// The position of the piece `key`, or of the free slot where it belongs.
  @inline(__always)
  private func position(of key: PieceKey) -> Int {
    let mask = slots.count - 1
    var position = Int(key.hash) & mask
    while slots[position].key != key, slots[position].ids[7] != 0 {
      position = (position + 1) & mask
    }
    return position
  }

  private mutating func makeRoom() {
    let taken = slots.count < Self.mostSlots ? slots.filter { $0.ids[7] != 0 } : []
    slots = Array(repeating: .free, count: min(slots.count * 2, Self.mostSlots))
    for slot in taken { slots[position(of: slot.key)] = slot }
    count = taken.count
  }
}

/// A short piece as a lookup key: its bytes, padded with zeros, and its length in the last byte.
struct PieceKey: Equatable {
  typealias Words = SIMD4<UInt64>

  /// Longer pieces have no key.
  static let longestPiece = 31
  /// How many bytes of a piece are read, whatever its length.
  static let bytesRead = 32

  /// The key of no piece.
  fileprivate static let none = PieceKey(words: .zero)

  private let words: Words

  private init(words: Words) {
    self.words = words
  }

  @inline(__always)
  fileprivate init(_ piece: UnsafeRawPointer, count: Int, mask: Words) {
    var words = piece.loadUnaligned(as: Words.self) & mask
    words[3] |= UInt64(count).bigEndian
    self.init(words: words)
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
