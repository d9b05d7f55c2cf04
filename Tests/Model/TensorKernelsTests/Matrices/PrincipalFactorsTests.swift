import COpenBLAS
import Foundation
import TensorKernels
import Testing

@Suite("PrincipalFactors")
struct PrincipalFactorsTests {
  private let threadPool = ThreadPool(count: 1)

  /// A matrix whose singular values fall as those of trained ones do: `count` directions over noise.
  private func matrix(
    _ rows: Int, _ columns: Int, fall: Double = 0.7, noise: Double = 0.02, seed: UInt64 = 1
  ) -> FloatArena {
    var generator = PhiloxGenerator(seed: seed, .sampling, stream: 3)
    func random(_ count: Int) -> [Double] {
      (0..<count).map { _ in
        (0..<4).reduce(0) { sum, _ in sum + generator.nextUnit() - 0.5 }
      }
    }
    var numbers = random(rows * columns).map { $0 * noise }
    for direction in 1...min(rows, columns) / 2 {
      let (u, v) = (random(rows), random(columns))
      let weight = pow(Double(direction), -fall)
      for row in 0..<rows {
        for column in 0..<columns { numbers[row * columns + column] += weight * u[row] * v[column] }
      }
    }
    let arena = FloatArena(count: numbers.count)
    arena.floats.update(fromContentsOf: numbers.lazy.map { Float($0) })
    return arena
  }

  /// LAPACK's whole decomposition.
  private func reference(
    _ weights: FloatArena, _ rows: Int, _ columns: Int
  ) -> (u: [Float], values: [Float], v: [Float]) {
    let k = min(rows, columns)
    var copy = Array(weights.floats)
    var values = [Float](repeating: 0, count: k)
    var (u, v) = ([Float](repeating: 0, count: rows * k), [Float](repeating: 0, count: k * columns))
    var integers = [Int32](repeating: 0, count: 8 * k)
    var work: [Float] = [0]
    var size: Int32 = -1
    for _ in 0..<2 {
      let result = copenblas_sgesdd(
        Int32(rows), Int32(columns), &copy, &values, &u, &v, &work, size, &integers)
      if size >= 0 { #expect(result == 0) }
      if size < 0 {
        size = result
        work = [Float](repeating: 0, count: Int(size))
      }
    }
    return (u, values, v)
  }

  private func factors(
    _ weights: FloatArena, _ rows: Int, _ columns: Int, rank: Int, scaling: Float = 1
  ) -> (a: FloatArena, b: FloatArena) {
    let (a, b) = (FloatArena(count: rank * rows), FloatArena(count: columns * rank))
    #expect(
      PrincipalFactors.compute(
        a: a.matrix(rows: rank, columns: rows), b: b.matrix(rows: columns, columns: rank),
        of: weights.matrix(rows: rows, columns: columns), scaling: scaling))
    return (a, b)
  }

  /// s · (B · A)ᵀ.
  private func product(
    _ a: FloatArena, _ b: FloatArena, _ rows: Int, _ columns: Int, rank: Int, scaling: Float
  ) -> [Float] {
    var out = [Float](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        for k in 0..<rank {
          out[row * columns + column] +=
            scaling * a.floats[k * rows + row] * b.floats[column * rank + k]
        }
      }
    }
    return out
  }

  @Test(
    "the product of the factors is the principal part that sgesdd finds",
    arguments: [(40, 40), (48, 144), (96, 32), (64, 65)], [Float(1), 0.5, 3])
  func principalPart(shape: (Int, Int), scaling: Float) {
    let (rows, columns) = shape
    let rank = 5
    let weights = matrix(rows, columns)
    let (u, values, v) = reference(weights, rows, columns)
    let (a, b) = factors(weights, rows, columns, rank: rank, scaling: scaling)
    let found = product(a, b, rows, columns, rank: rank, scaling: scaling)
    let k = min(rows, columns)
    var largest: Float = 0
    for row in 0..<rows {
      for column in 0..<columns {
        let expected = (0..<rank).reduce(Float(0)) {
          $0 + u[row * k + $1] * values[$1] * v[$1 * columns + column]
        }
        largest = max(largest, abs(found[row * columns + column] - expected))
      }
    }
    #expect(largest < 2e-4 * values[0])
    // Row i of A and column i of B have the length √(Sᵢ / s).
    for index in 0..<rank {
      let row = a.floats[index * rows..<(index + 1) * rows]
      let lengths = [
        row.reduce(0) { $0 + $1 * $1 },
        (0..<columns).reduce(Float(0)) {
          $0 + b.floats[$1 * rank + index] * b.floats[$1 * rank + index]
        },
      ]
      for length in lengths { #expect(abs(length * scaling / values[index] - 1) < 1e-4) }
      #expect((row.max() ?? 0) >= -(row.min() ?? 0), "the largest entry is positive")
    }
  }

  @Test("small singular values beside a large one are exact, too")
  func wideSpectrum() {
    let (rows, columns, rank) = (40, 60, 6)
    let weights = matrix(rows, columns, fall: 3, noise: 1e-4)
    let (_, values, _) = reference(weights, rows, columns)
    #expect(values[0] > 100 * values[rank - 1])
    let (a, _) = factors(weights, rows, columns, rank: rank)
    for index in 0..<rank {
      let length = a.floats[index * rows..<(index + 1) * rows].reduce(0) { $0 + $1 * $1 }
      #expect(abs(length / values[index] - 1) < 1e-3)
    }
  }

  @Test("directions that a matrix does not have are zero")
  func deficientRank() {
    let weights = FloatArena(count: 12 * 20)
    for index in 0..<20 { weights.floats[3 * 20 + index] = 2 }
    let (a, b) = factors(weights, 12, 20, rank: 3)
    #expect(a.floats.allSatisfy(\.isFinite) && b.floats.allSatisfy(\.isFinite))
    let found = product(a, b, 12, 20, rank: 3, scaling: 1)
    #expect(zip(found, weights.floats).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test("the bits do not depend on threads")
  func threads() {
    let matrices = (0..<6).map { matrix(64, 96, seed: UInt64($0)) }
    let results = (1...3).map { count in
      let (a, b) = (FloatArena(count: 6 * 4 * 64), FloatArena(count: 6 * 96 * 4))
      ThreadPool(count: count).run(6) { index, _ in
        _ = PrincipalFactors.compute(
          a: a.matrix(at: index * 4 * 64, rows: 4, columns: 64),
          b: b.matrix(at: index * 96 * 4, rows: 96, columns: 4),
          of: matrices[index].matrix(rows: 64, columns: 96), scaling: 1)
      }
      return Array(a.floats) + Array(b.floats)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
