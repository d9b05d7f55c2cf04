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
    threadPool.crossEntropy(logits.view, targets: targets, gradientScale: gradientScale)
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
