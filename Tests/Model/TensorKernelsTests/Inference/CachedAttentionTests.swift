import TensorKernels
import Testing

@Suite("Attention with a cache")
struct CachedAttentionTests {
  private let threadPool = ThreadPool(count: 2)

  /// Memory for the keys and values of `capacity` positions.
  private struct Memory {
    let bytes: Arena<UInt8>
    let capacity: Int
    let channels: Int
    let precision: CachePrecision

    init(positions: Int, channels: Int, _ precision: CachePrecision = .fp32) {
      let block = KeyValueCacheSegment.block
      capacity = (positions + block - 1) / block * block
      self.channels = channels
      self.precision = precision
      bytes = Arena(
        count: KeyValueCacheSegment.byteCount(capacity: capacity, channels: channels, precision))
      // NaN in both precisions.
      bytes.elements.update(repeating: 0xFF)
    }

    func segment(_ count: Int) -> KeyValueCacheSegment {
      KeyValueCacheSegment(bytes, capacity: capacity, channels: channels, count: count, precision)
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

  @Test("half precision keeps the nearest keys and values", arguments: [8, 24, 64, 80])
  func halfPrecision(size: Int) {
    let (time, heads) = (70, 2)
    let channels = heads * size
    let qkv = Matrix(time, 3 * channels, random: 5, scale: 3)
    // A key and a value that are too large, one that is subnormal, and one that is not a number.
    qkv.view.row(30)[channels] = 1e9
    qkv.view.row(31)[2 * channels + 1] = -70_000
    qkv.view.row(32)[2 * channels + 2] = 3.3e-6
    qkv.view.row(time - 1)[2 * channels + 3] = .nan
    let rounded = Matrix(time, 3 * channels)
    rounded.floats.update(from: qkv.floats)
    let largest = Float(Float16.greatestFiniteMagnitude)
    for row in 0..<time {
      let keysAndValues = rounded.view.row(row)[channels..<3 * channels]
      for index in keysAndValues.indices where !keysAndValues[index].isNaN {
        keysAndValues[index] = Float(Float16(max(-largest, min(largest, keysAndValues[index]))))
      }
    }
    func attention(_ qkv: Matrix, _ precision: CachePrecision) -> Matrix {
      let memory = Memory(positions: time, channels: channels, precision)
      let out = Matrix(time, channels)
      attend(
        out.view, qkv.view, (1...time).map { CachedPosition(own: memory.segment($0)) },
        heads: heads, scale: 0.1)
      return out
    }
    let halves = attention(qkv, .fp16)
    #expect(halves.bits == attention(rounded, .fp32).bits)
    #expect(halves.bits != attention(qkv, .fp32).bits)
    #expect(halves.view.row(time - 1)[3].isNaN)
  }
}
