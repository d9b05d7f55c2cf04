/// Remembers the ids of short pieces; how many is fixed, and new ones take the place of old ones.
///
/// A piece and its ids stand in one slot of 64 bytes, a line of the processor's cache:
///
///     bytes  0 to 30   the piece, zeros behind it
///     byte   31        its length; 0 in a free slot
///     bytes 32 to 59   its ids, 32 bits each
///     bytes 60 to 63   how many ids there are
///
/// A piece can stand in either slot of a pair. It comes into the second one, from where it moves to
/// the first one when it is found again: so rare pieces do not drive frequent ones out.
final class PieceCache {
  /// Longer pieces are not remembered.
  static let longestPiece = 31
  /// Pieces of more tokens are not remembered.
  static let mostIDs = 7
  /// Whoever takes ids from a slot may write this many, whatever their number.
  static let idsWritten = 8

  /// The first half of a slot.
  struct Key {
    fileprivate let words: (UInt64, UInt64, UInt64, UInt64)
  }

  private var slots: UnsafeMutableRawPointer
  /// How many pairs of slots there are, less one; their number is a power of two.
  private var mask: Int
  private var free: Int

  private static let slotSize = 64
  private static let leastPairs = 1 << 9
  private static let mostPairs = 1 << 16

  /// 32 bytes of ones with zeros behind them.
  private let ones: UnsafeMutableRawPointer

  /// A cache that knows no piece.
  init() {
    mask = Self.leastPairs - 1
    slots = Self.emptySlots(pairs: Self.leastPairs)
    free = Self.leastPairs
    ones = .allocate(byteCount: 64, alignment: 64)
    ones.initializeMemory(as: UInt8.self, repeating: 0xFF, count: 32)
    (ones + 32).initializeMemory(as: UInt8.self, repeating: 0, count: 32)
  }

  deinit {
    slots.deallocate()
    ones.deallocate()
  }

  private static func emptySlots(pairs: Int) -> UnsafeMutableRawPointer {
    let bytes = pairs * 2 * slotSize
    let slots = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    slots.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return slots
  }

  /// The key of the piece of `count` bytes at `piece`, at which 32 bytes can be read; `count` is from
  /// 1 to ``longestPiece``.
  @inline(__always)
  func key(_ piece: UnsafeRawPointer, count: Int) -> Key {
    @inline(__always) func word(_ index: Int) -> UInt64 {
      piece.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
        & ones.loadUnaligned(fromByteOffset: 32 - count + index * 8, as: UInt64.self)
    }
    let length = UInt64(littleEndian: UInt64(count) << 56)
    return Key(words: (word(0), word(1), word(2), word(3) | length))
  }

  /// Writes the ids of the piece `key` to `output`, where there is room for ``idsWritten``, and
  /// returns how many there are; 0 if the piece is not known.
  @inline(__always)
  func find(_ key: Key, into output: UnsafeMutablePointer<UInt32>) -> Int {
    let first = pair(of: key)
    if Self.matches(first, key) { return Self.copyIDs(of: first, to: output) }
    let second = first + Self.slotSize
    guard Self.matches(second, key) else { return 0 }
    Self.exchange(first, second)
    return Self.copyIDs(of: first, to: output)
  }

  /// Remembers that the piece `key` has the `count` tokens at `ids`, where ``idsWritten`` can be read;
  /// `count` is from 1 to ``mostIDs``.
  func insert(_ key: Key, _ ids: UnsafePointer<UInt32>, count: Int) {
    if free == 0 && mask + 1 < Self.mostPairs { grow() }
    var slot = pair(of: key)
    if !Self.isFree(slot) { slot += Self.slotSize }
    if Self.isFree(slot) { free = max(0, free - 1) }
    slot.storeBytes(of: key.words, as: (UInt64, UInt64, UInt64, UInt64).self)
    (slot + 32).copyMemory(from: ids, byteCount: Self.mostIDs * 4)
    slot.storeBytes(of: UInt32(count), toByteOffset: 60, as: UInt32.self)
  }

  @inline(__always)
  private func pair(of key: Key) -> UnsafeMutableRawPointer {
    slots + (Self.hash(key) & mask) * (2 * Self.slotSize)
  }

  @inline(__always)
  private static func matches(_ slot: UnsafeMutableRawPointer, _ key: Key) -> Bool {
    let words = slot.load(as: (UInt64, UInt64, UInt64, UInt64).self)
    return (words.0 ^ key.words.0) | (words.1 ^ key.words.1) | (words.2 ^ key.words.2)
      | (words.3 ^ key.words.3) == 0
  }

  private static func isFree(_ slot: UnsafeMutableRawPointer) -> Bool {
    slot.load(fromByteOffset: 31, as: UInt8.self) == 0
  }

  /// Copies all eight words, which is quicker than to look how many there are.
  @inline(__always)
  private static func copyIDs(
    of slot: UnsafeMutableRawPointer, to output: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let ids = slot.load(fromByteOffset: 32, as: SIMD8<UInt32>.self)
    UnsafeMutableRawPointer(output).storeBytes(of: ids, as: SIMD8<UInt32>.self)
    return Int(ids[7])
  }

  private static func exchange(
    _ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer
  ) {
    for offset in stride(from: 0, to: slotSize, by: 32) {
      let a = first.load(fromByteOffset: offset, as: SIMD4<UInt64>.self)
      let b = second.load(fromByteOffset: offset, as: SIMD4<UInt64>.self)
      first.storeBytes(of: b, toByteOffset: offset, as: SIMD4<UInt64>.self)
      second.storeBytes(of: a, toByteOffset: offset, as: SIMD4<UInt64>.self)
    }
  }

  private func grow() {
    let (old, oldPairs) = (slots, mask + 1)
    slots = Self.emptySlots(pairs: oldPairs * 4)
    mask = oldPairs * 4 - 1
    free = mask + 1
    for index in 0..<oldPairs * 2 {
      let slot = old + index * Self.slotSize
      if Self.isFree(slot) { continue }
      let key = Key(words: slot.load(as: (UInt64, UInt64, UInt64, UInt64).self))
      insert(
        key, (slot + 32).assumingMemoryBound(to: UInt32.self),
        count: Int(slot.load(fromByteOffset: 60, as: UInt32.self)))
    }
    old.deallocate()
  }

  /// Two products of 128 bits whose halves are folded; only the speed depends on its quality.
  @inline(__always)
  private static func hash(_ key: Key) -> Int {
    let a = (key.words.0 ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
      by: key.words.1 ^ 0xD6E8_FEB8_6659_FD93)
    let b = (key.words.2 ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(
      by: key.words.3 ^ 0xE703_7ED1_A0B4_28DB)
    let folded = a.high ^ a.low ^ b.high ^ b.low
    return Int(truncatingIfNeeded: folded ^ folded >> 29)
  }
}
