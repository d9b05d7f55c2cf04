/// Finds items by their hashes: an open-addressed table of the items' indices.
///
/// The items are stored elsewhere, and their owner compares them. The table therefore holds neither
/// keys nor values, and grows without looking at either. The tables of this module are built on it.
struct HashIndex: Sendable {
  /// The hash in the upper half and the index plus 1 in the lower half; 0 if the slot is free.
  ///
  /// The number of slots is a power of two, and at most half of them are taken.
  private var slots: [UInt64]
  private var count = 0

  /// An index without items, with room for `capacity`.
  init(capacity: Int = 0) {
    var slotCount = 16
    while slotCount < capacity * 2 { slotCount *= 2 }
    slots = Array(repeating: 0, count: slotCount)
  }

  /// The index of the item with the hash `hash` for which `isMatch` is true, or `nil`.
  @inline(__always)
  func find(_ hash: UInt32, where isMatch: (Int) -> Bool) -> Int? {
    let mask = slots.count - 1
    var position = Int(hash) & mask
    while true {
      let slot = slots[position]
      if slot == 0 { return nil }
      let index = Int(UInt32(truncatingIfNeeded: slot)) - 1
      if UInt32(truncatingIfNeeded: slot >> 32) == hash, isMatch(index) { return index }
      position = (position + 1) & mask
    }
  }

  /// Adds the item `index` with the hash `hash`, which must not be in the table.
  mutating func insert(_ index: Int, hash: UInt32) {
    precondition(index < UInt32.max, "more items than 32 bits can count")
    if count * 2 >= slots.count { grow() }
    count += 1
    place(UInt64(hash) << 32 | UInt64(index + 1))
  }

  private mutating func grow() {
    let taken = slots.filter { $0 != 0 }
    slots = Array(repeating: 0, count: slots.count * 2)
    for slot in taken { place(slot) }
  }

  private mutating func place(_ slot: UInt64) {
    let mask = slots.count - 1
    var position = Int(slot >> 32) & mask
    while slots[position] != 0 { position = (position + 1) & mask }
    slots[position] = slot
  }
}

/// The hash function of all tables: each step multiplies two words to 128 bits and folds the
/// halves.
///
/// Only speed depends on its quality.
enum FoldedHash {
  @inline(__always)
  static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// The hash of a pair of ids, or of any other word.
  @inline(__always)
  static func hash(of word: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: fold(word ^ 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93))
  }

  /// The hash of `bytes`, eight at a time; the last eight may overlap those before.
  static func hash(of bytes: RawSpan) -> UInt32 {
    let count = bytes.byteCount
    var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    func add(_ word: UInt64) { state = fold(state ^ word, 0xD6E8_FEB8_6659_FD93) }
    func word(_ offset: Int) -> UInt64 {
      bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    func half(_ offset: Int) -> UInt64 {
      UInt64(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    func byte(_ offset: Int) -> UInt64 {
      UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }
    if count >= 8 {
      var offset = 0
      while offset + 8 < count {
        add(word(offset))
        offset += 8
      }
      add(word(count - 8))
    } else if count >= 4 {
      add(half(0) | half(count - 4) << 32)
    } else if count > 0 {
      add(byte(0) | byte(count / 2) << 8 | byte(count - 1) << 16)
    }
    return UInt32(truncatingIfNeeded: state ^ state >> 32)
  }
}
