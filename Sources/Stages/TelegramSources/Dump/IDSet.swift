/// A set of numbers that come in ascending order, in a quarter of a byte for each where they are
/// dense, and 16 bytes at most.
struct IDSet {
  /// The numbers `64 * index` to `64 * index + 63` that are in the set: a bit for each.
  private struct Block {
    let index: Int
    var bits: UInt64
  }

  private var blocks: [Block] = []
  /// How many numbers there are.
  private(set) var count = 0
  /// The greatest number.
  private(set) var last: Int?

  /// Adds `id`, which must be above ``last``.
  mutating func append(_ id: Int) {
    let bit = UInt64(1) << UInt64(id & 63)
    if let index = blocks.last?.index, index == id >> 6 {
      blocks[blocks.count - 1].bits |= bit
    } else {
      blocks.append(Block(index: id >> 6, bits: bit))
    }
    last = id
    count += 1
  }

  /// Whether `id` was added.
  func contains(_ id: Int) -> Bool {
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].index < id >> 6 { low = middle + 1 } else { high = middle }
    }
    guard low < blocks.count, blocks[low].index == id >> 6 else { return false }
    return blocks[low].bits >> UInt64(id & 63) & 1 == 1
  }
}
