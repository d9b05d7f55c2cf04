import TensorKernels
import Testing

/// How weights are rounded to int4; the products are tested with those of other types.
@Suite("int4")
struct Int4Tests {
  private let threadPool = ThreadPool(count: 2)

  /// The numbers that the packed `weights` stand for; at most one block of inputs.
  private func rounded(_ weights: Matrix) -> Matrix {
    let matrix = WeightMatrix(inputs: weights.rows, outputs: weights.columns, packedAs: .int4)
    threadPool.pack(weights.view.asIs, into: matrix)
    // Each row of the product with the unit matrix is that of an input.
    let (unit, numbers) = (
      Matrix(weights.rows, weights.rows), Matrix(weights.rows, weights.columns)
    )
    for index in 0..<weights.rows { unit.view.row(index)[index] = 1 }
    threadPool.multiply(numbers.view, unit.view, matrix, bias: nil)
    return numbers
  }

  /// The weights of output `column`.
  private func column(_ column: Int, of matrix: Matrix) -> [Double] {
    (0..<matrix.rows).map { Double(matrix.view.row($0)[column]) }
  }

  private func squaredError(_ weights: [Double], _ rounded: [Double]) -> Double {
    zip(weights, rounded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }

  /// The integers nearest to `weights` / `scale`.
  private func integers(_ weights: [Double], scale: Double) -> [Double] {
    weights.map { max(-8, min(7, ($0 / scale).rounded(.toNearestOrEven))) }
  }

  /// The least squared error of any scale: between two scales at which an integer changes, all
  /// have the same integers, for which the best scale is known.
  private func leastError(_ weights: [Double]) -> Double {
    var scales: [Double] = []
    for weight in weights where weight != 0 {
      for half in 0..<8 {
        for sign in [1.0, -1] { scales.append(sign * abs(weight) / (Double(half) + 0.5)) }
      }
    }
    var least = weights.reduce(0) { $0 + $1 * $1 }
    for scale in scales {
      for side in [1 - 1e-9, 1 + 1e-9] {
        let integers = integers(weights, scale: scale * side)
        let squares = integers.reduce(0) { $0 + $1 * $1 }
        let products = zip(weights, integers).reduce(0) { $0 + $1.0 * $1.1 }
        guard squares > 0 else { continue }
        let best = products / squares
        least = min(least, squaredError(weights, integers.map { $0 * best }))
      }
    }
    return least
  }

  /// What GGUF's Q4_0 makes of `weights`: the weight of largest magnitude becomes -8.
  private func q4_0(_ weights: [Double]) -> [Double] {
    let largest = weights.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
    guard largest != 0 else { return weights }
    let scale = largest / -8
    return weights.map { max(-8, min(7, ($0 / scale + 0.5).rounded(.down))) * nearestHalf(scale) }
  }

  /// The nearest number in half precision.
  private func nearestHalf(_ number: Double) -> Double {
    let unit = max(0x1p-24, (number.magnitude.binade) * 0x1p-10)
    return (number / unit).rounded(.toNearestOrEven) * unit
  }

  /// Blocks as they occur: normal, even, with an outlier, short, of few values.
  private func blocks() -> [Matrix] {
    var random = SplitMix64(state: 3)
    func normal() -> Float {
      (0..<12).reduce(-6) { sum, _ in sum + .random(in: 0...1, using: &random) }
    }
    return (0..<5).map { kind in
      let matrix = Matrix(kind == 3 ? 5 : 32, 65)
      for index in matrix.floats.indices {
        let number =
          switch kind {
          case 0: Float.random(in: -1...1, using: &random)
          case 1: normal() * normal() * normal()
          case 2: Float(Int.random(in: -1...1, using: &random))
          default: normal()
          }
        matrix.floats[index] = number * 0.02
      }
      return matrix
    }
  }

  @Test("the squared error is nearly the least that any scale gives, and below that of Q4_0")
  func error() {
    var (total, leastTotal, ofQ4_0) = (0.0, 0.0, 0.0)
    for weights in blocks() {
      let rounded = rounded(weights)
      for output in 0..<weights.columns {
        let exact = column(output, of: weights)
        let size = exact.reduce(0) { $0 + $1 * $1 }
        let error = squaredError(exact, column(output, of: rounded))
        let least = leastError(exact)
        // A scale in half precision is off by 2^-11 of it at most.
        let noise = size * 0x1p-22
        #expect(error >= least * (1 - 1e-6) - noise)
        // Of a few weights the least error is almost none.
        if exact.count == 32 { #expect(error <= least * 1.25 + noise) }
        #expect(error <= squaredError(exact, q4_0(exact)) * 1.001 + noise)
        total += error
        leastTotal += least
        ofQ4_0 += squaredError(exact, q4_0(exact))
      }
    }
    #expect(total < 1.002 * leastTotal)
    #expect(total < 0.9 * ofQ4_0)
  }

  /// The scales that cut off most make the largest weight 8.5 steps of 7, or 9.5 of 8.
  @Test("no weight is off by more than a fifth of the largest")
  func bound() {
    for weights in blocks() {
      let rounded = rounded(weights)
      for output in 0..<weights.columns {
        let (exact, numbers) = (column(output, of: weights), column(output, of: rounded))
        let largest = exact.reduce(0) { max($0, abs($1)) }
        for (number, exact) in zip(numbers, exact) { #expect(abs(number - exact) <= largest / 5) }
      }
    }
  }

  @Test("the weights of Q4_0 are kept exactly")
  func lossless() {
    for weights in blocks() {
      let ofQ4_0 = Matrix(weights.rows, weights.columns)
      for output in 0..<weights.columns {
        for (input, number) in q4_0(column(output, of: weights)).enumerated() {
          ofQ4_0.view.row(input)[output] = Float(number)
        }
      }
      #expect(rounded(ofQ4_0).values == ofQ4_0.values)
    }
  }

  @Test("weights too large or too small for a scale in half precision become what it can hold")
  func extremes() {
    let weights = Matrix(4, 3)
    let columns = [[1e30, -1, 0, 3e38], [1e-30, 0, -1e-40, 1e-12], [0x1p-21, 0, 0, 0]]
    for (output, column) in columns.enumerated() {
      for (input, number) in column.enumerated() {
        weights.view.row(input)[output] = Float(number)
      }
    }
    let rounded = rounded(weights)
    #expect(rounded.values.allSatisfy { $0.isFinite })
    #expect(column(0, of: rounded).allSatisfy { abs($0) <= 8 * 65504 })
    #expect(column(1, of: rounded) == [0, 0, 0, 0])
    #expect(column(2, of: rounded) == [0x1p-21, 0, 0, 0])
  }
}
