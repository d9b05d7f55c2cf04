import TensorKernels
import Testing

/// Random numbers that are bfloat16, and the matrix of them.
private final class Halves {
  let arena: ActivationArena
  let numbers: Matrix

  init(_ rows: Int, _ columns: Int, random seed: UInt64) {
    numbers = Matrix(rows, columns, random: seed)
    for index in numbers.floats.indices {
      numbers.floats[index] = Float(bitPattern: numbers.floats[index].bitPattern & 0xFFFF_0000)
    }
    arena = ActivationArena(count: rows * columns, .bf16)
    guard case .bf16(let halves) = arena else { return }
    ThreadPool(count: 1).halve(halves.elements, numbers.floats)
  }

  /// Zeros.
  init(_ rows: Int, _ columns: Int) {
    numbers = Matrix(rows, columns)
    arena = ActivationArena(count: rows * columns, .bf16)
  }

  var matrix: ActivationMatrix { arena.matrix(rows: numbers.rows, columns: numbers.columns) }

  /// The numbers that are there now.
  var values: [Float] {
    guard case .bf16(let matrix) = matrix else { return [] }
    return matrix.values
  }
}

/// The nearest bfloat16 of each number.
private func rounded(_ floats: [Float]) -> [Float] {
  floats.map { float in
    let up = float.bitPattern &+ 0x7FFF &+ (float.bitPattern >> 16 & 1)
    return Float(bitPattern: up & 0xFFFF_0000)
  }
}

@Suite("Activations in bfloat16")
struct BFloat16OperationTests {
  private let threadPool = ThreadPool(count: 2)
  private static let shapes = [(1, 1), (3, 17), (40, 300)]

  @Test("numbers become the nearest bfloat16, also in place", arguments: shapes)
  func halving(rows: Int, columns: Int) {
    let numbers = Matrix(rows, columns, random: 1, scale: 100)
    let arena = ActivationArena(count: rows * columns, .bf16)
    guard case .bf16(let halves) = arena else { return }
    threadPool.halve(halves.elements, numbers.floats)
    let expected = rounded(numbers.values)
    #expect(halves.elements.map { Float(bitPattern: UInt32($0) << 16) } == expected)
    guard case .bf16(let inPlace) = threadPool.halvedInPlace(numbers.view) else { return }
    #expect(inPlace.values == expected)
  }

  @Test("layer normalization is that in single precision, rounded", arguments: shapes)
  func layerNorm(rows: Int, columns: Int) {
    let input = Matrix(rows, columns, random: 2)
    let (weight, bias) = (Matrix(1, columns, random: 3), Matrix(1, columns, random: 4))
    let (mean, rstd, out) = (Matrix(1, rows), Matrix(1, rows), Matrix(rows, columns))
    threadPool.layerNorm(
      out.view, mean: mean.floats, rstd: rstd.floats, input.view, weight: weight.floats,
      bias: bias.floats, epsilon: 1e-5)
    let (halfMean, halfRstd, half) = (Matrix(1, rows), Matrix(1, rows), Halves(rows, columns))
    threadPool.layerNorm(
      half.matrix, mean: halfMean.floats, rstd: halfRstd.floats, input.view,
      weight: weight.floats, bias: bias.floats, epsilon: 1e-5)
    #expect(half.values == rounded(out.values))
    #expect(halfMean.bits == mean.bits && halfRstd.bits == rstd.bits)
    let again = Halves(rows, columns)
    threadPool.layerNormAgain(
      again.matrix, mean: mean.floats, rstd: rstd.floats, input.view, weight: weight.floats,
      bias: bias.floats)
    threadPool.layerNormAgain(
      out.view, mean: mean.floats, rstd: rstd.floats, input.view, weight: weight.floats,
      bias: bias.floats)
    #expect(again.values == rounded(out.values))
  }

