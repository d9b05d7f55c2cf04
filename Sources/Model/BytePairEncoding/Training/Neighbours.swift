/// How often something occurs, and in how many units.
struct Tally {
  private(set) var count = 0
  private(set) var units = 0
  private var lastUnit = UInt32.max

  /// Counts `count` more in `unit`; returns whether it is another one than last time.
  @inline(__always)
  @discardableResult
  mutating func add(_ count: Int, in unit: UInt32) -> Bool {
    self.count += count
    guard lastUnit != unit || units == 0 else { return false }
    lastUnit = unit
    units += 1
    return true
  }
}

/// The tokens that stand on one side of those that a merge makes, and where.
struct Neighbours {
  /// The tallies of all tokens by id.
  private var tallies: [Tally] = []
  /// The ids of the tokens that stand there.
  private(set) var ids: [UInt32] = []
  /// The tokens and units in the order in which they were found, the token in the upper half.
  private var places: [UInt64] = []
  /// The units ordered by token, and where those of each token end.
  private var units: [UInt32] = []
  private var ends: [Int] = []

  /// How often the token `id` stands there.
  func count(of id: UInt32) -> Int { tallies[Int(id)].count }

  /// The units in which the token `id` stands there; to be asked for after ``sortUnits()``.
  func units(of id: UInt32) -> ArraySlice<UInt32> {
    let end = ends[Int(id)]
    return units[end - tallies[Int(id)].units..<end]
  }

  /// Counts the token `id` `count` times in `unit`.
  @inline(__always)
  mutating func add(_ id: UInt32, count: Int, unit: UInt32) {
    if tallies[Int(id)].units == 0 { ids.append(id) }
    if tallies[Int(id)].add(count, in: unit) {
      places.append(UInt64(id) << 32 | UInt64(unit))
    }
  }

  /// Puts the units in order by token; those of a token stay in the order in which they came.
  mutating func sortUnits() {
    var end = 0
    for id in ids {
      ends[Int(id)] = end
      end += tallies[Int(id)].units
    }
    while units.count < end { units.append(0) }
    units.withUnsafeMutableBufferPointer { units in
      ends.withUnsafeMutableBufferPointer { ends in
        for place in places {
          let id = Int(place >> 32)
          units[ends[id]] = UInt32(truncatingIfNeeded: place)
          ends[id] += 1
        }
      }
    }
  }

  /// Forgets what stood there and prepares for tokens up to `id`.
  mutating func reset(upTo id: UInt32) {
    for id in ids { tallies[Int(id)] = Tally() }
    ids.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    while tallies.count <= id {
      tallies.append(Tally())
      ends.append(0)
    }
  }
}
