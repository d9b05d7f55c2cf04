import Foundation
import TensorKernels
import Testing

@Suite("Row operations")
struct RowOperationsTests {
  private let threadPool = ThreadPool(count: 2)

  // MARK: - Layer normalization

  /// Layer normalization of one row with its mean and 1/deviation, in double precision.
  private func referenceNorm(
    _ x: ArraySlice<Double>, weight: [Double], bias: [Double], epsilon: Double
  ) -> (out: [Double], mean: Double, rstd: Double) {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    let rstd = 1 / (variance + epsilon).squareRoot()
    let out = zip(x, zip(weight, bias)).map { ($0 - mean) * rstd * $1.0 + $1.1 }
    return (out, mean, rstd)
  }

  @Test("layer normalization agrees with the reference", arguments: raggedCounts)
  func layerNorm(channels: Int) {
    let rows = 5
    // An offset as large as the deviation, as hidden states have.
    let input = Matrix(rows, channels, random: 1, scale: 3)
    for index in input.floats.indices { input.floats[index] += 2 }
    let (weight, bias) = (Matrix(1, channels, random: 2), Matrix(1, channels, random: 3))
    let norm = LayerNorm(weight: weight.floats, bias: bias.floats)
    let (out, again) = (Matrix(rows, channels), Matrix(rows, channels))
    let statistics = Statistics(rows)
    threadPool.layerNorm(out.activations, statistics.view, input.view, norm, epsilon: 1e-5)
    for row in 0..<rows {
      let expected = referenceNorm(
        input.doubles[row * channels..<(row + 1) * channels], weight: weight.doubles,
        bias: bias.doubles, epsilon: 1e-5)
      // A single channel has no deviation: its rstd, 316, magnifies the error of the mean.
      let magnified = max(1, expected.rstd)
      expectClose(
        [statistics.mean.values[row]], [expected.mean], within: 5 * 16 * roundingError)
      expectClose(
        [statistics.rstd.values[row]], [expected.rstd], within: expected.rstd * 64 * roundingError)
      expectClose(
        Array(out.values[row * channels..<(row + 1) * channels]), expected.out,
        within: 64 * roundingError * magnified)
    }
    threadPool.recomputeLayerNorm(again.activations, statistics.view, input.view, norm)
    #expect(again.bits == out.bits)
  }

  @Test(
    "the gradients of layer normalization agree with the reference, and are added",
    arguments: [15, 16, 17, 127, 128, 129, 1000], [1, 7, 8, 9, 100])
  func layerNormBackward(channels: Int, rows: Int) {
    let (input, outGradient) = (
      Matrix(rows, channels, random: 1, scale: 2), Matrix(rows, channels, random: 2)
    )
    let (weight, bias) = (Matrix(1, channels, random: 3), Matrix(1, channels))
    let norm = LayerNorm(weight: weight.floats, bias: bias.floats)
    let (statistics, out) = (Statistics(rows), Matrix(rows, channels))
    threadPool.layerNorm(out.activations, statistics.view, input.view, norm, epsilon: 1e-5)
    let inputGradient = Matrix(rows, channels, random: 4)
    let (weightGradient, biasGradient) = (
      Matrix(1, channels, random: 5), Matrix(1, channels, random: 6)
    )
    var dx = inputGradient.doubles
    var (dw, db) = (weightGradient.doubles, biasGradient.doubles)
    for row in 0..<rows {
      let range = row * channels..<(row + 1) * channels
      let x = input.doubles[range]
      let (_, mean, rstd) = referenceNorm(
        x, weight: weight.doubles, bias: bias.doubles, epsilon: 1e-5)
      let normalized = x.map { ($0 - mean) * rstd }
      let dy = Array(outGradient.doubles[range])
      let g = zip(dy, weight.doubles).map { $0 * $1 }
      let average = g.reduce(0, +) / Double(channels)
      let product = zip(g, normalized).reduce(0) { $0 + $1.0 * $1.1 } / Double(channels)
      for channel in 0..<channels {
        dx[range.lowerBound + channel] +=
          rstd * (g[channel] - average - normalized[channel] * product)
        dw[channel] += dy[channel] * normalized[channel]
        db[channel] += dy[channel]
      }
    }
    let scratch = FloatArena(count: ThreadPool.rowGradientScratch(channels: channels))
    scratch.floats.update(repeating: .nan)
    threadPool.layerNormBackward(
      norm, gradient: LayerNormGradient(weight: weightGradient.floats, bias: biasGradient.floats),
      inputGradient: inputGradient.view, outGradient: outGradient.view, statistics.view,
      input: input.view, scratch: scratch.floats)
    expectClose(inputGradient.values, dx, within: 64 * roundingError)
    // Sums of `rows` numbers of up to 2 · 1.
    expectClose(weightGradient.values, dw, within: Double(rows + 20) * 4 * roundingError)
    expectClose(biasGradient.values, db, within: Double(rows + 2) * 2 * roundingError)
  }

  // MARK: - Rows

  @Test("a row fills all rows", arguments: raggedCounts)
  func fillRows(columns: Int) {
    let (row, out) = (Matrix(1, columns, random: 1), Matrix(37, columns, random: 2))
    threadPool.fillRows(out.view, with: row.floats)
    for index in 0..<37 {
      #expect(Array(out.view.row(index)) == row.values)
    }
  }

  @Test("the sum of the rows is added", arguments: raggedCounts)
  func addRowSum(columns: Int) {
    let (input, out) = (Matrix(129, columns, random: 1), Matrix(1, columns, random: 2))
    let scratch = FloatArena(count: ThreadPool.rowGradientScratch(channels: columns))
    scratch.floats.update(repeating: .nan)
    var expected = out.doubles
    for (index, value) in input.doubles.enumerated() { expected[index % columns] += value }
    threadPool.addRowSum(out.floats, input.activations, scratch: scratch.floats)
    expectClose(out.values, expected, within: 131 * 8 * roundingError)
  }

  @Test("all floats are cleared, over several pieces too", arguments: raggedCounts + [300_000])
  func clear(count: Int) {
    let matrix = Matrix(1, count, random: 1)
    threadPool.clear(matrix.floats)
    #expect(matrix.values.allSatisfy { $0 == 0 })
  }

  @Test("the norm agrees with the reference", arguments: raggedCounts + [8191, 100_003])
  func norm(count: Int) {
    let matrix = Matrix(1, count, random: 1)
    let expected = matrix.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
    // Stretches of 4,096 squares are summed in single precision, in vectors of at least 4.
    #expect(abs(threadPool.norm(matrix.floats) - expected) <= 1e-5 * expected)
  }

  @Test("the norm keeps numbers that are not finite")
  func normOfNaN() {
    let matrix = Matrix(1, 1000, random: 1)
    matrix.floats[999] = .nan
    #expect(threadPool.norm(matrix.floats).isNaN)
    matrix.floats[999] = .infinity
    #expect(threadPool.norm(matrix.floats) == .infinity)
  }
}
