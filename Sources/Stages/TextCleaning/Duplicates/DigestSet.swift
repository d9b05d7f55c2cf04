/// A set of digests, 16 bytes a place: an open hash table, of which no more than three quarters are
/// full.
struct DigestSet {
  /// How many digests there are.
  private(set) var count = 0
  /// The digests, each at the place that its bits name or behind it; `empty` where there is none.
  private var table = [Digest](repeating: empty, count: 1 << 10)
  /// Whether the digest is among them that stands for an empty place.
  private var hasEmpty = false

  private static let empty = Digest(low: 0, high: 0)

  /// Adds `digest`; false if it was there.
  mutating func insert(_ digest: Digest) -> Bool {
    if digest == Self.empty {
      defer { hasEmpty = true }
      count += hasEmpty ? 0 : 1
      return !hasEmpty
    }
    let place = place(of: digest)
    guard table[place] == Self.empty else { return false }
    table[place] = digest
    count += 1
    if count * 4 > table.count * 3 { grow() }
    return true
  }

  /// Where `digest` stands, or the empty place where it is to stand.
  private func place(of digest: Digest) -> Int {
    let mask = table.count - 1
    // Its bits are mixed already.
    var place = Int(truncatingIfNeeded: digest.low) & mask
    while table[place] != digest, table[place] != Self.empty { place = (place + 1) & mask }
    return place
  }

  private mutating func grow() {
    let digests = table
    table = Array(repeating: Self.empty, count: digests.count * 2)
    for digest in digests where digest != Self.empty { table[place(of: digest)] = digest }
  }
}
