/// The pairs that may be merged, the most frequent one first, of several the one with smaller ids.
///
/// Once a token is made, the pairs with it only become fewer: both tokens of a pair are there from
/// the step on in which the later one is made, and each merge that comes can only use them up. So a
/// pair that occurs too seldom when it appears is never put in here, and nothing is looked for
/// twice.
struct PairQueue {
  /// A pair that is to be merged.
  struct Candidate {
    let left: UInt32
    let right: UInt32
    /// The units of the words in which the pair occurs, or did occur.
    let units: ListArena.List
  }

  private struct Pair {
    var count: Int
    let units: ListArena.List
  }

  /// A pair with the count it had when it was put into the queue.
  private struct Entry: Comparable {
    let count: Int
    let key: UInt64
    let number: UInt32

    static func < (a: Entry, b: Entry) -> Bool {
      a.count != b.count ? a.count > b.count : a.key < b.key
    }
  }

  private struct Slot {
    /// The left id in the upper half, the right one in the lower.
    var key: UInt64
    /// The number of the pair plus one, 0 for a free slot.
    var number: UInt64
  }

  private let minimumCount: Int
  private var pairs: [Pair] = []
  /// Where each pair is; how many slots there are is a power of two.
  private var slots = [Slot](repeating: Slot(key: 0, number: 0), count: 1 << 12)
  private var usedSlots = 0
  private var heap = BinaryHeap<Entry>()

  /// A queue of pairs that occur at least `minimumCount` times, which is at least one.
  init(minimumCount: Int) {
    precondition(minimumCount > 0)
    self.minimumCount = minimumCount
  }

  /// Puts in the pair of `left` and `right`, which is new and occurs `count` times in `units`.
  mutating func insert(
    _ left: UInt32, _ right: UInt32, count: Int, units: ListArena.List
  ) {
    precondition(pairs.count < UInt32.max, "there are more pairs than can be numbered")
    let key = UInt64(left) << 32 | UInt64(right)
    let number = UInt32(pairs.count)
    pairs.append(Pair(count: count, units: units))
    if usedSlots * 2 >= slots.count { rehash() }
    Self.place(Slot(key: key, number: UInt64(number) + 1), in: &slots)
    usedSlots += 1
    heap.insert(Entry(count: count, key: key, number: number))
  }

  /// Tells that `left` and `right` stand beside each other `count` times less.
  mutating func remove(_ count: Int, of left: UInt32, _ right: UInt32) {
    let key = UInt64(left) << 32 | UInt64(right)
    let mask = slots.count - 1
    var slot = Self.hash(key) & mask
    while slots[slot].number != 0 {
      if slots[slot].key == key {
        pairs[Int(slots[slot].number) - 1].count -= count
        return
      }
      slot = (slot + 1) & mask
    }
  }

  /// Takes out the pair that is to be merged next; `nil` if there is none.
  mutating func popFirst() -> Candidate? {
    while let entry = heap.popFirst() {
      let pair = pairs[Int(entry.number)]
      if pair.count < minimumCount { continue }
      if pair.count < entry.count {
        heap.insert(Entry(count: pair.count, key: entry.key, number: entry.number))
        continue
      }
      pairs[Int(entry.number)].count = 0
      return Candidate(
        left: UInt32(entry.key >> 32), right: UInt32(truncatingIfNeeded: entry.key),
        units: pair.units)
    }
    return nil
  }

  /// Makes room for more pairs and forgets those that have become too few.
  private mutating func rehash() {
    let kept = slots.filter {
      $0.number != 0 && pairs[Int($0.number) - 1].count >= minimumCount
    }
    var capacity = slots.count
    while kept.count * 4 > capacity { capacity *= 2 }
    slots = Array(repeating: Slot(key: 0, number: 0), count: capacity)
    for slot in kept { Self.place(slot, in: &slots) }
    usedSlots = kept.count
  }

  private static func place(_ new: Slot, in slots: inout [Slot]) {
    let mask = slots.count - 1
    var slot = hash(new.key) & mask
    while slots[slot].number != 0 { slot = (slot + 1) & mask }
    slots[slot] = new
  }

  private static func hash(_ key: UInt64) -> Int {
    let product = key.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return Int(truncatingIfNeeded: product.high ^ product.low)
  }
}
