import Foundation
import Synchronization
import TensorKernels
import Testing

@Suite("ThreadPool")
struct ThreadPoolTests {
  @Test(
    "every piece is done exactly once, by a thread with an index of its own",
    arguments: [1, 2, 3], [0, 1, 2, 3, 100])
  func everyPieceOnce(count: Int, pieces: Int) {
    let threadPool = ThreadPool(count: count)
    let (calls, inside) = (Arena<Int>(count: pieces), Arena<Int>(count: count))
    threadPool.run(pieces) { piece, thread in
      // Two threads with one index at the same time would lose counts.
      calls.elements[piece] += 1
      inside.elements[thread] += 1
    }
    #expect(calls.elements.allSatisfy { $0 == 1 })
    #expect(inside.elements.reduce(0, +) == pieces)
  }

  @Test("many quick loops one after another lose nothing", arguments: [2, 3])
  func quickLoops(count: Int) {
    let threadPool = ThreadPool(count: count)
    let sums = FloatArena(count: 8)
    for _ in 0..<3000 {
      threadPool.run(8) { piece, _ in sums.floats[piece] += 1 }
    }
    #expect(sums.floats.allSatisfy { $0 == 3000 })
  }

  @Test(
    "ranges cover the total without overlap, whatever the number of threads", arguments: [1, 3])
  func ranges(count: Int) {
    let threadPool = ThreadPool(count: count)
    func ranges(_ total: Int, minimum: Int, maximumPieces: Int = 16) -> [Range<Int>] {
      let (calls, bounds) = (Arena<Int>(count: 16), Arena<Int>(count: 32))
      threadPool.split(total, minimum: minimum, maximumPieces: maximumPieces) { range, piece in
        calls.elements[piece] += 1
        bounds.elements[2 * piece] = range.lowerBound
        bounds.elements[2 * piece + 1] = range.upperBound
      }
      return (0..<16).filter { calls.elements[$0] == 1 }.map {
        bounds.elements[2 * $0]..<bounds.elements[2 * $0 + 1]
      }
    }
    #expect(ranges(10, minimum: 4) == [0..<5, 5..<10])
    #expect(ranges(10, minimum: 11) == [0..<10])
    #expect(ranges(10, minimum: 1, maximumPieces: 3) == [0..<3, 3..<6, 6..<10])
    #expect(ranges(0, minimum: 1) == [0..<0])
    #expect(ranges(1000, minimum: 1).count == 16)
  }

  @Test("signals are left to the calling thread: kernels keep data where the stack pointer is")
  func signals() {
    let threadPool = ThreadPool(count: 2)
    let begun = Atomic<Int>(0)
    let isBlocked = Atomic<Bool>(false)
    threadPool.run(2) { _, thread in
      begun.wrappingAdd(1, ordering: .relaxed)
      // So that each thread has a piece.
      while begun.load(ordering: .relaxed) < 2 { sched_yield() }
      var signals = sigset_t()
      pthread_sigmask(SIG_BLOCK, nil, &signals)
      guard thread == 1 else { return }
      isBlocked.store(
        [SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGWINCH].allSatisfy { sigismember(&signals, $0) == 1 },
        ordering: .relaxed)
    }
    let wasBlocked = isBlocked.load(ordering: .relaxed)
    #expect(wasBlocked)
  }

  private final class Canary: Sendable {}

  @Test("what a loop has captured is freed after it")
  func captured() {
    let threadPool = ThreadPool(count: 2)
    weak var captured: Canary?
    do {
      let canary = Canary()
      captured = canary
      threadPool.run(4) { [canary] _, _ in withExtendedLifetime(canary) {} }
    }
    #expect(captured == nil)
  }

  @Test("results do not depend on the number of threads")
  func sameBits() {
    #expect(ManyResults(threadPool: 1) == ManyResults(threadPool: 2))
    #expect(ManyResults(threadPool: 1) == ManyResults(threadPool: 3))
  }
}

/// The results of everything that is shared between threads and sums something.
private struct ManyResults: Equatable {
  var bits: [String: [UInt32]] = [:]
  var norm: Double
  var loss: Double

