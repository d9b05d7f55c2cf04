/// The pieces that a thread met last of those for which there is no room among the shared ones.
///
/// A piece can stand in either place of a pair. It comes into the second one, from where it moves to
/// the first one when it is found again: so rare pieces do not drive frequent ones out.
struct RecentPieces {
  private static let pairCount = 1 << 13
  /// Empty until there is a piece.
  private var entries: [PieceEntry] = []

  /// The entry of the piece `key` with the hash `hash`; `nil` if it has none.
  mutating func entry(of key: PieceKey, hash: UInt64) -> PieceEntry? {
    if entries.isEmpty { return nil }
    let first = Self.place(of: hash)
    if entries[first].key == key { return entries[first] }
    guard entries[first + 1].key == key else { return nil }
    entries.swapAt(first, first + 1)
    return entries[first]
  }

  /// Remembers `entry`, whose key has the hash `hash`.
  mutating func add(_ entry: PieceEntry, hash: UInt64) {
    if entries.isEmpty { entries = Array(repeating: .empty, count: Self.pairCount * 2) }
    let first = Self.place(of: hash)
    entries[entries[first].key == .none ? first : first + 1] = entry
  }

  private static func place(of hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash & UInt64(pairCount - 1)) * 2
  }
}
