/// Merges the tokens of a short piece, in the registers of the processor.
///
/// A token stands at the place of its first byte, so that no token moves as others are merged. Each
/// place has a number: the rank of the merge of its token with the one behind it, and the place in the
/// lower bits. So the lowest number is that of the merge to be done next: the lowest rank, the
/// leftmost of equal ones.
struct ShortPieceMerging {
  /// Longer pieces have not enough places.
  static let longestPiece = 64
  private static let placeBits: UInt32 = 6
  /// Ranks from here on do not fit into a number.
  static let endOfRanks = UInt32.max >> placeBits
  /// The number of a place without a merge.
  private static let none = UInt32.max

  private let merges: MergeTable.Lookup
  private let symbols: UnsafeMutablePointer<UInt32>
  private let count: Int
  /// What the merge of each place leads to.
  private let results: UnsafeMutablePointer<UInt32>
  /// A bit for each place with a token.
  private var places: UInt64
  private var numbers = (
    SIMD16(repeating: none), SIMD16(repeating: none), SIMD16(repeating: none),
    SIMD16(repeating: none)
  )

  /// Merges the `count` tokens at `symbols`, 1 to ``longestPiece``, until nothing is left to be merged,
  /// puts those that are left one behind another and returns how many there are.
  @inline(__always)
  static func merge(
    _ symbols: UnsafeMutablePointer<UInt32>, count: Int, _ merges: MergeTable.Lookup
  ) -> Int {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: longestPiece) { results in
      guard let results = results.baseAddress else { return count }
      var merging = ShortPieceMerging(symbols, count, results, merges)
      return merging.run()
    }
  }

  @inline(__always)
  private init(
    _ symbols: UnsafeMutablePointer<UInt32>, _ count: Int,
    _ results: UnsafeMutablePointer<UInt32>, _ merges: MergeTable.Lookup
  ) {
    precondition(1...Self.longestPiece ~= count)
    self.merges = merges
    self.symbols = symbols
    self.count = count
    self.results = results
    places = UInt64.max >> UInt64(Self.longestPiece - count)
    for place in 0..<count - 1 { note(place, before: place + 1) }
  }

  @inline(__always)
  private mutating func run() -> Int {
    while case let lowest = lowestNumber, lowest != Self.none {
      let place = Int(lowest & (1 << Self.placeBits - 1))
      let gone = self.place(behind: place)
      symbols[place] = results[place]
      places &= ~(1 << UInt64(gone))
      set(gone, Self.none)
      if places >> UInt64(gone) != 0 {
        note(place, before: self.place(behind: gone))
      } else {
        set(place, Self.none)
      }
      let before = places & (1 << UInt64(place) - 1)
      if before != 0 { note(63 - before.leadingZeroBitCount, before: place) }
    }
    var left = 0
    while places != 0 {
      symbols[left] = symbols[places.trailingZeroBitCount]
      places &= places - 1
      left += 1
    }
    return left
  }

  /// The next place with a token; there is one.
  @inline(__always)
  private func place(behind place: Int) -> Int {
    (places & ~1 << UInt64(place)).trailingZeroBitCount
  }

  /// Notes the merge of the token at `place` with the one at `next`.
  @inline(__always)
  private mutating func note(_ place: Int, before next: Int) {
    let merge = merges[symbols[place], symbols[next]]
    results[place] = UInt32(truncatingIfNeeded: merge)
    let number = MergeTable.rank(of: merge) << Self.placeBits | UInt32(place)
    set(place, merge == MergeTable.none ? Self.none : number)
  }

  @inline(__always)
  private mutating func set(_ place: Int, _ number: UInt32) {
    let lane = place & 15
    switch place >> 4 {
    case 0: numbers.0[lane] = number
    case 1: numbers.1[lane] = number
    case 2: numbers.2[lane] = number
    default: numbers.3[lane] = number
    }
  }

  @inline(__always)
  private var lowestNumber: UInt32 {
    var lowest = numbers.0.min()
    if count > 16 { lowest = min(lowest, numbers.1.min()) }
    if count > 32 { lowest = min(lowest, numbers.2.min(), numbers.3.min()) }
    return lowest
  }
}
