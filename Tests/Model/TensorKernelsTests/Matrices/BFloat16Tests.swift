import TensorKernels
import Testing

/// Random numbers that are bfloat16, and the matrix of them.
private final class BFloat16s {
  let arena: ActivationArena
  let numbers: Matrix

  convenience init(_ rows: Int, _ columns: Int, random seed: UInt64) {
    let numbers = Matrix(rows, columns, random: seed)
    for index in numbers.floats.indices {
      numbers.floats[index] = Float(bitPattern: numbers.floats[index].bitPattern & 0xFFFF_0000)
    }
    self.init(numbers)
  }

  /// Numbers that are bfloat16.
  init(_ numbers: Matrix) {
    self.numbers = numbers
    arena = ActivationArena(count: numbers.floats.count, .bf16)
    guard case .bf16(let rounded) = arena else { return }
    ThreadPool(count: 1).roundToBFloat16(rounded.elements, numbers.floats)
  }

  /// Zeros.
  init(_ rows: Int, _ columns: Int) {
    numbers = Matrix(rows, columns)
    arena = ActivationArena(count: rows * columns, .bf16)
  }

  var matrix: ActivationMatrix { arena.matrix(rows: numbers.rows, columns: numbers.columns) }

  /// The numbers that are there now.
  var values: [Float] {
    TensorKernelsTests.values(matrix)
  }
}

