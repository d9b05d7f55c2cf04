/// How often something occurs, and in how many units.
struct Tally {
  private(set) var count = 0
  private(set) var units = 0
  private var lastUnit = UInt32.max

  /// Adds `count` occurrences in `unit`; returns whether the unit differs from the last one.
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

/// The tokens on one side of those that a merge produces, and the units they are in.
struct Neighbours {
  /// The tallies of all tokens by id.
  private var tallies: [Tally] = []
  /// The ids of the tokens found.
  private(set) var ids: [UInt32] = []
  /// The tokens and units in the order in which they were found, the token in the upper half.
  private var places: [UInt64] = []
  /// The units ordered by token, and the end of those of each token.
  private var units: [UInt32] = []
  private var ends: [Int] = []

  /// How often the token `id` was found.
  func count(of id: UInt32) -> Int { tallies[Int(id)].count }

  /// The units in which the token `id` was found, once ``sortUnits()`` has been called.
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

  /// Orders the units by token; those of a token keep their order.
  mutating func sortUnits() {
    var end = 0
    for id in ids {
      ends[Int(id)] = end
      end += tallies[Int(id)].units
    }
    while units.count < end { units.append(0) }
    for place in places {
      let id = Int(place >> 32)
      units[ends[id]] = UInt32(truncatingIfNeeded: place)
      ends[id] += 1
    }
  }

  /// Removes all tokens and prepares for ids up to `id`.
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
