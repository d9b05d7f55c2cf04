import TensorKernels
import Testing

@Suite("Matrix product")
struct MatrixMultiplyTests {
  /// a · b in double precision; also with the absolute values, which bound the rounding errors.
  private func reference(
    _ a: Matrix, _ b: Matrix, transposed: (Bool, Bool), magnitudes: Bool = false
  ) -> [Double] {
    let (x, y) = (
      magnitudes ? a.doubles.map(abs) : a.doubles, magnitudes ? b.doubles.map(abs) : b.doubles
    )
    let (m, k) = transposed.0 ? (a.columns, a.rows) : (a.rows, a.columns)
    let n = transposed.1 ? b.rows : b.columns
    var out = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for l in 0..<k {
          sum +=
            x[transposed.0 ? l * m + i : i * k + l] * y[transposed.1 ? j * k + l : l * n + j]
        }
        out[i * n + j] = sum
      }
    }
    return out
  }

  private func check(
    m: Int, n: Int, k: Int, threadPool: ThreadPool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for transposed in [(false, false), (false, true), (true, false), (true, true)] {
      let a = Matrix(transposed.0 ? k : m, transposed.0 ? m : k, random: 1)
      let b = Matrix(transposed.1 ? n : k, transposed.1 ? k : n, random: 2)
      let before = Matrix(m, n, random: 3)
      let out = before.copy()
      let product = reference(a, b, transposed: transposed)
      // k products and sums, and one sum with what was there.
      let bounds = reference(a, b, transposed: transposed, magnitudes: true).map {
        roundingError * (Double(k + 4) * $0 + 2)
      }
      let left = transposed.0 ? a.view.transposed : a.view.asIs
      let right = transposed.1 ? b.view.transposed : b.view.asIs
      threadPool.multiply(out.view, left, right)
      expectClose(out.values, product, within: { bounds[$0] }, sourceLocation: sourceLocation)
      out.floats.update(from: before.floats)
      threadPool.multiply(out.view, left, right, accumulating: true)
      expectClose(
        out.values, zip(before.doubles, product).map { $0 + $1 }, within: { bounds[$0] },
        sourceLocation: sourceLocation)
    }
  }

  @Test(
    "agrees with the reference in all orientations, adding or not",
    arguments: [
      (1, 1, 1), (1, 17, 16), (17, 1, 15), (15, 16, 1), (16, 128, 127), (129, 15, 17),
      (17, 129, 128),
      (1, 1000, 129), (1000, 1, 17), (128, 17, 1000),
    ])
  func raggedSizes(m: Int, n: Int, k: Int) {
    check(m: m, n: n, k: k, threadPool: ThreadPool(count: 1))
  }

  @Test(
    "agrees with the reference where threads share it by columns, by rows, for a row, and in parts",
    arguments: [(100, 1000, 129), (1000, 127, 100), (1, 5000, 1000), (100, 70, 2501)])
  func shared(m: Int, n: Int, k: Int) {
    check(m: m, n: n, k: k, threadPool: ThreadPool(count: 2))
  }

  @Test(
    "gives the same bits with any number of threads",
    arguments: [
      (128, 4096, 300), (1000, 1001, 513), (2000, 70, 700), (1, 5000, 1000), (130, 1030, 65),
      (64, 2003, 1024),
    ])
  func threads(m: Int, n: Int, k: Int) {
    let (a, b) = (Matrix(m, k, random: 1), Matrix(k, n, random: 2))
    let (aTransposed, bTransposed) = (Matrix(k, m, random: 3), Matrix(n, k, random: 4))
    var expected: [[Float]] = []
    for count in [1, 2, 3, 5, 8, 16] {
      let threadPool = ThreadPool(count: count)
      let products = [
        (a.view.asIs, b.view.asIs), (a.view.asIs, bTransposed.view.transposed),
        (aTransposed.view.transposed, b.view.asIs),
        (aTransposed.view.transposed, bTransposed.view.transposed),
      ].map { left, right in
        let out = Matrix(m, n, random: 5)
        threadPool.multiply(out.view, left, right, accumulating: true)
        return out.values
      }
      if expected.isEmpty { expected = products }
      let differing = zip(products, expected).map { $0 == $1 ? "same" : "other" }
      #expect(differing == ["same", "same", "same", "same"], "\(count) threads")
    }
  }

  @Test("a left operand gives the same bits in a wider matrix as its transpose, which is packed")
  func placesOfLeftOperand() {
    let (m, k, n) = (301, 1100, 130)
    let (wide, transposed) = (Matrix(m, k + 5, random: 1), Matrix(k, m))
    let left = wide.view.block(rows: 0..<m, columns: 3..<k + 3)
    for row in 0..<m {
      for column in 0..<k { transposed.view.row(column)[row] = left.row(row)[column] }
    }
    let right = Matrix(k, n, random: 2)
    let threadPool = ThreadPool(count: 2)
    let products = [left.asIs, transposed.view.transposed].map {
      let out = Matrix(m, n)
      threadPool.multiply(out.view, $0, right.view.asIs)
      return out.bits
    }
    #expect(products[0] == products[1])
  }

  @Test("a product of blocks reads and writes nothing beside them")
  func blocks() {
    let (a, b, out) = (Matrix(5, 9, random: 1), Matrix(7, 8, random: 2), Matrix(6, 10, random: 3))
    let before = out.values
    let left = a.view.block(rows: 1..<4, columns: 2..<8)
    let right = b.view.block(rows: 1..<7, columns: 3..<8)
    ThreadPool(count: 1).multiply(
      out.view.block(rows: 2..<5, columns: 4..<9), left.asIs, right.asIs)
    for row in 0..<6 {
      for column in 0..<10 {
        let seen = out.values[row * 10 + column]
        guard (2..<5).contains(row), (4..<9).contains(column) else {
          #expect(seen == before[row * 10 + column])
          continue
        }
        let expected = (0..<6).reduce(0.0) { sum, l in
          sum + a.doubles[(row - 1) * 9 + 2 + l] * b.doubles[(1 + l) * 8 + column - 1]
        }
        #expect(abs(Double(seen) - expected) < 6 * 8 * roundingError)
      }
    }
  }
}