  @Test("activations and their gradients are those in single precision, rounded", arguments: shapes)
  func activation(rows: Int, columns: Int) {
    let input = Halves(rows, columns, random: 5)
    for activation in [Activation.geluTanh, .gelu, .relu] {
      let (out, half) = (Matrix(rows, columns), Halves(rows, columns))
      threadPool.activate(out.view, input.numbers.view, activation)
      threadPool.activate(half.matrix, input.matrix, activation)
      #expect(half.values == rounded(out.values))
      let gradient = Halves(rows, columns, random: 6)
      threadPool.activateBackward(gradient.numbers.view, input.numbers.view, activation)
      threadPool.activateBackward(gradient.matrix, input.matrix, activation)
      #expect(gradient.values == rounded(gradient.numbers.values))
    }
  }

  @Test("dropout has the mask of single precision", arguments: shapes)
  func dropout(rows: Int, columns: Int) {
    let input = Matrix(rows, columns, random: 7)
    for dropout in [Dropout(probability: 0.3, seed: 1, pass: 2, place: 3), nil] {
      let (out, half) = (Matrix(rows, columns), Halves(rows, columns))
      threadPool.drop(out.view, from: input.view, dropout)
      threadPool.drop(half.matrix, from: input.view, dropout)
      #expect(half.values == rounded(out.values))
    }
  }

  @Test("sums of rows are those of the numbers", arguments: shapes)
  func rowSums(rows: Int, columns: Int) {
    let input = Halves(rows, columns, random: 8)
    let scratch = Matrix(1, ThreadPool.rowGradientScratch(channels: columns))
    let (whole, half) = (Matrix(1, columns, random: 9), Matrix(1, columns, random: 9))
    threadPool.addRowSum(whole.floats, input.numbers.view, scratch: scratch.floats)
    threadPool.addRowSum(half.floats, input.matrix, scratch: scratch.floats)
    expectClose(half.values, whole.doubles, within: 8 * roundingError * Double(rows + 1))
  }

  @Test("attention and its gradient are those of the numbers, rounded")
  func attention() {
    let shape = AttentionShape(batch: 2, time: 70, heads: 3, channels: 24, scale: 0.3)
    let rows = shape.batch * shape.time
    let dropout = Dropout(probability: 0.1, seed: 1, pass: 2, place: 3)
    let qkv = Halves(rows, 72, random: 10)
    let scratch = Matrix(1, threadPool.count * shape.scratchPerWorker)
    scratch.floats.update(repeating: .nan)
    let (out, half) = (Matrix(rows, 24), Halves(rows, 24))
    let (sums, halfSums) = (Matrix(1, rows * 3), Matrix(1, rows * 3))
    threadPool.attention(
      .fp32(out.view), logSums: sums.floats, .fp32(qkv.numbers.view), shape, dropout: dropout,
      scratch: scratch.floats)
    threadPool.attention(
      half.matrix, logSums: halfSums.floats, qkv.matrix, shape, dropout: dropout,
      scratch: scratch.floats)
    expectClose(halfSums.values, sums.doubles, within: 1e-5)
    expectClose(half.values, out.doubles, within: { 0.004 * abs(out.doubles[$0]) + 1e-5 })
    let outGradient = Halves(rows, 24, random: 11)
    let (gradient, halfGradient) = (Matrix(rows, 72), Halves(rows, 72))
    // The same output for both, which is the rounded one.
    _ = out.floats.update(fromContentsOf: half.values)
    threadPool.attentionBackward(
      qkvGradient: .fp32(gradient.view), outGradient: .fp32(outGradient.numbers.view),
      out: .fp32(out.view), logSums: sums.floats, qkv: .fp32(qkv.numbers.view), shape,
      dropout: dropout, scratch: scratch.floats)
    threadPool.attentionBackward(
      qkvGradient: halfGradient.matrix, outGradient: outGradient.matrix, out: half.matrix,
      logSums: sums.floats, qkv: qkv.matrix, shape, dropout: dropout, scratch: scratch.floats)
    expectClose(
      halfGradient.values, gradient.doubles, within: { 0.004 * abs(gradient.doubles[$0]) + 1e-4 })
  }

