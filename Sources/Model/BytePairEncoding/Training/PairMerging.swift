/// The words of a corpus with the pairs in them, which are merged one after another.
struct PairMerging {
  private var words: MergedWords
  private var queue: PairQueue
  private var lists = ListArena()
  private let minimumCount: Int
  /// How many bytes each token has.
  private var lengths: [Int]

  /// What stands beside the token that is being made.
  private var before = Neighbours()
  private var after = Neighbours()
  /// The units of the pair that is being merged.
  private var units: [UInt32] = []

  /// The words of `counts`, whose bytes are the tokens `byteIDs`: 256 ids in a row in some order.
  ///
  /// Pairs that occur less than `minimumCount` times, at least one, are not merged.
  init(_ counts: consuming WordCounts, byteIDs: [UInt32], minimumCount: Int) {
    words = MergedWords(counts, byteIDs: byteIDs)
    queue = PairQueue(minimumCount: minimumCount)
    self.minimumCount = minimumCount
    let firstByteID = byteIDs.min() ?? 0
    lengths = Array(repeating: 1, count: Int(firstByteID) + 256)
    countPairs(firstByteID: firstByteID)
  }

  /// Takes out the pair that is to be merged next; `nil` if there is none.
  mutating func popFirst() -> PairQueue.Candidate? {
    queue.popFirst()
  }

  /// Puts `result`, which must not be in the words yet, for every `pair`, from left to right.
  mutating func merge(_ pair: PairQueue.Candidate, into result: UInt32) {
    let (left, right) = (pair.left, pair.right)
    while lengths.count <= result { lengths.append(0) }
    lengths[Int(result)] = lengths[Int(left)] + lengths[Int(right)]
    lists.take(pair.units, into: &units)
    before.reset(upTo: result)
    after.reset(upTo: result)
    words.merge(
      left, lengths[Int(left)], right, lengths[Int(right)], into: result, in: units,
      before: &before, after: &after)

    before.sortUnits()
    for id in before.ids {
      let count = before.count(of: id)
      if id != result { queue.remove(count, of: id, left) }
      insert(id, result, count, before.units(of: id))
    }
    after.sortUnits()
    // Where the pair comes twice in a row, its left token stood behind the first only until the
    // second was merged.
    let repeated = before.count(of: result)
    for id in after.ids {
      let count = after.count(of: id)
      queue.remove(count, of: right, id)
      insert(result, id, id == left ? count - repeated : count, after.units(of: id))
    }
  }

  /// Puts a new pair into the queue unless it occurs too seldom.
  private mutating func insert(
    _ left: UInt32, _ right: UInt32, _ count: Int, _ units: ArraySlice<UInt32>
  ) {
    guard count >= minimumCount else { return }
    queue.insert(left, right, count: count, units: lists.add(units))
  }

  /// Puts all pairs of bytes into the queue.
  private mutating func countPairs(firstByteID: UInt32) {
    func index(_ left: UInt32, _ right: UInt32) -> Int {
      Int(left - firstByteID) << 8 | Int(right - firstByteID)
    }
    var tallies = [Tally](repeating: Tally(), count: 1 << 16)
    words.forEachPair { left, right, unit, count in
      tallies[index(left, right)].add(count, in: unit)
    }
    var units = tallies.map { tally in
      var units: [UInt32] = []
      if tally.count >= minimumCount { units.reserveCapacity(tally.units) }
      return units
    }
    words.forEachPair { left, right, unit, _ in
      let index = index(left, right)
      if tallies[index].count >= minimumCount && units[index].last != unit {
        units[index].append(unit)
      }
    }
    for (index, tally) in tallies.enumerated() where tally.count >= minimumCount {
      let (left, right) = (UInt32(index >> 8), UInt32(index & 0xFF))
      insert(firstByteID + left, firstByteID + right, tally.count, units[index][...])
      units[index] = []
    }
  }
}
