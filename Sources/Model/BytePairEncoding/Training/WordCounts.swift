import Glibc

/// How often each distinct word occurs; a word is a piece of text within which pairs are merged.
struct WordCounts: Sendable {
  private struct Word {
    var offset: Int
    var length: Int
    var count: Int
  }

  /// A word's number plus one in the lower half and the upper half of its hash; 0 for a free slot.
  ///
  /// How many there are is a power of two.
  private var slots: [UInt64]
  private var words: [Word] = []
  /// The bytes of all words, one after another.
  private var bytes: [UInt8] = []

  init() {
    slots = Array(repeating: 0, count: 1 << 12)
  }

  /// How many distinct words there are.
  var count: Int { words.count }

  /// How many bytes the distinct words have together.
  var byteCount: Int { bytes.count }

  /// Calls `body` with the bytes and the count of each word.
  func forEach(_ body: (_ word: UnsafeBufferPointer<UInt8>, _ count: Int) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      for word in words {
        body(
          UnsafeBufferPointer(rebasing: bytes[word.offset..<word.offset + word.length]), word.count)
      }
    }
  }

  /// Counts `count` more of `word`.
  mutating func add(_ word: UnsafeBufferPointer<UInt8>, times count: Int = 1) {
    let hash = Self.hash(UnsafeRawBufferPointer(word))
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot] & 0xFFFF_FFFF) - 1
      if slots[slot] >> 32 == hash >> 32, matches(words[number], word) {
        words[number].count += count
        return
      }
      slot = (slot + 1) & mask
    }
    precondition(words.count < UInt32.max, "there are more distinct words than can be numbered")
    words.append(Word(offset: bytes.count, length: word.count, count: count))
    bytes.append(contentsOf: word)
    slots[slot] = hash & ~0xFFFF_FFFF | UInt64(words.count)
    if words.count * 2 > slots.count { grow() }
  }

  /// Counts all that `other` counted.
  mutating func add(_ other: WordCounts) {
    other.forEach { word, count in add(word, times: count) }
  }

  private func matches(_ word: Word, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
    guard word.length == other.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      guard let stored = bytes.baseAddress, let other = other.baseAddress else { return true }
      return memcmp(stored + word.offset, other, word.length) == 0
    }
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 2)
    let mask = larger.count - 1
    bytes.withUnsafeBytes { bytes in
      for (number, word) in words.enumerated() {
        let hash = Self.hash(
          UnsafeRawBufferPointer(rebasing: bytes[word.offset..<word.offset + word.length]))
        var slot = Int(truncatingIfNeeded: hash) & mask
        while larger[slot] != 0 { slot = (slot + 1) & mask }
        larger[slot] = hash & ~0xFFFF_FFFF | UInt64(number + 1)
      }
    }
    slots = larger
  }

  /// A hash by eight bytes a step, the last of which may overlap the one before.
  @inline(__always)
  private static func hash(_ word: UnsafeRawBufferPointer) -> UInt64 {
    let count = word.count
    var state = 0x9E37_79B9_7F4A_7C15 ^ UInt64(count)
    if count >= 8 {
      var index = 0
      while index + 8 < count {
        state = mix(state ^ word.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index += 8
      }
      return mix(mix(state ^ word.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)))
    }
    if count >= 4 {
      let head = word.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
      let tail = word.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
      return mix(mix(state ^ (UInt64(head) << 32 | UInt64(tail))))
    }
    var rest: UInt64 = 0
    for byte in word { rest = rest << 8 | UInt64(byte) }
    return mix(mix(state ^ rest))
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }
}
