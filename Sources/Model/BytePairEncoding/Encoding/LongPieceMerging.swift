/// Merges the tokens of a long piece of n bytes, in O(n log n) time and about 9n bytes of memory.
///
/// The tokens lie in blocks with room for 64 each, which empty as tokens are merged. A tournament
/// tree finds the block with the next merge: the one with the lowest rank, and the leftmost of
/// equal ones.
struct LongPieceMerging {
  private static let blockSize = 64

  private let merges: MergeTable
  /// The tokens; those of block `b` begin at `b * 64`.
  private var symbols: [UInt32]
  /// The rank of the merge of each token with the next one.
  private var ranks: [UInt32]
  /// The number of tokens in each block.
  private var counts: [UInt8]
  /// The blocks before and after each block that has tokens; -1 at the ends.
  private var previous: [Int]
  private var next: [Int]
  /// The tree of the lowest ranks, each in the upper half with its block in the lower half: the
  /// root is at 1, the children of `n` are at `2n` and `2n + 1`, and block `b` is at `leaves + b`.
  private var tree: [UInt64]
  private let leaves: Int

  /// Takes the tokens `symbols` of a piece, of which there is at least one.
  init(_ symbols: consuming [UInt32], _ merges: MergeTable) {
    self.merges = merges
    let count = symbols.count
    let blockCount = (count + Self.blockSize - 1) / Self.blockSize
    precondition(blockCount < Int(UInt32.max), "a piece of more than 256 GB")
    self.symbols = symbols
    ranks = Array(repeating: MergeTable.noRank, count: count)
    counts = Array(repeating: UInt8(Self.blockSize), count: blockCount)
    counts[blockCount - 1] = UInt8(count - (blockCount - 1) * Self.blockSize)
    previous = Array(-1..<blockCount - 1)
    next = Array(1..<blockCount) + [-1]
    var leaves = 1
    while leaves < blockCount { leaves *= 2 }
    self.leaves = leaves
    tree = Array(repeating: .max, count: leaves * 2)
    for index in 0..<count - 1 {
      ranks[index] = merges.rank(of: self.symbols[index], self.symbols[index + 1])
    }
    for block in 0..<blockCount { tree[leaves + block] = entry(of: block) }
    for node in stride(from: leaves - 1, to: 0, by: -1) {
      tree[node] = min(tree[node * 2], tree[node * 2 + 1])
    }
  }

  /// Merges until no merge is left, and returns the tokens.
  consuming func merged() -> [UInt32] {
    while case let rank = UInt32(tree[1] >> 32), rank != MergeTable.noRank {
      merge(rank, in: Int(UInt32(truncatingIfNeeded: tree[1])))
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
    symbols.removeLast(symbols.count - count)
    return symbols
  }

  /// Applies the first merge of rank `rank` in `block`, which has one.
  private mutating func merge(_ rank: UInt32, in block: Int) {
    let start = block * Self.blockSize
    var left = start
    while ranks[left] != rank { left += 1 }
    let rightBlock = left + 1 < start + Int(counts[block]) ? block : next[block]
    let right = rightBlock == block ? left + 1 : rightBlock * Self.blockSize
    symbols[left] = merges.result(of: rank)
    remove(right, from: rightBlock)
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

  private mutating func remove(_ position: Int, from block: Int) {
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
      guard next[block] >= 0 else { return MergeTable.noRank }
      right = next[block] * Self.blockSize
    }
    return merges.rank(of: symbols[position], symbols[right])
  }

  /// The lowest rank in `block`, combined with the block.
  private func entry(of block: Int) -> UInt64 {
    let start = block * Self.blockSize
    var lowest = MergeTable.noRank
    for index in start..<start + Int(counts[block]) { lowest = min(lowest, ranks[index]) }
    return UInt64(lowest) << 32 | UInt64(block)
  }

  /// Updates the tree from the ranks of `block`.
  private mutating func update(_ block: Int) {
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
