/// Finds texts by their bytes among some that it was given; it holds their numbers, not the texts.
///
/// Texts are the same where all bytes are: й is another text than и with a breve.
struct TokenIndex: Sendable {
  /// The hash of a text in the upper half and its number plus 1 in the lower; 0 where free.
  private var slots: [UInt64]
  private var mask: Int
  private var count = 0

  /// An index without texts and with room for `capacity`.
  init(capacity: Int = 0) {
    var slotCount = 16
    while slotCount < capacity * 2 { slotCount *= 2 }
    slots = Array(repeating: 0, count: slotCount)
    mask = slotCount - 1
  }

  /// An index of all `texts`; of equal ones the first counts.
  init(_ texts: TokenTexts) {
    self.init(capacity: texts.count)
    for number in 0..<texts.count { _ = insert(number, of: texts) }
  }

  /// The number of the text of `texts`, which are those of the index, that is `bytes`; `nil` if there
  /// is none.
  func number(of bytes: UnsafeRawBufferPointer, in texts: TokenTexts) -> Int? {
    let found = slots[slot(of: bytes, Self.hash(bytes), texts)]
    return found == 0 ? nil : Self.number(of: found)
  }

  /// The number of `text` in `texts`, which are those of the index; `nil` if there is none.
  func number(of text: String, in texts: TokenTexts) -> Int? {
    var text = text
    return text.withUTF8 { number(of: UnsafeRawBufferPointer($0), in: texts) }
  }

  /// Takes in the text `number` of `texts`, unless there is an equal one, whose number is returned.
  mutating func insert(_ number: Int, of texts: TokenTexts) -> Int? {
    if count * 2 >= slots.count { grow() }
    let (slot, hash) = texts.lines.withUnsafeBytes { lines in
      let text = UnsafeRawBufferPointer(rebasing: lines[texts.range(number)])
      let hash = Self.hash(text)
      return (self.slot(of: text, hash, texts), hash)
    }
    if slots[slot] != 0 { return Self.number(of: slots[slot]) }
    slots[slot] = UInt64(hash) << 32 | UInt64(number + 1)
    count += 1
    return nil
  }

  private static func number(of slot: UInt64) -> Int { Int(UInt32(truncatingIfNeeded: slot)) - 1 }

  /// The slot of the text that is `bytes`, or the free one where it would be.
  @inline(__always)
  private func slot(
    of bytes: UnsafeRawBufferPointer, _ hash: UInt32, _ texts: TokenTexts
  ) -> Int {
    var slot = Int(hash) & mask
    while slots[slot] != 0 {
      if UInt32(truncatingIfNeeded: slots[slot] >> 32) == hash,
        texts.equals(bytes, Self.number(of: slots[slot]))
      {
        break
      }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    mask = slots.count - 1
    for entry in old where entry != 0 {
      var slot = Int(entry >> 32) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = entry
    }
  }

  /// A hash of `bytes`, eight at a time: each step multiplies to 128 bits and folds the halves.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let count = bytes.count
    var state = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    func take(_ word: UInt64) {
      let product = (state ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      state = product.high ^ product.low
    }
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func half(_ offset: Int) -> UInt64 {
      UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
    if count >= 8 {
      var offset = 0
      while offset + 8 < count {
        take(word(offset))
        offset += 8
      }
      take(word(count - 8))
    } else if count >= 4 {
      take(half(0) | half(count - 4) << 32)
    } else if count > 0 {
      take(UInt64(bytes[0]) | UInt64(bytes[count / 2]) << 8 | UInt64(bytes[count - 1]) << 16)
    }
    return UInt32(truncatingIfNeeded: state ^ state >> 32)
  }
}
