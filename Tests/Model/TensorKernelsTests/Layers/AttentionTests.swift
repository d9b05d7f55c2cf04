import Foundation
import TensorKernels
import Testing

@Suite("Attention")
struct AttentionTests {
  /// The sizes of a case; the scale is 1/√(head size).
  struct Sizes: Sendable, CustomTestStringConvertible {
    let batchSize, sequenceLength, heads, channels: Int
    var shape: AttentionShape {
      AttentionShape(
        batchSize: batchSize, sequenceLength: sequenceLength, heads: heads, channels: channels,
        scale: 1 / Float(channels / heads).squareRoot())
    }
    var testDescription: String {
      "\(batchSize)×\(sequenceLength), \(heads) heads, \(channels) channels"
    }
  }

  static let sizes = [
    Sizes(batchSize: 1, sequenceLength: 1, heads: 1, channels: 1),
    Sizes(batchSize: 2, sequenceLength: 7, heads: 3, channels: 12),
    Sizes(batchSize: 3, sequenceLength: 16, heads: 1, channels: 17),
    Sizes(batchSize: 1, sequenceLength: 64, heads: 2, channels: 30),
    Sizes(batchSize: 2, sequenceLength: 65, heads: 2, channels: 32),
    Sizes(batchSize: 1, sequenceLength: 129, heads: 3, channels: 48),
  ]

  /// What a forward pass leaves.
  struct Forward {
    let qkv, out, logSumExp, scratch: Matrix

    init(_ sizes: Sizes, dropout: Dropout?, threadPool: ThreadPool, scale: Float = 1) {
      let (rows, shape) = (sizes.batchSize * sizes.sequenceLength, sizes.shape)
      qkv = Matrix(rows, 3 * sizes.channels, random: 1, scale: scale)
      out = Matrix(rows, sizes.channels, random: 2)
      logSumExp = Matrix(1, rows * sizes.heads)
      scratch = Matrix(1, threadPool.count * shape.scratchPerThread)
      scratch.floats.update(repeating: .nan)
      threadPool.attention(
        out.activations, logSumExp: logSumExp.floats, qkv.activations, shape, dropout: dropout,
        scratch: scratch.floats)
    }
  }

  /// Attention and its gradient in double precision, a loop for each sum.
  struct Reference {
    var out, logSumExp, qkvGradient: [Double]

    /// `mask`: what each weight is multiplied by, `[batchSize · heads · sequenceLength, sequenceLength]`.
    init(_ qkv: [Double], _ sizes: Sizes, mask: [Double], outGradient: [Double]) {
      let (time, channels, size) = (
        sizes.sequenceLength, sizes.channels, sizes.channels / sizes.heads
      )
      let scale = Double(sizes.shape.scale)
      out = Array(repeating: 0, count: sizes.batchSize * time * channels)
      qkvGradient = Array(repeating: 0, count: 3 * out.count)
      logSumExp = []
      for (sequence, head) in (0..<sizes.batchSize * sizes.heads).map({
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
          logSumExp.append(largest + log(sum))
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
    let ones = Matrix(sizes.batchSize * sizes.heads * sizes.sequenceLength, sizes.sequenceLength)
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
    expectClose(forward.logSumExp.values, expected.logSumExp, within: 64 * roundingError)
    expectClose(forward.out.values, expected.out, within: 64 * roundingError)
    let qkvGradient = Matrix(forward.qkv.rows, forward.qkv.columns, random: 4)
    forward.scratch.floats.update(repeating: .nan)
    threadPool.attentionBackward(
      qkvGradient: qkvGradient.activations, outGradient: outGradient.activations,
      out: forward.out.activations, logSumExp: forward.logSumExp.floats,
      qkv: forward.qkv.activations, sizes.shape, dropout: dropout,
      scratch: forward.scratch.floats)
    let largest = expected.qkvGradient.reduce(1) { max($0, abs($1)) }
    expectClose(
      qkvGradient.values, expected.qkvGradient, within: 128 * roundingError * largest)
  }

  @Test("scores of thousands neither overflow nor lose the weights")
  func hugeScores() {
    let sizes = Sizes(batchSize: 1, sequenceLength: 20, heads: 1, channels: 16)
    let threadPool = ThreadPool(count: 1)
    let forward = Forward(sizes, dropout: nil, threadPool: threadPool, scale: 100)
    let expected = Reference(
      forward.qkv.doubles, sizes, mask: mask(sizes, nil, threadPool),
      outGradient: Array(repeating: 0, count: 320))
    let largest = expected.logSumExp.reduce(0) { max($0, abs($1)) }
    #expect(largest > 5000)
    expectClose(forward.logSumExp.values, expected.logSumExp, within: 16 * roundingError * largest)
    // The errors of the scores, 1e-3 here, are relative errors of the weights; but one weight is
    // nearly 1 and its value up to 100.
    expectClose(forward.out.values, expected.out, within: 0.01)
  }

  @Test("a position does not see those after it")
  func causality() {
    let sizes = Sizes(batchSize: 1, sequenceLength: 70, heads: 2, channels: 8)
    let threadPool = ThreadPool(count: 1)
    let forward = Forward(sizes, dropout: nil, threadPool: threadPool)
    let before = forward.out.bits
    for row in 66..<70 { forward.qkv.view.row(row).update(repeating: 1e3) }
    threadPool.attention(
      forward.out.activations, logSumExp: forward.logSumExp.floats, forward.qkv.activations,
      sizes.shape,
      dropout: nil, scratch: forward.scratch.floats)
    #expect(forward.out.bits.prefix(66 * 8) == before.prefix(66 * 8))
    #expect(forward.out.bits.suffix(4 * 8) != before.suffix(4 * 8))
  }
}
