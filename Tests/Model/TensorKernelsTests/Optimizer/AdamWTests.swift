import Foundation
import TensorKernels
import Testing

@Suite("AdamW")
struct AdamWTests {
  private let threadPool = ThreadPool(count: 2)

  private func step(_ index: Int, learningRate: Double, gradientScale: Double = 1) -> AdamWStep {
    AdamWStep(
      index: index, learningRate: learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
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
