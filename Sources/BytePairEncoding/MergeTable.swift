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

  /// A table of `merges` in the order of their ranks; of equal pairs the last counts.
  init(_ merges: [Tokenizer.Merge]) {
    var slotCount = 16
    while slotCount < merges.count * 2 { slotCount *= 2 }
    slots = Array(repeating: .max, count: slotCount * 2)
    mask = slotCount - 1
    for (rank, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      var slot = Self.hash(key) & mask
      while slots[slot * 2] != .max && slots[slot * 2] != key { slot = (slot + 1) & mask }
      slots[slot * 2] = key
      slots[slot * 2 + 1] = UInt64(rank) << 32 | UInt64(merge.result)
    }
  }

  /// The merge of the token `left` with the token `right` behind it, or ``none``.
  @inline(__always)
  subscript(left: UInt32, right: UInt32) -> Merge {
    let key = Self.key(left, right)
    var slot = Self.hash(key) & mask
    while true {
      let found = slots[slot * 2]
      if found == key { return slots[slot * 2 + 1] }
      if found == .max { return Self.none }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> Int {
    let product = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product >> 32 ^ product >> 15)
  }
}
