/// Room for many lists of numbers, most of them short, each of which is taken out once.
struct ListArena {
  /// A list in the arena.
  struct List {
    fileprivate let chunk: Int
    fileprivate let start: Int
    fileprivate let count: Int
  }

  private var chunks: [[UInt32]] = []
  /// How many numbers of each chunk were not yet taken.
  private var remaining: [Int] = []
  /// The chunk to which short lists are added.
  private var current = -1

  /// How many numbers a chunk has that is shared by several lists.
  private static let chunkSize = 1 << 20
  /// A list of as many numbers gets a chunk of its own, which is given back when it is taken.
  private static let ownChunk = 1 << 14

  /// Puts in a list of `numbers`.
  mutating func add(_ numbers: ArraySlice<UInt32>) -> List {
    if numbers.count >= Self.ownChunk { return addChunk(Array(numbers)) }
    if current < 0 || chunks[current].count + numbers.count > Self.chunkSize {
      var chunk: [UInt32] = []
      chunk.reserveCapacity(Self.chunkSize)
      current = addChunk(chunk).chunk
    }
    let start = chunks[current].count
    chunks[current].append(contentsOf: numbers)
    remaining[current] += numbers.count
    return List(chunk: current, start: start, count: numbers.count)
  }

  private mutating func addChunk(_ numbers: [UInt32]) -> List {
    chunks.append(numbers)
    remaining.append(numbers.count)
    return List(chunk: chunks.count - 1, start: 0, count: numbers.count)
  }

  /// Moves the numbers of `list` to `output`; the list is gone then.
  mutating func take(_ list: List, into output: inout [UInt32]) {
    output.removeAll(keepingCapacity: true)
    output.append(contentsOf: chunks[list.chunk][list.start..<list.start + list.count])
    remaining[list.chunk] -= list.count
    if remaining[list.chunk] == 0 && list.chunk != current { chunks[list.chunk] = [] }
  }
}
