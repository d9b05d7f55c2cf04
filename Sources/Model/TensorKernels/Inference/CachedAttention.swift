import CKernels

/// Keys and values of positions of one sequence that follow one another, in one layer.
///
/// Each head has its keys in blocks of 16 positions, the same channel of all 16 side by side, so
/// that their scores are one vector; and its values position by position.
public struct KeyValueCacheSegment {
  private let memory: FloatArena
  private let keys: UnsafeMutablePointer<Float>
  private let values: UnsafeMutablePointer<Float>
  /// Positions that there is room for.
  public let capacity: Int
  /// Positions that are attended to.
  public let count: Int

  /// The segment in the ``floatCount(capacity:channels:)`` floats of `memory` from `offset` on.
  public init(_ memory: FloatArena, at offset: Int = 0, capacity: Int, channels: Int, count: Int) {
    precondition(capacity % Self.block == 0 && count <= capacity)
    self.memory = memory
    let size = Self.floatCount(capacity: capacity, channels: channels)
    keys = base(memory[offset..<offset + size])
    values = keys + capacity * channels
    self.capacity = capacity
    self.count = count
  }

  /// Positions whose keys lie together; a capacity is a multiple.
  public static let block = Int(CKERNELS_KEY_BLOCK)

  /// Floats of a segment for `capacity` positions.
  public static func floatCount(capacity: Int, channels: Int) -> Int { 2 * capacity * channels }

  fileprivate func keys(_ head: Int, size: Int) -> UnsafeMutablePointer<Float> {
    keys + head * capacity * size
  }

  fileprivate func values(_ head: Int, size: Int) -> UnsafeMutablePointer<Float> {
    values + head * capacity * size
  }

  /// Keeps the key and the value of `head` at the last position.
  fileprivate func store(
    key: UnsafeMutablePointer<Float>, value: UnsafeMutablePointer<Float>, head: Int, size: Int
  ) {
    let position = count - 1
    ckernels_store_key(keys(head, size: size), key + head * size, position, size)
    (values(head, size: size) + position * size).update(from: value + head * size, count: size)
  }
}

/// A position that attends to those before it and to itself.
public struct CachedPosition {
  /// Where its key and value are put, and those of the positions before it in the same memory: the
  /// last of the segment is the position itself.
  public let own: KeyValueCacheSegment
  /// The segments before that one, the first of the sequence first.
  public let earlier: [KeyValueCacheSegment]

  public init(own: KeyValueCacheSegment, after earlier: [KeyValueCacheSegment] = []) {
    precondition(own.count > 0)
    self.own = own
    self.earlier = earlier
  }

  /// Positions that are attended to.
  public var count: Int { earlier.reduce(own.count) { $0 + $1.count } }
}

extension ThreadPool {
  /// Attention of positions to themselves and to all before them, whose keys and values are kept.
  ///
  /// They may be of any sequences. What comes out for a position does not depend on the others.
  ///
  /// - Parameters:
  ///   - out: `[positions, channels]`, overwritten.
  ///   - qkv: `[positions, 3 · channels]`; keys and values are put where `positions` says.
  ///   - positions: one for each row. Those of one sequence may attend to each other.
  ///   - heads: How many heads there are.
  ///   - scale: What the scores are multiplied by.
  ///   - scratch: For each thread as many floats as a position attends to.
  public func cachedAttention(
    _ out: MatrixView, _ qkv: MatrixView, _ positions: [CachedPosition], heads: Int, scale: Float,
    scratch: Floats
  ) {
    let channels = out.columns
    precondition(qkv.rows == out.rows && positions.count == out.rows)
    precondition(qkv.columns == 3 * channels && channels % heads == 0)
    let size = channels / heads
    let longest = positions.reduce(0) { max($0, $1.count) }
    precondition(scratch.count >= count * longest)
    func store(_ row: Int, _ head: Int) {
      let floats = qkv.base + row * qkv.stride
      positions[row].own.store(
        key: floats + channels, value: floats + 2 * channels, head: head, size: size)
    }
    // A position may attend to those of other rows, but within one head.
    let isAlone = positions.count == 1
    if !isAlone {
      run(heads) { head, _ in
        for row in positions.indices { store(row, head) }
      }
    }
    // About 50 µs a piece, and with one row some for each thread.
    let work = longest * size * heads * positions.count
    let pieces = max(1, min(positions.count * heads, work / 100_000 + 4))
    run(pieces) { piece, worker in
      let total = positions.count * heads
      for index in total * piece / pieces..<total * (piece + 1) / pieces {
        let (row, head) = index.quotientAndRemainder(dividingBy: heads)
        if isAlone { store(row, head) }
        positions[row].attend(
          base(out.row(row)) + head * size, query: qkv.base + row * qkv.stride + head * size,
          head: head, size: size, scale: scale, scores: base(scratch) + worker * longest)
      }
    }
  }
}

extension CachedPosition {
  fileprivate func attend(
    _ out: UnsafeMutablePointer<Float>, query: UnsafeMutablePointer<Float>, head: Int, size: Int,
    scale: Float, scores: UnsafeMutablePointer<Float>
  ) {
    var first = 0
    forEachSegment { segment in
      ckernels_scores(
        scores + first, query, segment.keys(head, size: size), segment.count, size, scale)
      first += segment.count
    }
    _ = ckernels_softmax(scores, first, first)
    out.update(repeating: 0, count: size)
    first = 0
    forEachSegment { segment in
      ckernels_add_weighted(
        out, scores + first, segment.values(head, size: size), segment.count, size)
      first += segment.count
    }
  }

  private func forEachSegment(_ body: (KeyValueCacheSegment) -> Void) {
    for segment in earlier { body(segment) }
    body(own)
  }
}
