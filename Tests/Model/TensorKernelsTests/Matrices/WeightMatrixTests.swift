import TensorKernels
import Testing

@Suite("WeightMatrix")
struct WeightMatrixTests {
  private let threadPool = ThreadPool(count: 2)

  /// The kinds of weights; those in single precision lie as `[inputs, outputs]` or transposed.
  enum Kind: String, CaseIterable, Sendable {
    case inputsByOutputs, outputsByInputs, bf16, bf16Products, int8, int8OfTransposed
    case int4, int4OfTransposed

    var precision: Precision { self == .bf16Products ? .bf16 : .fp32 }

    /// What the inputs are rounded to.
    func rounded(_ inputs: [Float]) -> [Double] {
      switch self {
      case .inputsByOutputs, .outputsByInputs, .bf16: inputs.map(Double.init)
      case .bf16Products: inputs.map { Double(nearestBFloat16($0)) }
      case .int8, .int8OfTransposed: Self.integers(inputs, block: 128, bits: 14)
      case .int4, .int4OfTransposed: Self.integers(inputs, block: 32, bits: 11)
      }
    }

    /// The nearest multiples of a power of two that makes the largest of a block a number of `bits`
    /// bits.
    private static func integers(_ inputs: [Float], block: Int, bits: Int) -> [Double] {
      stride(from: 0, to: inputs.count, by: block).flatMap { start in
        let block = inputs[start..<min(start + block, inputs.count)].map(Double.init)
        let largest = block.reduce(0) { max($0, abs($1)) }
        let unit = largest.binade * 2 / Double(1 << bits)
        return block.map { largest == 0 ? 0 : ($0 / unit).rounded(.toNearestOrEven) * unit }
      }
    }
  }

  /// Weights, and the numbers that they stand for, `[inputs][outputs]`.
  private struct Weights {
    let matrix: WeightMatrix
    let numbers: [[Double]]
    /// What keeps the memory of weights in single precision.
    let owner: Matrix
  }

