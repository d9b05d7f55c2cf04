import Glibc

/// Gives each distinct piece of text a number, from 0 on in order of their first appearance.
struct PieceTable: Sendable {
  private struct Entry {
    var offset: Int
    var length: UInt32
    /// The upper half of the hash, of which the lower half chose the slot.
    var tag: UInt32
  }

  /// The numbers of pieces plus one, 0 for a free slot; how many there are is a power of two.
  private var slots: [UInt32]
  private var entries: [Entry] = []
  /// The bytes of all pieces, one after another.
  private var bytes: [UInt8] = []

  /// An empty table.
  init() {
    slots = Array(repeating: 0, count: 1 << 12)
  }

  /// How many pieces there are.
  var count: Int { entries.count }

  /// How many bytes the pieces have together.
  var byteCount: Int { bytes.count }

  /// The bytes of the piece `number`.
  subscript(number: Int) -> ArraySlice<UInt8> {
    let entry = entries[number]
    return bytes[entry.offset..<entry.offset + Int(entry.length)]
  }

  /// Forgets all pieces.
  mutating func removeAll() {
    for slot in slots.indices { slots[slot] = 0 }
    entries.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  /// The number of `piece`, which is ``count`` before the call if the piece is new.
  mutating func number(of piece: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = Self.hash(piece)
    let tag = UInt32(truncatingIfNeeded: hash >> 32)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      let entry = entries[number]
      if entry.tag == tag, Int(entry.length) == piece.count, matches(entry, piece) { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = entries.count
    slots[slot] = UInt32(number + 1)
    entries.append(Entry(offset: bytes.count, length: UInt32(piece.count), tag: tag))
    bytes.append(contentsOf: piece)
    if entries.count * 2 > slots.count { grow() }
    return number
  }

  private func matches(_ entry: Entry, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      guard let stored = bytes.baseAddress, let new = piece.baseAddress else {
        return piece.isEmpty
      }
      return memcmp(stored + entry.offset, new, piece.count) == 0
    }
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for number in entries.indices {
      let hash = self[number].withUnsafeBufferPointer { Self.hash($0) }
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number + 1)
    }
  }

  /// A hash by eight bytes a step: each is mixed in by a multiplication whose halves are folded.
  private static func hash(_ piece: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let raw = UnsafeRawBufferPointer(piece)
    var state = 0x9E37_79B9_7F4A_7C15 ^ UInt64(piece.count)
    var index = 0
    while index + 8 <= raw.count {
      state = mix(state ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    var tail: UInt64 = 0
    if index + 4 <= raw.count {
      tail = UInt64(raw.loadUnaligned(fromByteOffset: index, as: UInt32.self))
      index += 4
    }
    while index < raw.count {
      tail = tail << 8 | UInt64(raw[index])
      index += 1
    }
    return mix(mix(state ^ tail))
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}
