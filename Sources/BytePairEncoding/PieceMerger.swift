/// Merges the bytes of one piece into tokens.
///
/// The pair with the lowest rank is merged first, the leftmost of equal ones, until no pair is left
/// that the vocabulary merges.
struct PieceMerger: Sendable {
  private let merges: MergeTable
  private let byteIDs: [UInt32]

  /// The tokens of the piece, and the merge of each with the one behind it.
  private var symbols: [UInt32] = []
  private var candidates: [MergeTable.Merge] = []
  /// The neighbours of each symbol that is left, for long pieces; -1 at the ends.
  private var previous: [Int32] = []
  private var next: [Int32] = []
  private var queue = BinaryHeap<Candidate>()

  /// A possible merge in a long piece.
  private struct Candidate: Comparable {
    let merge: MergeTable.Merge
    let position: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.merge >> 32, a.position) < (b.merge >> 32, b.position)
    }
  }

  /// Up to this many bytes a search through all candidates is quicker than a queue.
  private static let longestSearched = 64

  init(_ tokenizer: Tokenizer) {
    merges = MergeTable(tokenizer.merges)
    byteIDs = tokenizer.byteIDs
  }

  /// Appends the ids of `piece`, which is not empty, to `ids`.
  mutating func merge(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [UInt32]) {
    symbols.removeAll(keepingCapacity: true)
    for byte in piece { symbols.append(byteIDs[Int(byte)]) }
    if piece.count > Self.longestSearched {
      mergeByQueue(into: &ids)
    } else {
      mergeBySearch(into: &ids)
    }
  }

  private mutating func mergeBySearch(into ids: inout [UInt32]) {
    var count = symbols.count
    candidates.removeAll(keepingCapacity: true)
    for index in 0..<count - 1 { candidates.append(merges[symbols[index], symbols[index + 1]]) }
    while count > 1 {
      var best = MergeTable.none
      var position = 0
      for index in 0..<count - 1 where candidates[index] < best {
        best = candidates[index]
        position = index
      }
      if best == MergeTable.none { break }
      symbols[position] = UInt32(truncatingIfNeeded: best)
      count -= 1
      var index = position + 1
      while index < count {
        symbols[index] = symbols[index + 1]
        candidates[index - 1] = candidates[index]
        index += 1
      }
      if position > 0 {
        candidates[position - 1] = merges[symbols[position - 1], symbols[position]]
      }
      if position + 1 < count {
        candidates[position] = merges[symbols[position], symbols[position + 1]]
      }
    }
    ids.append(contentsOf: symbols[..<count])
  }

  private mutating func mergeByQueue(into ids: inout [UInt32]) {
    let count = Int32(symbols.count)
    previous = (0..<count).map { $0 - 1 }
    next = (0..<count).map { $0 + 1 < count ? $0 + 1 : -1 }
    queue.removeAll()
    for position in 0..<count - 1 { offer(position) }
    while let candidate = queue.popFirst() {
      let left = candidate.position
      let right = next[Int(left)]
      // What was merged into its neighbour, or stands before another symbol by now, is passed over.
      guard right >= 0, previous[Int(right)] == left,
        merges[symbols[Int(left)], symbols[Int(right)]] == candidate.merge
      else { continue }
      symbols[Int(left)] = UInt32(truncatingIfNeeded: candidate.merge)
      let after = next[Int(right)]
      next[Int(left)] = after
      next[Int(right)] = -1
      if after >= 0 {
        previous[Int(after)] = left
        offer(left)
      }
      if previous[Int(left)] >= 0 { offer(previous[Int(left)]) }
    }
    var position: Int32 = 0
    while position >= 0 {
      ids.append(symbols[Int(position)])
      position = next[Int(position)]
    }
  }

  /// Puts the merge of the symbol at `position` with its neighbour into the queue, if there is one.
  private mutating func offer(_ position: Int32) {
    let right = next[Int(position)]
    let merge = merges[symbols[Int(position)], symbols[Int(right)]]
    if merge != MergeTable.none { queue.insert(Candidate(merge: merge, position: position)) }
  }
}
