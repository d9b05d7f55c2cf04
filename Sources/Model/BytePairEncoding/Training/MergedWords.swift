/// All distinct words as sequences of tokens, which become fewer with every merge.
///
/// Every byte has a cell. A token stands in the cell of its first byte; its last cell tells how
/// long it is, so that the token before another is found as well as the one behind it.
///
/// Words are looked through by units: a word, or a part of a long one, whose further places cost no
/// more than those of a short one.
struct MergedWords {
  /// Cells in a row that are looked through together, up to the start of the next unit.
  struct Unit {
    let start: Int
    /// How often the word occurs.
    let count: Int
  }

  /// What stands between words.
  private static let boundary = UInt32.max
  /// The bit of cells at which no token begins; the others of a token's last cell are its length.
  private static let insideToken: UInt32 = 1 << 31

  /// Words of more cells are cut into units.
  private static let longestUnit = 128
  /// The cells of a unit of a long word.
  private static let unitLength = 64

  private var cells: [UInt32]
  /// The units in ascending order, and one behind the last.
  private var units: [Unit] = []

  /// The words of `counts`, whose bytes are the tokens `byteIDs`.
  ///
  /// Words of one byte have no pair and are left out.
  init(_ counts: WordCounts, byteIDs: [UInt32]) {
    var cells: [UInt32] = []
    var units: [Unit] = []
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
    precondition(units.count < UInt32.max, "there are more words than can be numbered")
    self.cells = cells
    self.units = units
  }

  /// How many units there are.
  var unitCount: Int { units.count - 1 }

  /// Calls `body` with each pair of neighbouring tokens and the unit and the count of its word,
  /// unit by unit; no tokens may have been merged yet.
  func forEachPair(
    _ body: (_ left: UInt32, _ right: UInt32, _ unit: UInt32, _ count: Int) -> Void
  ) {
    cells.withUnsafeBufferPointer { cells in
      for unit in 0..<unitCount {
        let count = units[unit].count
        for index in units[unit].start..<units[unit + 1].start {
          let left = cells[index]
          if left == Self.boundary { break }
          let right = cells[index + 1]
          if right != Self.boundary { body(left, right, UInt32(unit), count) }
        }
      }
    }
  }

  /// Puts `result` for every `left` that `right` follows in the units `list`, from left to right,
  /// and counts what stands `before` and `after` it; the tokens have `leftLength` and `rightLength`
  /// bytes.
  ///
  /// `list` is in ascending order and may name units in which the pair is not.
  mutating func merge(
    _ left: UInt32, _ leftLength: Int, _ right: UInt32, _ rightLength: Int, into result: UInt32,
    in list: [UInt32], before: inout Neighbours, after: inout Neighbours
  ) {
    let length = leftLength + rightLength
    units.withUnsafeBufferPointer { units in
      cells.withUnsafeMutableBufferPointer { cells in
        for number in list {
          let unit = units[Int(number)]
          let end = units[Int(number) + 1].start
          var index = unit.start
          while index < end {
            guard cells[index] == left, cells[index + leftLength] == right else {
              index += 1
              continue
            }
            // A token before a boundary is never longer than its word: what is read is there.
            let previous = cells[index - 1]
            if previous != Self.boundary {
              var start = index - 1
              if previous & Self.insideToken != 0 {
                start = index - Int(previous & ~Self.insideToken)
              }
              var home = Int(number)
              while units[home].start > start { home -= 1 }
              before.add(cells[start], count: unit.count, unit: UInt32(home))
            }
            let next = cells[index + length]
            if next != Self.boundary {
              after.add(next, count: unit.count, unit: number)
            }
            cells[index] = result
            cells[index + leftLength] = Self.insideToken
            cells[index + length - 1] = Self.insideToken | UInt32(length)
            index += length
          }
        }
      }
    }
  }
}
