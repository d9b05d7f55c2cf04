import Foundation
import TensorKernels
import Testing

@Suite("Activation functions")
struct ActivationTests {
  private let threadPool = ThreadPool(count: 2)

  // MARK: - References in double precision, without cancellation in the tails

  private func reference(_ activation: ActivationFunction, _ x: Double) -> Double {
    switch activation {
    case .geluTanh: x * sigmoid(tanhArgument(x))
    case .gelu: x * erfc(-x / 2.0.squareRoot()) / 2
    case .relu: max(0, x)
    }
  }

  private func referenceDerivative(_ activation: ActivationFunction, _ x: Double) -> Double {
    switch activation {
    case .geluTanh:
      sigmoid(tanhArgument(x)) + x * sigmoid(tanhArgument(x)) * sigmoid(-tanhArgument(x))
        * (8 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
    case .gelu:
      erfc(-x / 2.0.squareRoot()) / 2 + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case .relu: x > 0 ? 1 : 0
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// What the hyperbolic tangent is taken of, twice.
  private func tanhArgument(_ x: Double) -> Double {
    (8 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }

  private func activated(_ x: Matrix, _ activation: ActivationFunction) -> Matrix {
    let out = Matrix(x.rows, x.columns)
    threadPool.activate(out.activations, x.activations, activation)
    return out
  }

  /// The derivatives at `x`: what a gradient of 1 becomes.
  private func derivatives(_ x: Matrix, _ activation: ActivationFunction) -> Matrix {
    let gradient = Matrix(x.rows, x.columns)
    gradient.floats.update(repeating: 1)
    threadPool.activateBackward(gradient.activations, x.activations, activation)
    return gradient
  }

  /// Numbers from -12 to 12.
  private var range: Matrix {
    let x = Matrix(1, 48_001)
    for index in 0..<x.columns { x.floats[index] = Float(index - 24_000) / 2000 }
    return x
  }

  // MARK: - Accuracy

  /// torch in single precision is off by up to 4e-7 (tanh) and 1.2e-6 (erf).
  @Test(
    "GELU is good to five roundings of its argument",
    arguments: [ActivationFunction.gelu, .geluTanh])
  func gelu(_ activation: ActivationFunction) {
    let x = range
    expectClose(
      activated(x, activation).values, x.doubles.map { reference(activation, $0) },
      within: { 5 * roundingError * max(0.2, Double(abs(x.floats[$0]))) })
  }

  @Test(
    "GELU near zero and in its lower tail is good to 2e-6 of itself",
    arguments: [ActivationFunction.gelu, .geluTanh])
  func geluTails(_ activation: ActivationFunction) {
    let small: [Float] = [1e-3, 1e-6, 1e-10, 1e-30, 1e-38]
    let x = Matrix(
      small + small.map(-) + (0..<4000).map { -4 * Float($0 + 1) / 4000 } + [-0.0, 0])
    let expected = x.doubles.map { reference(activation, $0) }
    // The smallest number above zero is 1e-45.
    expectClose(
      activated(x, activation).values, expected, within: { 2e-6 * abs(expected[$0]) + 2e-45 })
  }

  @Test("the derivative of GELU is good to 5e-7", arguments: [ActivationFunction.gelu, .geluTanh])
  func geluDerivative(_ activation: ActivationFunction) {
    let x = range
    expectClose(
      derivatives(x, activation).values, x.doubles.map { referenceDerivative(activation, $0) },
      within: 5e-7)
  }

  @Test(
    "far off GELU is the number itself or zero", arguments: [ActivationFunction.gelu, .geluTanh])
  func farOff(_ activation: ActivationFunction) {
    let x = Matrix([20, 1e6, 1e30, .infinity, -20, -1e6, -1e30])
    #expect(activated(x, activation).values == [20, 1e6, 1e30, .infinity, 0, 0, 0])
    let y = Matrix([20, 1e6, 1e12, -20, -1e6, -1e12])
    #expect(derivatives(y, activation).values == [1, 1, 1, 0, 0, 0])
  }

  // MARK: - As torch

  @Test("ReLU and its gradient are exact, and zero at both zeros")
  func relu() {
    let x = Matrix([-3, -0.0, 0, 1e-38, 2.5, .infinity, -.infinity])
    #expect(activated(x, .relu).values == [0, 0, 0, 1e-38, 2.5, .infinity, 0])
    let gradient = Matrix([5, 6, 7, 8, 9, 10, 11])
    threadPool.activateBackward(gradient.activations, x.activations, .relu)
    #expect(gradient.values == [0, 0, 0, 8, 9, 10, 0])
  }

  @Test(
    "what is not a number stays so, in vectors and behind them, and ReLU lets its gradient pass",
    arguments: [ActivationFunction.gelu, .geluTanh, .relu])
  func notANumber(_ activation: ActivationFunction) {
    let x = Matrix(1, 37, random: 1)
    for index in [0, 36] { x.floats[index] = .nan }
    let out = activated(x, activation).values
    #expect(out.indices.filter { out[$0].isNaN } == [0, 36])
    let gradient = derivatives(x, activation).values
    #expect(gradient.indices.filter { gradient[$0].isNaN } == (activation == .relu ? [] : [0, 36]))
    if activation == .relu { #expect(gradient[0] == 1 && gradient[36] == 1) }
  }

  // MARK: - Shapes

  @Test(
    "ragged counts, and counts for several threads",
    arguments: raggedCounts + [20_000], [ActivationFunction.gelu, .geluTanh, .relu])
  func ragged(count: Int, _ activation: ActivationFunction) {
    let (x, gradient) = (Matrix(1, count, random: 1, scale: 6), Matrix(1, count, random: 2))
    expectClose(
      activated(x, activation).values, x.doubles.map { reference(activation, $0) }, within: 1e-6)
    let expected = zip(gradient.doubles, x.doubles).map {
      $0 * referenceDerivative(activation, $1)
    }
    threadPool.activateBackward(gradient.activations, x.activations, activation)
    expectClose(gradient.values, expected, within: 6e-7)
  }
}