  private func weights(_ kind: Kind, inputs: Int, outputs: Int, seed: UInt64 = 5) -> Weights {
    let isTransposed = [.outputsByInputs, .int8OfTransposed, .int4OfTransposed].contains(kind)
    let floats = Matrix(
      isTransposed ? outputs : inputs, isTransposed ? inputs : outputs, random: seed, scale: 0.5)
    let operand = isTransposed ? floats.view.transposed : floats.view.asIs
    func number(_ input: Int, _ output: Int) -> Float {
      isTransposed ? floats.view.row(output)[input] : floats.view.row(input)[output]
    }
    func numbers(_ change: (Float, Int, Int) -> Double) -> [[Double]] {
      (0..<inputs).map { input in
        (0..<outputs).map { change(number(input, $0), input, $0) }
      }
    }
    switch kind {
    case .int4, .int4OfTransposed:
      // Numbers that int4 holds exactly: in each block the first is -8 times the scale.
      var random = SplitMix64(state: seed)
      for output in 0..<outputs {
        var scale: Float = 0
        for input in 0..<inputs {
          if input % 32 == 0 {
            scale = Float(Int.random(in: -2047...2047, using: &random)) * 0x1p-14
          }
          let integer = input % 32 == 0 ? -8 : Int.random(in: -8...7, using: &random)
          let row = floats.view.row(isTransposed ? output : input)
          row[isTransposed ? input : output] = scale * Float(integer)
        }
      }
      let matrix = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: .int4)
      threadPool.pack(operand, into: matrix)
      return Weights(
        matrix: matrix, numbers: numbers { number, _, _ in Double(number) }, owner: floats)
    case .inputsByOutputs, .outputsByInputs:
      return Weights(
        matrix: WeightMatrix(operand), numbers: numbers { number, _, _ in Double(number) },
        owner: floats)
    case .bf16, .bf16Products:
      let matrix = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: .bf16)
      threadPool.pack(operand, into: matrix)
      return Weights(
        matrix: matrix, numbers: numbers { number, _, _ in Double(nearestBFloat16(number)) },
        owner: floats)
    case .int8, .int8OfTransposed:
      let matrix = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: .int8)
      threadPool.pack(operand, into: matrix)
      return Weights(
        matrix: matrix,
        numbers: numbers { weight, input, output in
          let block = input / 128 * 128..<min(inputs, input / 128 * 128 + 128)
          let largest = block.reduce(Float(0)) { max($0, abs(number($1, output))) }
          let scale = largest / 127
          return Double((weight * (127 / largest)).rounded(.toNearestOrEven)) * Double(scale)
        }, owner: floats)
    }
  }

  private static let sizes = [
    (inputs: 1, outputs: 1), (3, 5), (12, 36), (64, 64), (100, 130), (129, 63), (256, 192),
    (300, 65), (515, 257), (1100, 40),
  ]

  @Test(
    "is the product of the numbers that the weights stand for, plus the bias",
    arguments: Kind.allCases)
  func product(kind: Kind) {
    for (inputs, outputs) in Self.sizes {
      let weights = weights(kind, inputs: inputs, outputs: outputs)
      let bias = Matrix(1, outputs, random: 6)
      for rows in [1, 2, 5, 6, 7, 13] {
        let input = Matrix(rows, inputs, random: 7)
        let out = Matrix(rows, outputs)
        out.floats.update(repeating: .nan)
        threadPool.multiply(
          out.view, input.view, weights.matrix, bias: bias.floats, precision: kind.precision)
        var expected: [Double] = []
        var bounds: [Double] = []
        for row in 0..<rows {
          let numbers = kind.rounded(Array(input.view.row(row)))
          for output in 0..<outputs {
            let terms = (0..<inputs).map { numbers[$0] * weights.numbers[$0][output] }
            expected.append(terms.reduce(Double(bias.floats[output]), +))
            bounds.append(
              roundingError * Double(inputs + 4) * terms.reduce(1) { $0 + abs($1) })
          }
        }
        expectClose(out.values, expected, within: { bounds[$0] })
      }
    }
  }

  private func packed(_ floats: Matrix, as type: WeightType) -> WeightMatrix {
    let matrix = WeightMatrix(inputs: floats.rows, outputs: floats.columns, packedAs: type)
    threadPool.pack(floats.view.asIs, into: matrix)
    return matrix
  }

  @Test(
    "inputs that become integers lose a tenth of what their weights have lost at most, beside outliers too",
    arguments: [WeightType.int8, .int4], [Float(1), 1000])
  func roundedInputs(type: WeightType, outlier: Float) {
    let (inputs, outputs, rows) = (512, 96, 3)
    let floats = Matrix(inputs, outputs, random: 21, scale: 0.1)
    let matrix = packed(floats, as: type)
    let input = Matrix(rows, inputs, random: 22)
    for row in 0..<rows { input.view.row(row)[100 * row] *= outlier }
    let out = Matrix(rows, outputs)
    threadPool.multiply(out.view, input.view, matrix, bias: nil)
    // The numbers that the packed weights stand for.
    let (unit, packed) = (Matrix(inputs, inputs), Matrix(inputs, outputs))
    for index in 0..<inputs { unit.view.row(index)[index] = 1 }
    threadPool.multiply(packed.view, unit.view, matrix, bias: nil)
    func product(_ row: Int, _ output: Int, _ weights: Matrix) -> Double {
      (0..<inputs).reduce(0) { sum, index in
        sum + Double(input.view.row(row)[index]) * Double(weights.view.row(index)[output])
      }
    }
    var (ofInputs, ofWeights) = (0.0, 0.0)
    for row in 0..<rows {
      for output in 0..<outputs {
        let product = (packed: product(row, output, packed), exact: product(row, output, floats))
        ofInputs += (Double(out.view.row(row)[output]) - product.packed).magnitude
        ofWeights += (product.packed - product.exact).magnitude
      }
    }
    #expect(ofInputs > 0 && ofInputs < ofWeights / 10)
  }

  @Test(
    "inputs times a power of two give the product times that, without another rounding",
    arguments: [WeightType.int8, .int4], [Float(0x1p-40), 0x1p40])
  func scaledInputs(type: WeightType, factor: Float) {
    let matrix = packed(Matrix(300, 70, random: 23), as: type)
    let (input, scaled) = (Matrix(4, 300, random: 24), Matrix(4, 300))
    for index in input.floats.indices { scaled.floats[index] = input.floats[index] * factor }
    let (out, ofScaled) = (Matrix(4, 70), Matrix(4, 70))
    threadPool.multiply(out.view, input.view, matrix, bias: nil)
    threadPool.multiply(ofScaled.view, scaled.view, matrix, bias: nil)
    #expect(ofScaled.values == out.values.map { $0 * factor })
  }

  @Test(
    "an input that is not finite makes its row NaN and no other",
    arguments: [WeightType.int8, .int4], [Float.infinity, .nan])
  func infiniteInput(type: WeightType, number: Float) {
    let matrix = packed(Matrix(200, 70, random: 25), as: type)
    let (input, out) = (Matrix(3, 200, random: 26), Matrix(3, 70))
    input.view.row(1)[150] = number
    threadPool.multiply(out.view, input.view, matrix, bias: nil)
    for row in 0..<3 {
      #expect(out.view.row(row).allSatisfy { row == 1 ? $0.isNaN : $0.isFinite })
    }
  }

  /// More inputs or outputs than are taken at a time.
  private static let largeSizes = [
    (inputs: 1024, outputs: 700), (700, 1024), (2049, 17), (8200, 17), (3, 67000),
  ]

  @Test(
    "a row has the same bits alone and beside others, on one thread and on more",
    arguments: Kind.allCases)
  func sameBits(kind: Kind) {
    for (inputs, outputs) in Self.sizes + Self.largeSizes {
      let weights = weights(kind, inputs: inputs, outputs: outputs)
      let input = Matrix(64, inputs, random: 8)
      let together = Matrix(64, outputs)
      threadPool.multiply(
        together.view, input.view, weights.matrix, bias: nil, precision: kind.precision)
      for (first, count) in [(0, 1), (63, 1), (10, 2), (20, 5), (30, 6), (40, 13)] {
        let rows = first..<first + count
        for threadPool in [ThreadPool(count: 1), ThreadPool(count: 3)] {
          let some = Matrix(count, outputs)
          threadPool.multiply(
            some.view, input.view.rows(rows), weights.matrix, bias: nil, precision: kind.precision)
          #expect(
            some.bits == Array(together.bits[first * outputs..<(first + count) * outputs]))
        }
      }
    }
  }

  @Test("an input may be part of wider rows, and so may the product")
  func strides() {
    let weights = weights(.inputsByOutputs, inputs: 20, outputs: 70)
    let (wide, narrow) = (Matrix(3, 33, random: 9), Matrix(3, 20))
    for row in 0..<3 {
      narrow.view.row(row).update(from: wide.view.row(row)[7..<27])
    }
    let (out, expected) = (Matrix(3, 90), Matrix(3, 70))
    threadPool.multiply(
      out.view.block(rows: 0..<3, columns: 5..<75),
      wide.view.block(rows: 0..<3, columns: 7..<27), weights.matrix, bias: nil)
    threadPool.multiply(expected.view, narrow.view, weights.matrix, bias: nil)
    for row in 0..<3 {
      #expect(Array(out.view.row(row)[5..<75]) == Array(expected.view.row(row)))
      #expect(out.view.row(row)[0..<5].allSatisfy { $0 == 0 })
      #expect(out.view.row(row)[75..<90].allSatisfy { $0 == 0 })
    }
  }

  @Test(
    "weights that are read in parts are those that are packed at once",
    arguments: [WeightType.bf16, .int8, .int4], [false, true])
  func parts(type: WeightType, isTransposed: Bool) throws {
    for (inputs, outputs) in Self.sizes {
      let (rows, columns) = isTransposed ? (outputs, inputs) : (inputs, outputs)
      let floats = Matrix(rows, columns, random: 10)
      let whole = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: type)
      threadPool.pack(isTransposed ? floats.view.transposed : floats.view.asIs, into: whole)
      let parts = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: type)
      let source = floats.view
      try threadPool.pack(into: parts, isTransposed: isTransposed) { rows, target in
        for (index, row) in rows.enumerated() { target.row(index).update(from: source.row(row)) }
      }
      let input = Matrix(2, inputs, random: 11)
      let (first, second) = (Matrix(2, outputs), Matrix(2, outputs))
      threadPool.multiply(first.view, input.view, whole, bias: nil)
      threadPool.multiply(second.view, input.view, parts, bias: nil)
      #expect(first.bits == second.bits)
      withExtendedLifetime(floats) {}
    }
  }

  @Test("an error while weights are read ends the packing")
  func failedReading() {
    struct Failure: Error {}
    let matrix = WeightMatrix(inputs: 100, outputs: 100, packedAs: .int4)
    #expect(throws: Failure.self) {
      try threadPool.pack(into: matrix, isTransposed: false) { rows, _ in
        if rows.contains(70) { throw Failure() }
      }
    }
  }

  @Test("outputs whose weights are all zero are zero", arguments: [WeightType.int8, .int4])
  func zeros(type: WeightType) {
    let floats = Matrix(10, 3)
    floats.floats[1] = 0.25
    let matrix = WeightMatrix(inputs: 10, outputs: 3, packedAs: type)
    threadPool.pack(floats.view.asIs, into: matrix)
    let (input, out) = (Matrix(1, 10, random: 12), Matrix(1, 3))
    threadPool.multiply(out.view, input.view, matrix, bias: nil)
    #expect(out.values[0] == 0 && out.values[1] != 0 && out.values[2] == 0)
  }

  @Test("naming the weights that come next changes no product, and once stopped they may go")
  func readingAhead() {
    let weights = weights(.inputsByOutputs, inputs: 300, outputs: 200)
    let (input, expected) = (Matrix(1, 300, random: 13), Matrix(1, 200))
    threadPool.multiply(expected.view, input.view, weights.matrix, bias: nil)
    for _ in 0..<200 {
      // Its memory is given back at the end of each round.
      let next = Matrix(2000, 500)
      let out = Matrix(1, 200)
      withExtendedLifetime(next) {
        threadPool.multiply(
          out.view, input.view, weights.matrix, bias: nil, next: WeightMatrix(next.view.asIs))
        threadPool.stopReadingAhead()
      }
      #expect(out.bits == expected.bits)
    }
  }

  @Test("a byte count is what a product reads")
  func byteCounts() {
    let floats = Matrix(256, 128)
    #expect(WeightMatrix(floats.view.asIs).byteCount == 256 * 128 * 4)
    #expect(
      WeightMatrix(inputs: 256, outputs: 128, packedAs: .bf16).byteCount == 256 * 128 * 2)
    #expect(
      WeightMatrix(inputs: 256, outputs: 128, packedAs: .int8).byteCount == 256 * 128 + 2 * 128 * 4)
    #expect(
      WeightMatrix(inputs: 256, outputs: 128, packedAs: .int4).byteCount
        == 256 * 128 / 2 + 8 * 128 * 2)
  }
}
