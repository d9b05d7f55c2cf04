/// The pairs that may be merged, in the order of merging: the most frequent one first, and of
/// equally frequent ones the one with the smaller ids.
///
/// Once a token exists, the pairs that contain it only become rarer: both tokens of a pair exist
/// from the step that creates the more recent one, and each further merge can only use them up. A
/// pair that is too rare when it appears therefore never has to be inserted, and no text is
/// searched twice.
struct PairQueue {
  /// A pair to be merged.
  struct Candidate {
    let left: UInt32
    let right: UInt32
    /// The units of the words in which the pair occurs or has occurred.
    let units: [UInt32]
  }

  private struct Pair {
    let key: UInt64
    var count: Int
    var units: [UInt32]
  }

  /// A pair with the count that it had when it was put into the heap.
  private struct Entry: Comparable {
    let count: Int
    let key: UInt64
    let index: Int

    static func < (a: Entry, b: Entry) -> Bool {
      a.count != b.count ? a.count > b.count : a.key < b.key
    }
  }

  private let minimumCount: Int
  private var pairs: [Pair] = []
  private var index = HashIndex()
  private var heap = BinaryHeap<Entry>()

  /// A queue of pairs that occur at least `minimumCount` times, which is at least one.
  init(minimumCount: Int) {
    precondition(minimumCount > 0)
    self.minimumCount = minimumCount
  }

  /// Inserts the pair of `left` and `right`, which is new and occurs `count` times in `units`,
  /// unless it is too rare.
  mutating func insert(
    _ left: UInt32, _ right: UInt32, count: Int, units: @autoclosure () -> [UInt32]
  ) {
    guard count >= minimumCount else { return }
    let key = Self.key(left, right)
    heap.insert(Entry(count: count, key: key, index: pairs.count))
    index.insert(pairs.count, hash: FoldedHash.hash(of: key))
    pairs.append(Pair(key: key, count: count, units: units()))
  }

  /// Records that `left` and `right` are neighbours `count` times fewer.
  mutating func remove(_ count: Int, of left: UInt32, _ right: UInt32) {
    let key = Self.key(left, right)
    if let found = index.find(FoldedHash.hash(of: key), where: { pairs[$0].key == key }) {
      pairs[found].count -= count
      // It will not become more frequent again.
      if pairs[found].count < minimumCount { pairs[found].units = [] }
    }
  }

  /// Removes and returns the pair to be merged next; `nil` if there is none.
  mutating func popFirst() -> Candidate? {
    while let entry = heap.popFirst() {
      let pair = pairs[entry.index]
      if pair.count < minimumCount { continue }
      if pair.count < entry.count {
        heap.insert(Entry(count: pair.count, key: entry.key, index: entry.index))
        continue
      }
      pairs[entry.index].count = 0
      pairs[entry.index].units = []
      return Candidate(
        left: UInt32(entry.key >> 32), right: UInt32(truncatingIfNeeded: entry.key),
        units: pair.units)
    }
    return nil
  }

  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 {
    UInt64(left) << 32 | UInt64(right)
  }
}

/// A priority queue: the smallest element comes first.
private struct BinaryHeap<Element: Comparable> {
  private var elements: [Element] = []

  mutating func insert(_ element: Element) {
    elements.append(element)
    var index = elements.count - 1
    while index > 0, case let parent = (index - 1) / 2, element < elements[parent] {
      elements[index] = elements[parent]
      index = parent
    }
    elements[index] = element
  }

  /// Removes and returns the smallest element; `nil` if there is none.
  mutating func popFirst() -> Element? {
    guard let first = elements.first else { return nil }
    let last = elements.removeLast()
    guard !elements.isEmpty else { return first }
    var index = 0
    while case var child = index * 2 + 1, child < elements.count {
      if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
      guard elements[child] < last else { break }
      elements[index] = elements[child]
      index = child
    }
    elements[index] = last
    return first
  }
}
