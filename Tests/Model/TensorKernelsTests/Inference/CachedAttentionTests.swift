import TensorKernels
import Testing

@Suite("Attention with a cache")
struct CachedAttentionTests {
  private let threadPool = ThreadPool(count: 2)

  /// Memory for the keys and values of `capacity` positions.
  private struct Memory {
    let floats: FloatArena
    let capacity: Int
    let channels: Int

    init(positions: Int, channels: Int) {
      let block = KeyValueCacheSegment.block
      capacity = (positions + block - 1) / block * block
      self.channels = channels
      floats = FloatArena(
        count: KeyValueCacheSegment.floatCount(capacity: capacity, channels: channels))
      floats.floats.update(repeating: .nan)
    }

    func segment(_ count: Int) -> KeyValueCacheSegment {
      KeyValueCacheSegment(floats, capacity: capacity, channels: channels, count: count)
    }
  }

  private func attend(
    _ out: MatrixView, _ qkv: MatrixView, _ positions: [CachedPosition], heads: Int, scale: Float
  ) {
    let scratch = Matrix(threadPool.count, positions.map(\.count).max() ?? 0)
    scratch.floats.update(repeating: .nan)
    threadPool.cachedAttention(
      out, qkv, positions, heads: heads, scale: scale, scratch: scratch.floats)
  }

  @Test(
    "agrees with attention over the whole sequence, however it is cut",
    arguments: [[1], [130], [1, 1, 1], [64, 66], [65, 1, 64], [3, 127]])
  func cuts(chunks: [Int]) {
    for (heads, channels) in [(3, 24), (1, 64), (2, 160)] {
      let time = chunks.reduce(0, +)
      let sizes = AttentionTests.Sizes(
        batchSize: 1, sequenceLength: time, heads: heads, channels: channels)
      let whole = AttentionTests.Forward(sizes, dropout: nil, threadPool: threadPool)
      let memory = Memory(positions: time + 5, channels: channels)
      let out = Matrix(time, channels)
      var past = 0
      for chunk in chunks {
        let rows = past..<past + chunk
        attend(
          out.view.rows(rows), whole.qkv.view.rows(rows),
          rows.map { CachedPosition(own: memory.segment($0 + 1)) }, heads: heads,
          scale: sizes.shape.scale)
        past += chunk
      }
      expectClose(out.values, whole.out.doubles, within: 64 * roundingError)
    }
  }

  @Test("a sequence whose beginning others share agrees too", arguments: [1, 15, 16, 17, 40])
  func sharedBeginning(length: Int) {
    let (time, channels, heads) = (60, 32, 2)
    let sizes = AttentionTests.Sizes(
      batchSize: 1, sequenceLength: time, heads: heads, channels: channels)
    let whole = AttentionTests.Forward(sizes, dropout: nil, threadPool: threadPool)
    let (first, own) = (
      Memory(positions: length, channels: channels),
      Memory(positions: time - length, channels: channels)
    )
    let out = Matrix(time, channels)
    attend(
      out.view.rows(0..<length), whole.qkv.view.rows(0..<length),
      (0..<length).map { CachedPosition(own: first.segment($0 + 1)) }, heads: heads,
      scale: sizes.shape.scale)
    attend(
      out.view.rows(length..<time), whole.qkv.view.rows(length..<time),
      (length..<time).map {
        CachedPosition(own: own.segment($0 - length + 1), after: [first.segment(length)])
      }, heads: heads, scale: sizes.shape.scale)
    expectClose(out.values, whole.out.doubles, within: 64 * roundingError)
  }

  @Test("a position has the same bits beside others and alone")
  func sameBits() {
    let (channels, heads) = (48, 3)
    let lengths = [1, 9, 33, 70]
    let qkv = Matrix(lengths.count, 3 * channels, random: 4)
    func memories() -> [Memory] {
      lengths.map { length in
        let memory = Memory(positions: length, channels: channels)
        let earlier = Matrix(length, 3 * channels, random: UInt64(length))
        let out = Matrix(length, channels)
        attend(
          out.view, earlier.view, (1...length).map { CachedPosition(own: memory.segment($0)) },
          heads: heads, scale: 0.3)
        return memory
      }
    }
    let together = Matrix(lengths.count, channels)
    attend(
      together.view, qkv.view,
      zip(memories(), lengths).map { CachedPosition(own: $0.segment($1)) }, heads: heads,
      scale: 0.3)
    let alone = Matrix(lengths.count, channels)
    for (row, (memory, length)) in zip(memories(), lengths).enumerated() {
      attend(
        alone.view.rows(row..<row + 1), qkv.view.rows(row..<row + 1),
        [CachedPosition(own: memory.segment(length))], heads: heads, scale: 0.3)
    }
    #expect(together.bits == alone.bits)
  }
}