/// The numbers of a matrix of bfloat16.
private func values(_ matrix: ActivationMatrix) -> [Float] {
  guard case .bf16(let matrix) = matrix else { return [] }
  return (0..<matrix.rows).flatMap { matrix.row($0).map { Float(bitPattern: UInt32($0) << 16) } }
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
  func rounding(rows: Int, columns: Int) {
    let numbers = Matrix(rows, columns, random: 1, scale: 100)
    let arena = ActivationArena(count: rows * columns, .bf16)
    guard case .bf16(let out) = arena else { return }
    threadPool.roundToBFloat16(out.elements, numbers.floats)
    let expected = rounded(numbers.values)
    #expect(values(arena.matrix(rows: rows, columns: columns)) == expected)
    #expect(values(threadPool.roundToBFloat16InPlace(numbers.view)) == expected)
  }

  @Test("layer normalization is that in single precision, rounded", arguments: shapes)
  func layerNorm(rows: Int, columns: Int) {
    let input = Matrix(rows, columns, random: 2)
    let (weight, bias) = (Matrix(1, columns, random: 3), Matrix(1, columns, random: 4))
    let norm = LayerNorm(weight: weight.floats, bias: bias.floats)
    let (exact, half) = (Statistics(rows), Statistics(rows))
    let (out, rounded16) = (Matrix(rows, columns), BFloat16s(rows, columns))
    threadPool.layerNorm(out.activations, exact.view, input.view, norm, epsilon: 1e-5)
    threadPool.layerNorm(rounded16.matrix, half.view, input.view, norm, epsilon: 1e-5)
    #expect(rounded16.values == rounded(out.values))
    #expect(half.mean.bits == exact.mean.bits && half.rstd.bits == exact.rstd.bits)
    let again = BFloat16s(rows, columns)
    threadPool.recomputeLayerNorm(again.matrix, exact.view, input.view, norm)
    #expect(again.values == rounded(out.values))
  }

  @Test("activations and their gradients are those in single precision, rounded", arguments: shapes)
  func activation(rows: Int, columns: Int) {
    let input = BFloat16s(rows, columns, random: 5)
    for activation in [ActivationFunction.geluTanh, .gelu, .relu] {
      let (out, half) = (Matrix(rows, columns), BFloat16s(rows, columns))
      threadPool.activate(out.activations, input.numbers.activations, activation)
      threadPool.activate(half.matrix, input.matrix, activation)
      #expect(half.values == rounded(out.values))
      let gradient = BFloat16s(rows, columns, random: 6)
      threadPool.activateBackward(
        gradient.numbers.activations, input.numbers.activations, activation)
      threadPool.activateBackward(gradient.matrix, input.matrix, activation)
      #expect(gradient.values == rounded(gradient.numbers.values))
    }
  }

  @Test("dropout has the mask of single precision", arguments: shapes)
  func dropout(rows: Int, columns: Int) {
    let input = Matrix(rows, columns, random: 7)
    for dropout in [Dropout(probability: 0.3, seed: 1, pass: 2, place: 3), nil] {
      let (out, half) = (Matrix(rows, columns), BFloat16s(rows, columns))
      threadPool.drop(out.activations, from: input.view, dropout)
      threadPool.drop(half.matrix, from: input.view, dropout)
      #expect(half.values == rounded(out.values))
    }
  }

  @Test("sums of rows are those of the numbers", arguments: shapes)
  func rowSums(rows: Int, columns: Int) {
    let input = BFloat16s(rows, columns, random: 8)
    let scratch = Matrix(1, ThreadPool.rowGradientScratch(channels: columns))
    let (whole, half) = (Matrix(1, columns, random: 9), Matrix(1, columns, random: 9))
    threadPool.addRowSum(whole.floats, input.numbers.activations, scratch: scratch.floats)
    threadPool.addRowSum(half.floats, input.matrix, scratch: scratch.floats)
    expectClose(half.values, whole.doubles, within: 8 * roundingError * Double(rows + 1))
  }

  @Test("attention and its gradient are those of the numbers, rounded")
  func attention() {
    let shape = AttentionShape(
      batchSize: 2, sequenceLength: 70, heads: 3, channels: 24, scale: 0.3)
    let rows = shape.rows
    let dropout = Dropout(probability: 0.1, seed: 1, pass: 2, place: 3)
    let qkv = BFloat16s(rows, 72, random: 10)
    let scratch = Matrix(1, threadPool.count * shape.scratchPerThread)
    scratch.floats.update(repeating: .nan)
    let (out, half) = (Matrix(rows, 24), BFloat16s(rows, 24))
    let (sums, halfSums) = (Matrix(1, rows * 3), Matrix(1, rows * 3))
    threadPool.attention(
      out.activations, logSumExp: sums.floats, qkv.numbers.activations, shape, dropout: dropout,
      scratch: scratch.floats)
    threadPool.attention(
      half.matrix, logSumExp: halfSums.floats, qkv.matrix, shape, dropout: dropout,
      scratch: scratch.floats)
    expectClose(halfSums.values, sums.doubles, within: 1e-5)
    expectClose(half.values, out.doubles, within: { 0.004 * abs(out.doubles[$0]) + 1e-5 })
    let outGradient = BFloat16s(rows, 24, random: 11)
    let (gradient, halfGradient) = (Matrix(rows, 72), BFloat16s(rows, 72))
    // The same output for both, which is the rounded one.
    _ = out.floats.update(fromContentsOf: half.values)
    threadPool.attentionBackward(
      qkvGradient: gradient.activations, outGradient: outGradient.numbers.activations,
      out: out.activations, logSumExp: sums.floats, qkv: qkv.numbers.activations, shape,
      dropout: dropout, scratch: scratch.floats)
    threadPool.attentionBackward(
      qkvGradient: halfGradient.matrix, outGradient: outGradient.matrix, out: half.matrix,
      logSumExp: sums.floats, qkv: qkv.matrix, shape, dropout: dropout, scratch: scratch.floats)
    expectClose(
      halfGradient.values, gradient.doubles, within: { 0.004 * abs(gradient.doubles[$0]) + 1e-4 })
  }

  @Test("AdamW leaves the nearest bfloat16 of the new parameters")
  func adamW() {
    let count = 10_000
    let step = AdamWStep(
      index: 3, learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, gradientScale: 0.5)
    func updated(_ weights: Arena<UInt16>?) -> Matrix {
      let (parameters, gradient) = (Matrix(1, count, random: 12), Matrix(1, count, random: 13))
      let (first, second) = (Matrix(1, count, random: 14), Matrix(1, count))
      second.floats.update(repeating: 0.5)
      threadPool.adamW(
        parameters.floats, gradient: gradient.floats, firstMoment: first.floats,
        secondMoment: second.floats, bfloat16Weights: weights?.elements, step, weightDecay: 0.1)
      return parameters
    }
    let weights = Arena<UInt16>(count: count)
    let parameters = updated(weights)
    #expect(parameters.bits == updated(nil).bits)
    #expect(
      weights.elements.map { Float(bitPattern: UInt32($0) << 16) } == rounded(parameters.values))
  }
}

