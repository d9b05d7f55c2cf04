import Foundation
import TensorKernels
import Testing

@Suite("Attention")
struct AttentionTests {
  /// The sizes of a case; the scale is 1/√(head size).
  struct Sizes: Sendable, CustomTestStringConvertible {
    let batch, time, heads, channels: Int
    var shape: AttentionShape {
      AttentionShape(
        batch: batch, time: time, heads: heads, channels: channels,
        scale: 1 / Float(channels / heads).squareRoot())
    }
    var testDescription: String { "\(batch)×\(time), \(heads) heads, \(channels) channels" }
  }

  static let sizes = [
    Sizes(batch: 1, time: 1, heads: 1, channels: 1),
    Sizes(batch: 2, time: 7, heads: 3, channels: 12),
    Sizes(batch: 3, time: 16, heads: 1, channels: 17),
    Sizes(batch: 1, time: 64, heads: 2, channels: 30),
    Sizes(batch: 2, time: 65, heads: 2, channels: 32),
    Sizes(batch: 1, time: 129, heads: 3, channels: 48),
  ]

  /// What a forward pass leaves.
  struct Forward {
    let qkv, out, logSums, scratch: Matrix

    init(_ sizes: Sizes, dropout: Dropout?, threadPool: ThreadPool, scale: Float = 1) {
      let (rows, shape) = (sizes.batch * sizes.time, sizes.shape)
      qkv = Matrix(rows, 3 * sizes.channels, random: 1, scale: scale)
      out = Matrix(rows, sizes.channels, random: 2)
      logSums = Matrix(1, rows * sizes.heads)
      scratch = Matrix(1, threadPool.count * shape.scratchPerWorker)
      scratch.floats.update(repeating: .nan)
      threadPool.attention(
        .fp32(out.view), logSums: logSums.floats, .fp32(qkv.view), shape, dropout: dropout,
        scratch: scratch.floats)
    }
  }

  /// Attention and its gradient in double precision, a loop for each sum.
  struct Reference {
    var out, logSums, qkvGradient: [Double]

    /// `mask`: what each weight is multiplied by, `[batch · heads · time, time]`.
    init(_ qkv: [Double], _ sizes: Sizes, mask: [Double], outGradient: [Double]) {
      let (time, channels, size) = (sizes.time, sizes.channels, sizes.channels / sizes.heads)
      let scale = Double(sizes.shape.scale)
      out = Array(repeating: 0, count: sizes.batch * time * channels)
      qkvGradient = Array(repeating: 0, count: 3 * out.count)
      logSums = []
      for (sequence, head) in (0..<sizes.batch * sizes.heads).map({
        $0.quotientAndRemainder(dividingBy: sizes.heads)
      }) {
        /// Where the part (0 query, 1 key, 2 value) of a position begins in qkv.
        func start(_ part: Int, _ position: Int) -> Int {
          (sequence * time + position) * 3 * channels + part * channels + head * size
        }
        for query in 0..<time {
          let outStart = (sequence * time + query) * channels + head * size
          let maskStart = ((sequence * sizes.heads + head) * time + query) * time
          let scores = (0...query).map { key in
            scale
              * (0..<size).reduce(0) { $0 + qkv[start(0, query) + $1] * qkv[start(1, key) + $1] }
          }
          let largest = scores.max() ?? 0
          let sum = scores.reduce(0) { $0 + exp($1 - largest) }
          logSums.append(largest + log(sum))
          let weights = scores.map { exp($0 - largest) / sum }
          var weightGradients: [Double] = []
          for key in 0...query {
            let factor = mask[maskStart + key]
            var gradient = 0.0
            for channel in 0..<size {
              let upstream = outGradient[outStart + channel]
              out[outStart + channel] += weights[key] * factor * qkv[start(2, key) + channel]
              qkvGradient[start(2, key) + channel] += weights[key] * factor * upstream
              gradient += factor * upstream * qkv[start(2, key) + channel]
            }
            weightGradients.append(gradient)
          }
          let mean = zip(weights, weightGradients).reduce(0) { $0 + $1.0 * $1.1 }
          for key in 0...query {
            let gradient = scale * weights[key] * (weightGradients[key] - mean)
            for channel in 0..<size {
              qkvGradient[start(0, query) + channel] += gradient * qkv[start(1, key) + channel]
              qkvGradient[start(1, key) + channel] += gradient * qkv[start(0, query) + channel]
            }
          }
        }
      }
    }
  }

