import CKernels

/// The numbers that keys and values are kept as.
public enum CachePrecision: Sendable {
  case fp32
  /// Half precision: 11 significant bits instead of 24, in half the memory.
  case fp16

  fileprivate var byteCount: Int {
    switch self {
    case .fp32: 4
    case .fp16: 2
    }
  }
}

/// Keys and values of consecutive positions of one sequence, in one layer.
///
/// Each attention head has its keys in blocks of 16 positions, in which the 16 values of a channel
/// lie side by side, so that their scores form one vector. It has its values position by position.
public struct KeyValueCacheSegment: Sendable {
  /// Keeps the memory of the view.
  private let memory: Arena<UInt8>
  fileprivate let view: View

  /// How many positions there is room for.
  public var capacity: Int { view.capacity }
  /// How many positions are attended to.
  public var count: Int { view.count }

  /// The segment in the ``byteCount(capacity:channels:_:)`` bytes of `memory` from `offset` on.
  public init(
    _ memory: Arena<UInt8>, at offset: Int = 0, capacity: Int, channels: Int, count: Int,
    _ precision: CachePrecision
  ) {
    precondition(capacity % Self.block == 0 && count <= capacity)
    self.memory = memory
    let size = Self.byteCount(capacity: capacity, channels: channels, precision)
    let middle = offset + size / 2
    view = View(
      keys: memory[offset..<middle], values: memory[middle..<offset + size], capacity: capacity,
      count: count, precision: precision)
  }

  /// Positions whose keys lie together; a capacity is a multiple of this.
  public static let block = Int(CKERNELS_KEY_BLOCK)

  /// Bytes of a segment for `capacity` positions.
  public static func byteCount(capacity: Int, channels: Int, _ precision: CachePrecision) -> Int {
    2 * capacity * channels * precision.byteCount
  }

  /// A segment without a reference to its memory: threads that count references to the same memory
  /// at the same time hinder each other.
  fileprivate struct View {
    let keys: VectorView<UInt8>
    let values: VectorView<UInt8>
    let capacity: Int
    let count: Int
    let precision: CachePrecision

    /// The keys and values of attention head `head`, which has `size` channels.
    func head(_ head: Int, size: Int) -> CKernelsKeysAndValues {
      let length = capacity * size * precision.byteCount
      let bytes = head * length..<(head + 1) * length
      return CKernelsKeysAndValues(
        keys: keys[bytes].base, values: values[bytes].base, size: size,
        has_halves: precision == .fp16 ? 1 : 0)
    }

    /// Keeps the key and the value of `head` at the last position; `qkv` is the row of that position.
    func keep(_ qkv: Floats, head: Int, size: Int) {
      let channels = qkv.count / 3
      let (key, value) = (qkv[channels..<2 * channels], qkv[2 * channels..<3 * channels])
      let part = head * size..<(head + 1) * size
      var kept = self.head(head, size: size)
      ckernels_keep(&kept, key[part].base, value[part].base, count - 1)
    }
  }
}

/// A position that attends to those before it and to itself.
public struct CachedPosition: Sendable {
  /// The segment of the position itself, which is its last.
  public let own: KeyValueCacheSegment
  /// The segments before that one, in the order of the sequence.
  public let earlier: [KeyValueCacheSegment]

  public init(own: KeyValueCacheSegment, after earlier: [KeyValueCacheSegment] = []) {
    precondition(own.count > 0)
    self.own = own
    self.earlier = earlier
  }

  /// How many positions are attended to.
  public var count: Int { earlier.reduce(own.count) { $0 + $1.count } }
}

/// The segments of some positions, one position after another.
private struct CachedSegments {
  private var segments: [KeyValueCacheSegment.View] = []
  /// Where the segments of each position end.
  private var ends: [Int] = []

  init(_ positions: [CachedPosition]) {
    for position in positions {
      for segment in position.earlier { segments.append(segment.view) }
      segments.append(position.own.view)
      ends.append(segments.count)
    }
  }

  /// The segment of position `row` itself.
  func own(_ row: Int) -> KeyValueCacheSegment.View { segments[ends[row] - 1] }

  /// The attention of position `row` in one head, `[size]`; `scores` has room for as many floats as
  /// it attends to.
  func attend(
    _ out: Floats, query: Floats, row: Int, head: Int, scale: Float, scores: Floats
  ) {
    let size = out.count
    let indices = (row > 0 ? ends[row - 1] : 0)..<ends[row]
    var first = 0
    for index in indices {
      let segment = segments[index]
      var kept = segment.head(head, size: size)
      ckernels_scores(scores.base + first, query.base, &kept, segment.count, scale)
      first += segment.count
    }
    _ = ckernels_softmax(scores.base, first, first)
    out.update(repeating: 0)
    first = 0
    for index in indices {
      let segment = segments[index]
      var kept = segment.head(head, size: size)
      ckernels_add_weighted(out.base, scores.base + first, &kept, segment.count)
      first += segment.count
    }
  }
}

extension ThreadPool {
  /// Attention of positions to themselves and to all earlier ones, whose keys and values are kept.
  ///
  /// The positions may belong to any sequences. The result for one does not depend on the others.
  ///
  /// - Parameters:
  ///   - out: `[positions, channels]`, overwritten.
  ///   - qkv: `[positions, 3 · channels]`; keys and values are kept where `positions` says.
  ///   - positions: One for each row. Those of one sequence may attend to each other.
  ///   - heads: How many attention heads there are.
  ///   - scale: What the scores are multiplied by.
  ///   - scratch: As many floats for each thread as a position attends to.
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
    // A position may attend to the positions of other rows, but only within one head.
    let segments = CachedSegments(positions)
    let isAlone = positions.count == 1
    if !isAlone {
      run(heads) { head, _ in
        for row in 0..<out.rows {
          segments.own(row).keep(qkv.row(row), head: head, size: size)
        }
      }
    }
    // About 50 µs per piece, and with one row several pieces for each thread.
    let total = positions.count * heads
    let work = longest * size * total
    let pieces = max(1, min(total, work / 100_000 + 4))
    run(pieces) { piece, thread in
      let scores = scratch[thread * longest..<(thread + 1) * longest]
      for index in total * piece / pieces..<total * (piece + 1) / pieces {
        let (row, head) = index.quotientAndRemainder(dividingBy: heads)
        if isAlone { segments.own(row).keep(qkv.row(row), head: head, size: size) }
        let part = head * size..<(head + 1) * size
        segments.attend(
          out.row(row)[part], query: qkv.row(row)[part], row: row, head: head, scale: scale,
          scores: scores)
      }
    }
  }
}