@Suite(
  "Product of bfloat16",
  .enabled(if: ThreadPool.multipliesBFloat16, "this processor has no bfloat16 products"))
struct BFloat16MultiplyTests {
  @Test(
    "is the product of the numbers in all orientations, with a bias, adding, or neither",
    arguments: [
      (1, 1, 1), (3, 17, 16), (17, 5, 300), (130, 129, 128), (600, 530, 40), (13, 70, 5001),
    ])
  func product(m: Int, n: Int, k: Int) {
    let threadPool = ThreadPool(count: 2)
    for (aIsTransposed, bIsTransposed) in [
      (false, false), (false, true), (true, false), (true, true),
    ] {
      let a = BFloat16s(aIsTransposed ? k : m, aIsTransposed ? m : k, random: 1)
      let b = BFloat16s(bIsTransposed ? n : k, bIsTransposed ? k : n, random: 2)
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
      threadPool.multiply(out.activations, left, right, bias: bias.floats)
      let biased = product.doubles.enumerated().map { $1 + bias.doubles[$0 % n] }
      expectClose(out.values, biased, within: bound)
      // A result in bfloat16.
      let half = BFloat16s(m, n)
      threadPool.multiply(half.matrix, left, right, bias: bias.floats)
      expectClose(half.values, biased, within: { 0.004 * abs(biased[$0]) + bound })
      // Adding.
      let before = Matrix(m, n, random: 5)
      let sum = before.copy()
      threadPool.multiply(sum.activations, left, right, accumulating: true)
      expectClose(
        sum.values, zip(before.doubles, product.doubles).map(+), within: bound)
    }
  }

  @Test("has the same bits on any number of threads")
  func threads() {
    let (a, b) = (BFloat16s(700, 96, random: 6), BFloat16s(96, 1100, random: 7))
    let results = [1, 2, 3, 16].map { count in
      let out = Matrix(700, 1100)
      ThreadPool(count: count).multiply(out.activations, a.matrix.asIs, b.matrix.asIs)
      return out.bits
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  @Test(
    "a left operand gives the same bits in a wider matrix as its transpose, which is packed",
    arguments: [(96, 100, 2), (96, 100, 1), (96, 101, 2), (95, 100, 2), (96, 96, 0)])
  func placesOfLeftOperand(k: Int, width: Int, first: Int) {
    let (m, n) = (301, 130)
    let (wide, right) = (BFloat16s(m, width, random: 10), BFloat16s(k, n, random: 11))
    let numbers = Matrix(k, m)
    for row in 0..<m {
      for column in 0..<k {
        numbers.view.row(column)[row] = wide.numbers.view.row(row)[first + column]
      }
    }
    let transposed = BFloat16s(numbers)
    let threadPool = ThreadPool(count: 2)
    let left = wide.matrix.block(rows: 0..<m, columns: first..<first + k)
    let products = [left.asIs, transposed.matrix.transposed].map {
      let out = Matrix(m, n)
      threadPool.multiply(out.activations, $0, right.matrix.asIs)
      return out.bits
    }
    #expect(products[0] == products[1])
  }

  @Test("is summed in parts where there is no memory for the whole, each rounded to bfloat16")
  func longSum() {
    let (a, b) = (BFloat16s(5, 30_001, random: 8), BFloat16s(30_001, 70, random: 9))
    let product = Matrix(5, 70)
    let threadPool = ThreadPool(count: 2)
    threadPool.multiply(product.view, a.numbers.view.asIs, b.numbers.view.asIs)
    let out = BFloat16s(5, 70)
    threadPool.multiply(out.matrix, a.matrix.asIs, b.matrix.asIs)
    let largest = product.doubles.reduce(0) { max($0, abs($1)) }
    expectClose(out.values, product.doubles, within: { _ in 0.008 * largest })
  }
}
