/// Merges the tokens of a long piece of n bytes, in time that grows with n log n and in memory of
/// about 9n bytes, those of the ids among them.
///
/// The tokens stand in blocks, each with room for 64, which empty as tokens are merged. A tournament
/// tells the block with the merge to be done next: the lowest rank, the leftmost of equal ones.
///
/// (A class, because the optimizer of Swift 6.3.1 breaks this as a struct that cannot be copied.)
final class LongPieceMerging {
  private static let blockSize = 64
  private static let noRank = UInt32.max

  private let merges: MergeTable.Lookup
  private let symbolCount: Int
  private let blockCount: Int
  /// The tokens; those of block `b` begin at `b * 64`.
  private let symbols: UnsafeMutablePointer<UInt32>
  /// The rank of the merge of each token with the one behind it.
  private let ranks: UnsafeMutablePointer<UInt32>
  /// How many tokens each block has.
  private var counts: [UInt8]
  /// The blocks before and behind each block that has tokens; -1 at the ends.
  private var previous: [Int]
  private var next: [Int]
  /// A tree of the lowest ranks, each in the upper half with its block in the lower one: the root at
  /// 1, the children of `n` at `2n` and `2n + 1`, block `b` at `leaves + b`.
  private var tree: [UInt64]
  private let leaves: Int

  /// Takes in the `count` tokens at `symbols`, which become those that are left.
  init(_ symbols: UnsafeMutablePointer<UInt32>, _ count: Int, _ merges: MergeTable.Lookup) {
    self.merges = merges
    self.symbols = symbols
    symbolCount = count
    blockCount = (count + Self.blockSize - 1) / Self.blockSize
    precondition(blockCount < Int(UInt32.max), "a piece of more than 256 GB")
    ranks = .allocate(capacity: count)
    for index in 0..<count - 1 {
      ranks[index] = MergeTable.rank(of: merges[symbols[index], symbols[index + 1]])
    }
    ranks[count - 1] = Self.noRank
    counts = Array(repeating: UInt8(Self.blockSize), count: blockCount)
    counts[blockCount - 1] = UInt8(count - (blockCount - 1) * Self.blockSize)
    previous = Array(-1..<blockCount - 1)
    next = Array(1..<blockCount) + [-1]
    var leaves = 1
    while leaves < blockCount { leaves *= 2 }
    self.leaves = leaves
    tree = Array(repeating: .max, count: leaves * 2)
    for block in 0..<blockCount { tree[leaves + block] = entry(of: block) }
    for node in stride(from: leaves - 1, to: 0, by: -1) {
      tree[node] = min(tree[node * 2], tree[node * 2 + 1])
    }
  }

  deinit {
    ranks.deallocate()
  }

  /// Merges until nothing is left to be merged, puts the tokens one behind another and returns how
  /// many there are.
  func run() -> Int {
    while true {
      let best = tree[1]
      let rank = UInt32(best >> 32)
      if rank == Self.noRank { break }
      merge(rank, in: Int(truncatingIfNeeded: best & 0xFFFF_FFFF))
    }
    var count = 0
    var block = 0
    while block >= 0 {
      let start = block * Self.blockSize
      for index in start..<start + Int(counts[block]) {
        symbols[count] = symbols[index]
        count += 1
      }
      block = next[block]
    }
    return count
  }

  /// Does the first merge of rank `rank` in `block`, which has one.
  private func merge(_ rank: UInt32, in block: Int) {
    let start = block * Self.blockSize
    var left = start
    while ranks[left] != rank { left += 1 }
    // The token behind it, which goes, and the one that then is behind it.
    let rightBlock = left + 1 < start + Int(counts[block]) ? block : next[block]
    let right = rightBlock == block ? left + 1 : rightBlock * Self.blockSize
    symbols[left] = UInt32(truncatingIfNeeded: merges[symbols[left], symbols[right]])
    remove(right, of: rightBlock)
    if rightBlock != block { update(rightBlock) }
    ranks[left] = rankWithNext(left, in: block)
    if left > start {
      ranks[left - 1] = rankWithNext(left - 1, in: block)
    } else if previous[block] >= 0 {
      let before = previous[block]
      let last = before * Self.blockSize + Int(counts[before]) - 1
      ranks[last] = rankWithNext(last, in: before)
      update(before)
    }
    update(block)
  }

  private func remove(_ position: Int, of block: Int) {
    let count = Int(counts[block]) - 1
    counts[block] = UInt8(count)
    for index in position..<block * Self.blockSize + count {
      symbols[index] = symbols[index + 1]
      ranks[index] = ranks[index + 1]
    }
    if count == 0 {
      let (before, after) = (previous[block], next[block])
      if before >= 0 { next[before] = after }
      if after >= 0 { previous[after] = before }
    }
  }

  private func rankWithNext(_ position: Int, in block: Int) -> UInt32 {
    var right = position + 1
    if right == block * Self.blockSize + Int(counts[block]) {
      guard next[block] >= 0 else { return Self.noRank }
      right = next[block] * Self.blockSize
    }
    return MergeTable.rank(of: merges[symbols[position], symbols[right]])
  }

  /// The lowest rank in `block` and its number.
  private func entry(of block: Int) -> UInt64 {
    let start = block * Self.blockSize
    var lowest = Self.noRank
    for index in start..<start + Int(counts[block]) { lowest = min(lowest, ranks[index]) }
    return UInt64(lowest) << 32 | UInt64(block)
  }

  /// Brings the tournament in line with the ranks of `block`.
  private func update(_ block: Int) {
    var node = leaves + block
    tree[node] = entry(of: block)
    while node > 1 {
      node /= 2
      let lower = min(tree[node * 2], tree[node * 2 + 1])
      if tree[node] == lower { return }
      tree[node] = lower
    }
  }
}