  @Test("AdamW leaves the nearest bfloat16 of the new parameters")
  func adamW() {
    let count = 10_000
    let step = AdamWStep(
      number: 3, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, gradientScale: 0.5)
    func updated(_ halves: Arena<UInt16>?) -> Matrix {
      let (parameters, gradient) = (Matrix(1, count, random: 12), Matrix(1, count, random: 13))
      let (first, second) = (Matrix(1, count, random: 14), Matrix(1, count))
      second.floats.update(repeating: 0.5)
      threadPool.adamW(
        parameters.floats, gradient: gradient.floats, firstMoment: first.floats,
        secondMoment: second.floats, halves: halves?.elements, step, weightDecay: 0.1)
      return parameters
    }
    let halves = Arena<UInt16>(count: count)
    let parameters = updated(halves)
    #expect(parameters.bits == updated(nil).bits)
    #expect(
      halves.elements.map { Float(bitPattern: UInt32($0) << 16) } == rounded(parameters.values))
  }
}

@Suite(
  "Product of bfloat16",
  .enabled(if: ThreadPool.multipliesBFloat16, "this processor has no bfloat16 products"))
struct BFloat16MultiplyTests {
  @Test(
    "is the product of the numbers in all orientations, with a bias, adding, or neither",
    arguments: [(1, 1, 1), (3, 17, 16), (17, 5, 300), (130, 129, 128), (600, 530, 40)])
  func product(m: Int, n: Int, k: Int) {
    let threadPool = ThreadPool(count: 2)
    for (aIsTransposed, bIsTransposed) in [
      (false, false), (false, true), (true, false), (true, true),
    ] {
      let a = Halves(aIsTransposed ? k : m, aIsTransposed ? m : k, random: 1)
      let b = Halves(bIsTransposed ? n : k, bIsTransposed ? k : n, random: 2)
      let (x, y) = (
        aIsTransposed ? a.numbers.view.transposed : a.numbers.view.asIs,
        bIsTransposed ? b.numbers.view.transposed : b.numbers.view.asIs
      )
      let (left, right) = (
        aIsTransposed ? a.matrix.transposed : a.matrix.asIs,
        bIsTransposed ? b.matrix.transposed : b.matrix.asIs
      )
      let product = Matrix(m, n)
      threadPool.multiply(product.view, x, y)
      let bias = Matrix(1, n, random: 3)
      let bound = 4 * roundingError * Double(k + 4) * Double(k + 4).squareRoot()
      // A bias.
      let out = Matrix(m, n, random: 4)
      threadPool.multiply(.fp32(out.view), left, right, bias: bias.floats)
      let biased = product.doubles.enumerated().map { $1 + bias.doubles[$0 % n] }
      expectClose(out.values, biased, within: bound)
      // A result in bfloat16.
      let half = Halves(m, n)
      threadPool.multiply(half.matrix, left, right, bias: bias.floats)
      expectClose(half.values, biased, within: { 0.004 * abs(biased[$0]) + bound })
      // Adding.
      let before = Matrix(m, n, random: 5)
      let sum = before.copy()
      threadPool.multiply(.fp32(sum.view), left, right, accumulating: true)
      expectClose(
        sum.values, zip(before.doubles, product.doubles).map(+), within: bound)
    }
  }

  @Test("has the same bits on any number of threads")
  func threads() {
    let (a, b) = (Halves(700, 96, random: 6), Halves(96, 1100, random: 7))
    let results = [1, 2, 3].map { count in
      let out = Matrix(700, 1100)
      ThreadPool(count: count).multiply(.fp32(out.view), a.matrix.asIs, b.matrix.asIs)
      return out.bits
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
