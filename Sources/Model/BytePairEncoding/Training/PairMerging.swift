/// The words of a corpus and the pairs in them, which are merged one after another.
struct PairMerging {
  private var words: MergedWords
  private var queue: PairQueue
  /// The number of bytes of each token.
  private var lengths: [Int]

  /// The neighbours of the token that is being created.
  private var before = Neighbours()
  private var after = Neighbours()

  /// The words of `counts`, in which the byte b is the token `byteIDs[b]`.
  ///
  /// `byteIDs` are 256 consecutive ids in some order.
  ///
  /// Pairs that occur fewer than `minimumCount` times are not merged; `minimumCount` is at least
  /// one.
  init(_ counts: consuming WordCounts, byteIDs: [UInt32], minimumCount: Int) {
    words = MergedWords(counts, byteIDs: byteIDs)
    queue = PairQueue(minimumCount: minimumCount)
    let firstByteID = byteIDs.min() ?? 0
    lengths = Array(repeating: 1, count: Int(firstByteID) + 256)
    countPairs(firstByteID: firstByteID, minimumCount)
  }

  /// Removes and returns the pair to be merged next; `nil` if there is none.
  mutating func popFirst() -> PairQueue.Candidate? {
    queue.popFirst()
  }

  /// Replaces every `pair`, from left to right, with `result`, which is not in the words yet.
  mutating func merge(_ pair: PairQueue.Candidate, into result: UInt32) {
    let (left, right) = (pair.left, pair.right)
    while lengths.count <= result { lengths.append(0) }
    lengths[Int(result)] = lengths[Int(left)] + lengths[Int(right)]
    before.reset(upTo: result)
    after.reset(upTo: result)
    words.merge(
      left, lengths[Int(left)], right, lengths[Int(right)], into: result, in: pair.units,
      before: &before, after: &after)

    before.sortUnits()
    for id in before.ids {
      let count = before.count(of: id)
      if id != result { queue.remove(count, of: id, left) }
      queue.insert(id, result, count: count, units: Array(before.units(of: id)))
    }
    after.sortUnits()
    // Where the pair occurs twice in a row, its left token followed the first one only until the
    // second one was merged.
    let repeated = before.count(of: result)
    for id in after.ids {
      let count = after.count(of: id)
      queue.remove(count, of: right, id)
      queue.insert(
        result, id, count: id == left ? count - repeated : count,
        units: Array(after.units(of: id)))
    }
  }

  /// Puts all pairs of bytes into the queue.
  private mutating func countPairs(firstByteID: UInt32, _ minimumCount: Int) {
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
    for (index, tally) in tallies.enumerated() {
      let (left, right) = (UInt32(index >> 8), UInt32(index & 0xFF))
      queue.insert(
        firstByteID + left, firstByteID + right, count: tally.count, units: units[index])
    }
  }
}
