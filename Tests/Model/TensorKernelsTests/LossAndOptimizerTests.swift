import Foundation
import TensorKernels
import Testing

@Suite("Cross-entropy")
struct CrossEntropyTests {
  private let threadPool = ThreadPool(count: 2)

  /// −log softmax(logits)[target] and its gradient, in double precision.
  private func reference(_ logits: [Double], target: Int) -> (loss: Double, gradient: [Double]) {
    let largest = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp($1 - largest) }
    var gradient = logits.map { exp($0 - largest) / sum }
    gradient[target] -= 1
    return (largest + log(sum) - logits[target], gradient)
  }

  private func loss(_ logits: Matrix, _ targets: [Int32], gradientScale: Float) -> Double {
    targets.withUnsafeBufferPointer {
      threadPool.crossEntropy(logits.view, targets: $0, gradientScale: gradientScale)
    }
  }

  @Test(
    "loss and gradient agree with the reference", arguments: raggedCounts + [50_257],
    [1, 20, 1000] as [Float])
  func reference(vocabulary: Int, scale: Float) {
    let logits = Matrix(3, vocabulary, random: 1, scale: scale)
    let targets: [Int32] = [0, Int32(vocabulary - 1), Int32(vocabulary / 2)]
    let expected = (0..<3).map { row in
      reference(
        Array(logits.doubles[row * vocabulary..<(row + 1) * vocabulary]), target: Int(targets[row]))
    }
    let before = logits.bits
    let total = expected.reduce(0) { $0 + $1.loss }
    // The exponentials are 2e-7 off, and there are up to 50,257 of them to sum.
    let tolerance = 1e-6 * max(3, total)
    #expect(abs(loss(logits, targets, gradientScale: 0) - total) < tolerance)
    #expect(logits.bits == before)
    #expect(abs(loss(logits, targets, gradientScale: 0.25) - total) < tolerance)
    expectClose(
      logits.values, expected.flatMap(\.gradient).map { 0.25 * $0 }, within: 0.25 * 2e-6)
  }

  @Test("logits of ten thousands give a finite loss")
  func hugeLogits() {
    let logits = Matrix([3e4, -3e4, 2e4])
    #expect(loss(logits, [1], gradientScale: 1) == 6e4)
    expectClose(logits.values, [1, -1, 0], within: 1e-30)
  }

  @Test("a row without a target has neither loss nor gradient")
  func missingTargets() {
    let logits = Matrix(3, 17, random: 1)
    let middle = reference(Array(logits.doubles[17..<34]), target: 4)
    let seen = loss(logits, [-1, 4, -100], gradientScale: 1)
    #expect(abs(seen - middle.loss) < 1e-6)
    #expect(logits.values.prefix(17).allSatisfy { $0 == 0 })
    #expect(logits.values.suffix(17).allSatisfy { $0 == 0 })
    expectClose(Array(logits.values[17..<34]), middle.gradient, within: 1e-6)
  }

  @Test("a logit that is no number makes the loss none")
  func notANumber() {
    let logits = Matrix(1, 50, random: 1)
    logits.floats[20] = .nan
    #expect(loss(logits, [3], gradientScale: 0).isNaN)
  }
}

@Suite("AdamW")
struct AdamWTests {
  private let threadPool = ThreadPool(count: 2)

  private func step(_ number: Int, learningRate: Double, gradientScale: Double = 1) -> AdamWStep {
    AdamWStep(
      number: number, learningRate: learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
      gradientScale: gradientScale)
  }

  @Test("ten steps agree with the reference", arguments: raggedCounts + [20_000])
  func reference(count: Int) {
    let parameters = Matrix(1, count, random: 1)
    let (first, second) = (Matrix(1, count), Matrix(1, count))
    var p = parameters.doubles
    var (m, v) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    for number in 1...10 {
      let gradient = Matrix(1, count, random: UInt64(100 + number))
      let rate = 0.01 * Double(number)
      threadPool.adamW(
        parameters.floats, gradient: gradient.floats, firstMoment: first.floats,
        secondMoment: second.floats, step(number, learningRate: rate, gradientScale: 0.5),
        weightDecay: 0.1)
      for (index, gradient) in gradient.doubles.enumerated() {
        let g = 0.5 * gradient
        m[index] = 0.9 * m[index] + 0.1 * g
        v[index] = 0.999 * v[index] + 0.001 * g * g
        p[index] *= 1 - rate * 0.1
        p[index] -=
          rate / (1 - pow(0.9, Double(number))) * m[index]
          / (v[index].squareRoot() / (1 - pow(0.999, Double(number))).squareRoot() + 1e-8)
      }
    }
    // Ten updates of up to 0.1 and some 20 roundings each.
    expectClose(first.values, m, within: 10 * roundingError)
    expectClose(second.values, v, within: 0.01 * 20 * roundingError)
    expectClose(parameters.values, p, within: 100 * roundingError)
  }

  /// β₂ is near 1, so that 1 − β₂ must not be computed in single precision.
  @Test("the first step is as long as the learning rate whatever the gradient")
  func firstStep() {
    let gradient = Matrix([1e-3, -1, 30, -1e4])
    let (parameters, first, second) = (Matrix(1, 4), Matrix(1, 4), Matrix(1, 4))
    threadPool.adamW(
      parameters.floats, gradient: gradient.floats, firstMoment: first.floats,
      secondMoment: second.floats, step(1, learningRate: 1), weightDecay: 0)
    expectClose(parameters.values, [-1 + 1e-5, 1, -1, 1], within: 1e-6)
  }

  @Test("without a gradient only the decay moves a parameter, without a rate nothing")
  func standstill() {
    let parameters = Matrix([2, -4])
    let (zeros, first, second) = (Matrix(1, 2), Matrix(1, 2), Matrix(1, 2))
    threadPool.adamW(
      parameters.floats, gradient: zeros.floats, firstMoment: first.floats,
      secondMoment: second.floats, step(1, learningRate: 0.5), weightDecay: 0.5)
    #expect(parameters.values == [1.5, -3])
    let gradient = Matrix([1, 1])
    threadPool.adamW(
      parameters.floats, gradient: gradient.floats, firstMoment: first.floats,
      secondMoment: second.floats, step(2, learningRate: 0), weightDecay: 0.5)
    #expect(parameters.values == [1.5, -3])
    expectClose(first.values, [0.1, 0.1], within: roundingError)
    expectClose(second.values, [0.001, 0.001], within: roundingError)
  }
}