  init(threadPool count: Int) {
    let threadPool = ThreadPool(count: count)
    let (rows, channels) = (200, 96)
    let (a, b) = (Matrix(rows, channels, random: 1), Matrix(channels, 3 * channels, random: 2))

    let product = Matrix(rows, 3 * channels)
    threadPool.multiply(product.view, a.view.asIs, b.view.asIs)
    bits["product"] = product.bits
    let outer = Matrix(channels, 3 * channels, random: 3)
    threadPool.multiply(outer.view, a.view.transposed, product.view.asIs, accumulating: true)
    bits["transposed product"] = outer.bits
    let back = Matrix(rows, channels)
    threadPool.multiply(back.view, product.view.asIs, b.view.transposed)
    bits["product by a transposed matrix"] = back.bits
    let row = Matrix(1, 20_000)
    let embedding = Matrix(20_000, channels, random: 4)
    threadPool.multiply(row.view, a.view.rows(0..<1).asIs, embedding.view.transposed)
    bits["row"] = row.bits

    let (statistics, normalized) = (Statistics(rows), Matrix(rows, channels))
    let (weight, bias) = (Matrix(1, channels, random: 5), Matrix(1, channels, random: 6))
    let layerNorm = LayerNorm(weight: weight.floats, bias: bias.floats)
    threadPool.layerNorm(normalized.activations, statistics.view, a.view, layerNorm, epsilon: 1e-5)
    bits["layer norm"] = normalized.bits
    let scratch = Matrix(1, ThreadPool.rowGradientScratch(channels: 3 * channels))
    let inputGradient = Matrix(rows, channels)
    let (weightGradient, biasGradient) = (Matrix(1, channels), Matrix(1, channels))
    threadPool.layerNormBackward(
      layerNorm,
      gradient: LayerNormGradient(weight: weightGradient.floats, bias: biasGradient.floats),
      inputGradient: inputGradient.view, outGradient: back.view, statistics.view, input: a.view,
      scratch: scratch.floats)
    bits["layer norm backward"] = inputGradient.bits + weightGradient.bits + biasGradient.bits
    let rowSum = Matrix(1, 3 * channels)
    threadPool.addRowSum(rowSum.floats, product.activations, scratch: scratch.floats)
    bits["row sum"] = rowSum.bits

    let shape = AttentionShape(
      batchSize: 2, sequenceLength: 100, heads: 6, channels: channels, scale: 0.25)
    let dropout = Dropout(probability: 0.1, seed: 1, pass: 2, place: 3)
    let (attentionOutput, logSumExp) = (Matrix(rows, channels), Matrix(1, rows * 6))
    let attentionScratch = Matrix(1, count * shape.scratchPerThread)
    threadPool.attention(
      attentionOutput.activations, logSumExp: logSumExp.floats, product.activations, shape,
      dropout: dropout,
      scratch: attentionScratch.floats)
    bits["attention"] = attentionOutput.bits + logSumExp.bits
    let qkvGradient = Matrix(rows, 3 * channels)
    threadPool.attentionBackward(
      qkvGradient: qkvGradient.activations, outGradient: back.activations,
      out: attentionOutput.activations, logSumExp: logSumExp.floats, qkv: product.activations,
      shape,
      dropout: dropout,
      scratch: attentionScratch.floats)
    bits["attention backward"] = qkvGradient.bits
    threadPool.drop(back.view, dropout)
    bits["dropout"] = back.bits

    let long = Matrix(1, 100_003, random: 7)
    norm = threadPool.norm(long.floats)
    let parameters = Matrix(1, 100_003, random: 8)
    let (first, second) = (Matrix(1, 100_003), Matrix(1, 100_003))
    threadPool.adamW(
      parameters.floats, gradient: long.floats, firstMoment: first.floats,
      secondMoment: second.floats,
      AdamWStep(
        index: 1, learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, gradientScale: 1),
      weightDecay: 0.1)
    bits["adamW"] = parameters.bits + first.bits + second.bits
    let targets = (0..<rows).map { Int32($0) }
    loss = threadPool.crossEntropy(product.view, targets: targets, gradientScale: 0.1)
    bits["cross-entropy"] = product.bits
  }
}
