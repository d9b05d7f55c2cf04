/// How often each pair of neighbours occurs, and in which pieces.
struct PairCounts {
  /// The numbers of pairs plus one, 0 for a free slot; how many there are is a power of two.
  private var slots = [UInt32](repeating: 0, count: 1 << 14)
  /// The pairs by number: the left id in the upper half, the right one in the lower.
  private(set) var pairs: [UInt64] = []
  /// How often each pair occurs.
  private(set) var counts: [Int] = []
  /// The numbers of the pieces in which each pair occurs or did occur.
  private var pieces: [[UInt32]] = []

  /// Counts `change` more of the pair of `left` and `right` in the piece `piece`; returns the pair.
  mutating func add(_ change: Int, _ left: UInt32, _ right: UInt32, in piece: UInt32) -> Int {
    let number = number(of: UInt64(left) << 32 | UInt64(right))
    counts[number] += change
    if change > 0 && pieces[number].last != piece { pieces[number].append(piece) }
    return number
  }

  /// Takes out the pieces that have the pair `number`; they are not needed again.
  mutating func takePieces(of number: Int) -> [UInt32] {
    defer { pieces[number] = [] }
    return pieces[number]
  }

  private mutating func number(of pair: UInt64) -> Int {
    var slot = Self.hash(pair) & (slots.count - 1)
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if pairs[number] == pair { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    let number = pairs.count
    slots[slot] = UInt32(number + 1)
    pairs.append(pair)
    counts.append(0)
    pieces.append([])
    if pairs.count * 2 > slots.count { grow() }
    return number
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for (number, pair) in pairs.enumerated() {
      var slot = Self.hash(pair) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number + 1)
    }
  }

  private static func hash(_ pair: UInt64) -> Int {
    let product = pair &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product >> 32 ^ product >> 15)
  }
}