  /// The mask of the attention weights, by way of a matrix of ones.
  private func mask(_ sizes: Sizes, _ dropout: Dropout?, _ threadPool: ThreadPool) -> [Double] {
    let ones = Matrix(sizes.batch * sizes.heads * sizes.time, sizes.time)
    ones.floats.update(repeating: 1)
    threadPool.drop(ones.view, dropout)
    return ones.doubles
  }

  @Test(
    "agrees with the reference forward and backward, with and without dropout",
    arguments: sizes, [0, 0.25] as [Float])
  func reference(sizes: Sizes, probability: Float) {
    let threadPool = ThreadPool(count: 2)
    let dropout = Dropout(probability: probability, seed: 7, pass: 3, place: 5)
    let forward = Forward(sizes, dropout: dropout, threadPool: threadPool)
    let outGradient = Matrix(forward.out.rows, sizes.channels, random: 3)
    let expected = Reference(
      forward.qkv.doubles, sizes, mask: mask(sizes, dropout, threadPool),
      outGradient: outGradient.doubles)
    // A row of attention weights sums to 1 (4/3 with dropout), so that all sums stay near 1.
    expectClose(forward.logSums.values, expected.logSums, within: 64 * roundingError)
    expectClose(forward.out.values, expected.out, within: 64 * roundingError)
    let qkvGradient = Matrix(forward.qkv.rows, forward.qkv.columns, random: 4)
    forward.scratch.floats.update(repeating: .nan)
    threadPool.attentionBackward(
      qkvGradient: .fp32(qkvGradient.view), outGradient: .fp32(outGradient.view),
      out: .fp32(forward.out.view), logSums: forward.logSums.floats,
      qkv: .fp32(forward.qkv.view), sizes.shape, dropout: dropout,
      scratch: forward.scratch.floats)
    let largest = expected.qkvGradient.reduce(1) { max($0, abs($1)) }
    expectClose(
      qkvGradient.values, expected.qkvGradient, within: 128 * roundingError * largest)
  }

  @Test("scores of thousands neither overflow nor lose the weights")
  func hugeScores() {
    let sizes = Sizes(batch: 1, time: 20, heads: 1, channels: 16)
    let threadPool = ThreadPool(count: 1)
    let forward = Forward(sizes, dropout: nil, threadPool: threadPool, scale: 100)
    let expected = Reference(
      forward.qkv.doubles, sizes, mask: mask(sizes, nil, threadPool),
      outGradient: Array(repeating: 0, count: 320))
    let largest = expected.logSums.reduce(0) { max($0, abs($1)) }
    #expect(largest > 5000)
    expectClose(forward.logSums.values, expected.logSums, within: 16 * roundingError * largest)
    // The errors of the scores, 1e-3 here, are relative errors of the weights; but one weight is
    // nearly 1 and its value up to 100.
    expectClose(forward.out.values, expected.out, within: 0.01)
  }

  @Test("a position does not see those after it")
  func causality() {
    let sizes = Sizes(batch: 1, time: 70, heads: 2, channels: 8)
    let threadPool = ThreadPool(count: 1)
    let forward = Forward(sizes, dropout: nil, threadPool: threadPool)
    let before = forward.out.bits
    for row in 66..<70 { forward.qkv.view.row(row).update(repeating: 1e3) }
    threadPool.attention(
      .fp32(forward.out.view), logSums: forward.logSums.floats, .fp32(forward.qkv.view),
      sizes.shape,
      dropout: nil, scratch: forward.scratch.floats)
    #expect(forward.out.bits.prefix(66 * 8) == before.prefix(66 * 8))
    #expect(forward.out.bits.suffix(4 * 8) != before.suffix(4 * 8))
  }
}
