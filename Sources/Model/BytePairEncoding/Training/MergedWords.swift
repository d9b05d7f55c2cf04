/// All distinct words as sequences of tokens, which get shorter with every merge.
///
/// Every byte has a cell. A token is stored in the cell of its first byte, and its last cell holds
/// its length, so the token before another can be found as well as the one after it.
///
/// Words are searched in units: a word, or a part of a long one, so that a pair late in a long word
/// is found as quickly as one in a short word.
struct MergedWords {
  /// Consecutive cells that are searched together, up to the start of the next unit.
  struct Unit {
    let start: Int
    /// How often the word occurs.
    let count: Int
  }

  /// The cell between words.
  private static let boundary = UInt32.max
  /// The bit of cells in which no token begins; the other bits of a token's last cell are its
  /// length.
  private static let insideToken: UInt32 = 1 << 31

  /// Words with more cells are divided into units.
  private static let longestUnit = 128
  /// The number of cells of a unit of a long word.
  private static let unitLength = 64

  private var cells: [UInt32] = []
  /// The units in ascending order, and one past the last.
  private var units: [Unit] = []

  /// The words of `counts`, in which the byte b is the token `byteIDs[b]`.
  ///
  /// Words of one byte have no pair and are left out.
  init(_ counts: WordCounts, byteIDs: [UInt32]) {
    cells.reserveCapacity(counts.byteCount + counts.count + 1)
    units.reserveCapacity(counts.count + 1)
    cells.append(Self.boundary)
    counts.forEach { word, count in
      guard word.count > 1 else { return }
      units.append(Unit(start: cells.count, count: count))
      if word.count > Self.longestUnit {
        for offset in stride(from: Self.unitLength, to: word.count, by: Self.unitLength) {
          units.append(Unit(start: cells.count + offset, count: count))
        }
      }
      for byte in word { cells.append(byteIDs[Int(byte)]) }
      cells.append(Self.boundary)
    }
    units.append(Unit(start: cells.count, count: 0))
    precondition(units.count < UInt32.max, "more words than 32 bits can count")
  }

  /// Calls `body` with each pair of neighbouring tokens and the unit and the count of its word,
  /// unit by unit; no tokens may have been merged yet.
  func forEachPair(
    _ body: (_ left: UInt32, _ right: UInt32, _ unit: UInt32, _ count: Int) -> Void
  ) {
    for unit in 0..<units.count - 1 {
      let count = units[unit].count
      for place in units[unit].start..<units[unit + 1].start {
        let left = cells[place]
        if left == Self.boundary { break }
        let right = cells[place + 1]
        if right != Self.boundary { body(left, right, UInt32(unit), count) }
      }
    }
  }

  /// Replaces every `left` followed by `right` in the units `list` with `result`, from left to
  /// right, and counts the tokens `before` and `after` it.
  ///
  /// The tokens are `leftLength` and `rightLength` bytes long. `list` is in ascending order and may
  /// contain units without the pair.
  mutating func merge(
    _ left: UInt32, _ leftLength: Int, _ right: UInt32, _ rightLength: Int, into result: UInt32,
    in list: [UInt32], before: inout Neighbours, after: inout Neighbours
  ) {
    let length = leftLength + rightLength
    let units = units
    var cells = cells.mutableSpan
    for index in list {
      let unit = units[Int(index)]
      let end = units[Int(index) + 1].start
      var place = unit.start
      while place < end {
        // A token before a boundary is never longer than its word, so the cell after it exists.
        guard cells[place] == left, cells[place + leftLength] == right else {
          place += 1
          continue
        }
        let previous = cells[place - 1]
        if previous != Self.boundary {
          var start = place - 1
          if previous & Self.insideToken != 0 {
            start = place - Int(previous & ~Self.insideToken)
          }
          var home = Int(index)
          while units[home].start > start { home -= 1 }
          before.add(cells[start], count: unit.count, unit: UInt32(home))
        }
        let next = cells[place + length]
        if next != Self.boundary { after.add(next, count: unit.count, unit: index) }
        cells[place] = result
        cells[place + leftLength] = Self.insideToken
        cells[place + length - 1] = Self.insideToken | UInt32(length)
        place += length
      }
    }
  }
}
