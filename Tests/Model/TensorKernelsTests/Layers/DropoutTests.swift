import TensorKernels
import Testing

@Suite("Dropout")
struct DropoutTests {
  private let threadPool = ThreadPool(count: 2)

  private func dropout(
    _ probability: Float = 0.3, seed: UInt64 = 11, pass: UInt32 = 2, place: UInt32 = 4
  ) throws -> Dropout {
    try #require(Dropout(probability: probability, seed: seed, pass: pass, place: place))
  }

  private func ones(_ rows: Int, _ columns: Int) -> Matrix {
    let matrix = Matrix(rows, columns)
    matrix.floats.update(repeating: 1)
    return matrix
  }

  @Test("there is none with probability 0")
  func none() {
    #expect(Dropout(probability: 0, seed: 1, pass: 1, place: 1) == nil)
    let (input, out) = (Matrix(3, 5, random: 1), Matrix(3, 5))
    threadPool.drop(input.view, nil)
    threadPool.drop(out.activations, from: input.view, nil)
    #expect(input.bits == Matrix(3, 5, random: 1).bits)
    #expect(out.bits == input.bits)
  }

  @Test(
    "drops its fraction and scales the others so that the mean stays", arguments: [0.1, 0.5, 0.9])
  func fraction(probability: Double) throws {
    let matrix = ones(1000, 1000)
    threadPool.drop(matrix.view, try dropout(Float(probability)))
    let dropped = Double(matrix.values.count { $0 == 0 }) / 1e6
    // Five standard deviations.
    #expect(
      abs(dropped - probability) < 5 * (probability * (1 - probability) / 1e6).squareRoot())
    // The fraction is a multiple of 1/65536.
    let fraction = (Float(probability) * 0x1p16).rounded() / 0x1p16
    let scale = 1 / (1 - fraction)
    #expect(matrix.values.allSatisfy { $0 == 0 || $0 == scale })
  }

  @Test(
    "an element's number comes from Philox under the seed, pass, place and the element's place",
    arguments: raggedCounts)
  func mask(columns: Int) throws {
    let matrix = ones(3, columns)
    threadPool.drop(matrix.view, try dropout(seed: 0x0000_0005_0000_000B))
    let groupsPerRow = UInt32((columns + 127) / 128 * 16)
    let threshold = UInt32((0.3 * 0x1p16).rounded())
    for row in 0..<3 {
      for column in 0..<columns {
        // Stretches of 128 elements: 16 counters with four words each, word by word, first their
        // lower halves, then their upper.
        let (stretch, element) = column.quotientAndRemainder(dividingBy: 128)
        let counter = UInt32(row) * groupsPerRow + UInt32(stretch * 16 + element % 16)
        let word = referencePhilox(counter: [counter, 0, 2, 4], key: [11, 5])[element % 64 / 16]
        let number = element < 64 ? word & 0xFFFF : word >> 16
        #expect((matrix.view.row(row)[column] == 0) == (number < threshold))
      }
    }
  }

  @Test("seeds, passes and places have masks of their own, which can be made again")
  func streams() throws {
    func mask(_ dropout: Dropout) -> [UInt32] {
      let matrix = ones(4, 100)
      threadPool.drop(matrix.view, dropout)
      return matrix.bits
    }
    let masks = try [
      mask(dropout()), mask(dropout(seed: 12)), mask(dropout(seed: 11 + 1 << 32)),
      mask(dropout(pass: 3)), mask(dropout(place: 5)),
    ]
    #expect(Set(masks).count == 5)
    #expect(try mask(dropout()) == masks[0])
  }

  @Test("in place, from another matrix and on a branch the same elements are dropped")
  func sameMask() throws {
    let input = Matrix(9, 130, random: 1)
    let (inPlace, out, branch) = (input.copy(), Matrix(9, 130), input.copy())
    let (residual, sum) = (Matrix(9, 130, random: 2), Matrix(9, 130))
    let dropout = try dropout()
    threadPool.drop(inPlace.view, dropout)
    threadPool.drop(out.activations, from: input.view, dropout)
    threadPool.addResidual(sum.view, residual.view, branchOutput: branch.view, dropout)
    #expect(out.bits == inPlace.bits)
    #expect(sum.values == zip(residual.values, inPlace.values).map { $0 + $1 })
    #expect(inPlace.values.contains(0) && inPlace.values.contains { $0 != 0 })
  }

  @Test("the residual is added in place, without dropout")
  func residualInPlace() {
    let (residual, branch) = (Matrix(7, 33, random: 1), Matrix(7, 33, random: 2))
    let expected = zip(residual.values, branch.values).map { $0 + $1 }
    threadPool.addResidual(residual.view, residual.view, branchOutput: branch.view, nil)
    #expect(residual.values == expected)
  }
}
