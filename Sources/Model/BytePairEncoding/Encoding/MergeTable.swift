/// Tells which pairs of tokens are merged, in what order of precedence, and into what.
struct MergeTable: Sendable {
  /// A merge as one number: its rank in the upper half, the resulting id in the lower one, so that
  /// the smaller number is the merge to do first.
  typealias Merge = UInt64

  /// What is found for a pair that is not merged: greater than all merges.
  static let none: Merge = .max

  /// Keys, which are pairs of ids, and merges in turn; a free slot has the key `UInt64.max`.
  private var slots: [UInt64]
  private let mask: Int
  /// A bit for each merge, eight times as many as there are slots: most pairs are not merged, and for
  /// them the bits, which fit into a small cache, answer without a look into the slots.
  private var bits: [UInt64]

  /// A table of `merges` in the order of their ranks; of equal pairs the last counts.
  init(_ merges: [Tokenizer.Merge]) {
    var slotCount = 16
    while slotCount < merges.count * 2 { slotCount *= 2 }
    slots = Array(repeating: .max, count: slotCount * 2)
    mask = slotCount - 1
    bits = Array(repeating: 0, count: slotCount / 8)
    for (rank, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      var slot = Self.hash(key) & mask
      while slots[slot * 2] != .max && slots[slot * 2] != key { slot = (slot + 1) & mask }
      slots[slot * 2] = key
      slots[slot * 2 + 1] = UInt64(rank) << 32 | UInt64(merge.result)
      let bit = Self.bit(key) & (slotCount * 8 - 1)
      bits[bit >> 6] |= 1 << UInt64(bit & 63)
    }
  }

  /// The rank of `merge`; `UInt32.max` for ``none``.
  @inline(__always)
  static func rank(of merge: Merge) -> UInt32 { UInt32(truncatingIfNeeded: merge >> 32) }

  /// Calls `body` with the table as it lies in memory, for many searches.
  @inline(__always)
  func withLookup<Result>(_ body: (Lookup) -> Result) -> Result {
    slots.withUnsafeBufferPointer { slots in
      bits.withUnsafeBufferPointer { bits in
        guard let slots = slots.baseAddress, let bits = bits.baseAddress else {
          preconditionFailure("a table has slots")
        }
        return body(Lookup(slots: slots, bits: bits, mask: mask))
      }
    }
  }

  /// The table for the length of a call.
  struct Lookup {
    fileprivate let slots: UnsafePointer<UInt64>
    fileprivate let bits: UnsafePointer<UInt64>
    fileprivate let mask: Int

    /// The merge of the token `left` with the token `right` behind it, or ``MergeTable/none``.
    @inline(__always)
    subscript(left: UInt32, right: UInt32) -> Merge {
      let key = MergeTable.key(left, right)
      let bit = MergeTable.bit(key) & (mask << 3 | 7)
      if bits[bit >> 6] >> UInt64(bit & 63) & 1 == 0 { return MergeTable.none }
      var slot = MergeTable.hash(key) & mask
      while true {
        let found = slots[slot * 2]
        if found == key { return slots[slot * 2 + 1] }
        if found == .max { return MergeTable.none }
        slot = (slot + 1) & mask
      }
    }
  }

  @inline(__always)
  fileprivate static func key(_ left: UInt32, _ right: UInt32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }

  /// Where the bit of `key` is, modulo their number.
  @inline(__always)
  fileprivate static func bit(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0xD6E8_FEB8_6659_FD93) >> 24)
  }

  @inline(__always)
  fileprivate static func hash(_ key: UInt64) -> Int {
    let product = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product >> 32 ^ product >> 15)
  }
}
