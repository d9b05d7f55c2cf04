import TensorKernels
import Testing

/// A matrix that owns its memory.
final class Matrix {
  let arena: FloatArena
  let rows: Int
  let columns: Int

  /// Zeros.
  init(_ rows: Int, _ columns: Int) {
    arena = FloatArena(count: rows * columns)
    (self.rows, self.columns) = (rows, columns)
  }

  /// Random numbers from -`scale` to `scale`.
  convenience init(_ rows: Int, _ columns: Int, random seed: UInt64, scale: Float = 1) {
    self.init(rows, columns)
    var random = SplitMix64(state: seed)
    for index in arena.floats.indices {
      arena.floats[index] = Float.random(in: -scale...scale, using: &random)
    }
  }

  /// One row of `values`.
  convenience init(_ values: [Float]) {
    self.init(1, values.count)
    for (index, value) in values.enumerated() { arena.floats[index] = value }
  }

  var view: MatrixView { arena.matrix(rows: rows, columns: columns) }
  var activations: ActivationMatrix { .fp32(view) }
  var floats: Floats { arena.floats }
  var values: [Float] { Array(arena.floats) }
  var doubles: [Double] { arena.floats.map(Double.init) }
  /// The numbers to the last bit.
  var bits: [UInt32] { arena.floats.map(\.bitPattern) }

  func copy() -> Matrix {
    let copy = Matrix(rows, columns)
    copy.arena.floats.update(from: arena.floats)
    return copy
  }
}

/// Statistics of rows that own their memory.
struct Statistics {
  let mean, rstd: Matrix

  init(_ rows: Int) {
    (mean, rstd) = (Matrix(1, rows), Matrix(1, rows))
  }

  var view: RowStatistics { RowStatistics(mean: mean.floats, rstd: rstd.floats) }
}

/// A small generator (Steele and others 2014), so that every run of a test sees the same numbers.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

/// Half a unit in the last place of 1 in single precision: the largest relative error of one
/// rounding.
let roundingError = 0x1p-24

/// Of the two bfloat16 around `number` the nearer, of two as near the even one.
func nearestBFloat16(_ number: Float) -> Float {
  let lower = Float(bitPattern: number.bitPattern & 0xFFFF_0000)
  let upper = Float(bitPattern: (number.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
  let (toLower, toUpper) = (
    abs(Double(number) - Double(lower)), abs(Double(upper) - Double(number))
  )
  if toLower == toUpper { return lower.bitPattern & 0x1_0000 == 0 ? lower : upper }
  return toLower < toUpper ? lower : upper
}

/// Expects each number to be as far from the expected one as its bound allows at most.
func expectClose(
  _ actual: [Float], _ expected: [Double], within bound: (_ index: Int) -> Double,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  for (index, (seen, wanted)) in zip(actual, expected).enumerated() {
    let error = abs(Double(seen) - wanted)
    guard error <= bound(index) else {
      Issue.record(
        "element \(index) is \(seen), expected \(wanted) within \(bound(index))",
        sourceLocation: sourceLocation)
      return
    }
  }
}

func expectClose(
  _ actual: [Float], _ expected: [Double], within bound: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(actual, expected, within: { _ in bound }, sourceLocation: sourceLocation)
}

/// Counts that are below, at and above the widths of vectors and blocks.
let raggedCounts = [1, 15, 16, 17, 127, 128, 129, 1000]
