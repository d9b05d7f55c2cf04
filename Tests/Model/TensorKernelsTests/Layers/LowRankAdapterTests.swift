import TensorKernels
import Testing

/// A linear layer with an adapter, as training computes it.
private struct Example: Sendable, CustomTestStringConvertible {
  var (rows, inputs, outputs, rank) = (5, 17, 9, 3)
  var type = WeightType.fp32
  var hasMagnitudes = false
  var dropout: Float = 0
  var precision = Precision.fp32

  var testDescription: String {
    "\(rows) × \(inputs) × \(outputs), rank \(rank), weights \(type), products \(precision)"
      + "\(hasMagnitudes ? ", magnitudes" : "")\(dropout > 0 ? ", dropout" : "")"
  }

  /// The same in shapes of which each product is computed in another way: by a library or by our own
  /// kernels, in one tile or several, whose columns do not begin with a stretch of a dropout mask.
  static let all = [(5, 17, 9, 3), (1, 130, 65, 1), (130, 700, 300, 8), (70, 300, 1100, 16)].flatMap
  {
    shape in
    [WeightType.fp32, .bf16, .int8, .int4].flatMap { type in
      [(false, Float(0)), (true, 0), (false, 0.3)].map {
        Example(
          rows: shape.0, inputs: shape.1, outputs: shape.2, rank: shape.3, type: type,
          hasMagnitudes: $0.0, dropout: $0.1)
      }
    }
  }

  static let bfloat16 = all.map {
    var example = $0
    example.precision = .bf16
    return example
  }
}

/// What a layer computes, and the memory that it is in.
private struct Run {
  let weights, out, inputGradient, a, b, magnitudes: [Float]

  static let scaling: Float = 0.75

  init(_ example: Example, threads: Int = 2) {
    let (rows, inputs, outputs) = (example.rows, example.inputs, example.outputs)
    let (rank, precision) = (example.rank, example.precision)
    let threadPool = ThreadPool(count: threads)
    func activations(_ matrix: Matrix) -> (ActivationArena, ActivationMatrix) {
      let arena: ActivationArena
      switch precision {
      case .fp32: arena = .fp32(matrix.arena)
      case .bf16:
        let rounded = Arena<UInt16>(count: matrix.arena.count)
        threadPool.roundToBFloat16(rounded.elements, matrix.floats)
        arena = .bf16(rounded)
      }
      return (arena, arena.matrix(rows: matrix.rows, columns: matrix.columns))
    }
    func floats(_ matrix: ActivationMatrix) -> [Float] {
      (0..<matrix.rows).flatMap { row in
        switch matrix {
        case .fp32(let matrix): Array(matrix.row(row))
        case .bf16(let matrix): matrix.row(row).map { Float(bitPattern: UInt32($0) << 16) }
        }
      }
    }
    let numbers = Inputs(example)
    let (weightArena, weights) = (numbers.weights.arena, numbers.weights.view)
    let rounded = Arena<UInt16>(count: weightArena.count)
    threadPool.roundToBFloat16(rounded.elements, weightArena.floats)
    let frozen: FrozenWeights
    switch example.type {
    case .fp32: frozen = .rows(.fp32(weights.asIs))
    case .bf16: frozen = .rows(.bf16(rounded.matrix(rows: inputs, columns: outputs).asIs))
    case .int8, .int4:
      let packed = WeightMatrix(inputs: inputs, outputs: outputs, packedAs: example.type)
      threadPool.pack(weights.asIs, into: packed)
      frozen = .packed(packed)
    }
    // Room for a third of the outputs of the larger layers, so that these are computed in parts.
    let scratch = ActivationArena(count: inputs * max(64, outputs / 3), precision)
    let plain = LinearLayer(frozen: frozen, scratch: ActivationArena(count: inputs * 64, .fp32))
    let squares = Matrix(1, outputs)
    threadPool.columnSquares(of: plain, squares.floats)
    let (aArena, a) = activations(numbers.a)
    let (bArena, b) = activations(numbers.b)
    let layer = LinearLayer(
      frozen: frozen, bias: numbers.bias.floats,
      adapter: LowRankAdapter(
        a: a, b: b, scaling: Self.scaling,
        magnitudes: example.hasMagnitudes
          ? .init(
            numbers.magnitudes.floats, squares: squares.floats, a: numbers.a.view,
            b: numbers.b.view) : nil), scratch: scratch)
    let hidden = ActivationArena(count: rows * rank, precision)
    let factors = Matrix(1, outputs)
    let copy = ActivationArena(count: rows * outputs, precision)
    let pass = LowRankPass(
      hidden: hidden.matrix(rows: rows, columns: rank), factors: factors.floats,
      out: copy.matrix(rows: rows, columns: outputs), dropout: example.mask,
      scratch: LowRankScratch(
        rows: rows, channels: max(inputs, outputs), rank: rank, precision,
        threads: threadPool.count, dropsOut: example.dropout > 0))
    let (inputArena, input) = activations(numbers.input)
    let out = ActivationArena(count: rows * outputs, precision)
    let outMatrix = out.matrix(rows: rows, columns: outputs)
    threadPool.forward(layer, outMatrix, input, pass)
    self.out = floats(outMatrix)
    let gradients = (Matrix(rank, inputs), Matrix(outputs, rank), Matrix(1, outputs))
    // Gradients are added.
    for matrix in [gradients.0, gradients.1, gradients.2] { matrix.floats.update(repeating: 1) }
    let (outGradientArena, outGradient) = activations(numbers.outGradient)
    let scratchFloats = Matrix(1, ThreadPool.rowGradientScratch(channels: outputs))
    threadPool.backward(
      layer,
      LinearGradient(
        weights: nil,
        adapter: LowRankGradient(
          a: gradients.0.view, b: gradients.1.view,
          magnitudes: example.hasMagnitudes ? gradients.2.floats : nil)),
      // The gradient takes the place of the input.
      inputGradient: input, outGradient: outGradient, input: input, pass, accumulating: false,
      scratch: scratchFloats.floats)
    inputGradient = floats(input)
    (self.a, self.b) = (gradients.0.values, gradients.1.values)
    magnitudes = gradients.2.values
    self.weights = Self.decoded(frozen, example, threadPool, weightArena)
    withExtendedLifetime((aArena, bArena, inputArena, outGradientArena, rounded, numbers)) {}
  }

  /// The weights that `frozen` stands for.
  private static func decoded(
    _ frozen: FrozenWeights, _ example: Example, _ threadPool: ThreadPool, _ floats: FloatArena
  ) -> [Float] {
    switch frozen {
    case .rows(.fp32): return Array(floats.floats)
    case .rows(.bf16): return floats.floats.map(nearestBFloat16)
    case .packed(let packed):
      // The product with the unit matrix is the weights.
      let unit = Matrix(example.inputs, example.inputs)
      for index in 0..<example.inputs { unit.view.row(index)[index] = 1 }
      let product = Matrix(example.inputs, example.outputs)
      threadPool.multiply(product.view, unit.view, packed, bias: nil)
      return product.values
    }
  }
}

/// The numbers that go into a layer.
private struct Inputs {
  let weights, a, b, bias, magnitudes, input, outGradient: Matrix

  init(_ example: Example) {
    let (rows, inputs, outputs) = (example.rows, example.inputs, example.outputs)
    weights = Matrix(inputs, outputs, random: 1, scale: 0.3)
    a = Matrix(example.rank, inputs, random: 2, scale: 0.3)
    b = Matrix(outputs, example.rank, random: 3, scale: 0.3)
    bias = Matrix(1, outputs, random: 4)
    magnitudes = Matrix(1, outputs, random: 5)
    for index in magnitudes.floats.indices { magnitudes.floats[index] += 2 }
    input = Matrix(rows, inputs, random: 6)
    outGradient = Matrix(rows, outputs, random: 7)
  }
}

extension Example {
  fileprivate var mask: Dropout? {
    Dropout(probability: dropout, seed: 3, pass: 4, place: 5)
  }

  /// What the run computed, in double precision, with the weights that it kept.
  fileprivate func expected(_ weights: [Double]) -> [(name: String, numbers: [Double])] {
    let inputs = Inputs(self)
    let threadPool = ThreadPool(count: 1)
    let mask = Matrix(rows, self.inputs)
    mask.floats.update(repeating: 1)
    threadPool.drop(mask.view, self.mask)
    func rounded(_ matrix: Matrix) -> [Double] {
      precision == .fp32 ? matrix.doubles : matrix.values.map { Double(nearestBFloat16($0)) }
    }
    let (a, b, x) = (rounded(inputs.a), rounded(inputs.b), rounded(inputs.input))
    let dropped = zip(x, mask.doubles).map { $0 * $1 }
    let s = Double(Run.scaling)
    let hidden = product(dropped, transposed(a, rank, self.inputs), rows, self.inputs, rank)
    let update = product(hidden, transposed(b, outputs, rank), rows, rank, outputs)
    let products = zip(product(x, weights, rows, self.inputs, outputs), update).map { $0 + s * $1 }
    var factors = [Double](repeating: 1, count: outputs)
    var lengths = factors
    if hasMagnitudes {
      let change = product(b, a, outputs, rank, self.inputs)
      for output in 0..<outputs {
        lengths[output] = (0..<self.inputs).reduce(0.0) {
          let number = weights[$1 * outputs + output] + s * change[output * self.inputs + $1]
          return $0 + number * number
        }.squareRoot()
        factors[output] = Double(inputs.magnitudes.floats[output]) / lengths[output]
      }
    }
    func perOutput(_ numbers: [Double], _ change: (Double, Int) -> Double) -> [Double] {
      numbers.enumerated().map { change($1, $0 % outputs) }
    }
    let outGradient = rounded(inputs.outGradient)
    let gradient = perOutput(outGradient) { $0 * factors[$1] }
    let hiddenGradient = product(gradient, b, rows, outputs, rank).map { s * $0 }
    let inputUpdate = product(hiddenGradient, a, rows, rank, self.inputs)
    let inputGradient = zip(
      product(gradient, transposed(weights, self.inputs, outputs), rows, outputs, self.inputs),
      zip(inputUpdate, mask.doubles)
    ).map { $0 + $1.0 * $1.1 }
    var expected = [
      ("out", perOutput(products) { factors[$1] * $0 + inputs.bias.doubles[$1] }),
      ("input gradient", inputGradient),
      (
        "gradient of A",
        product(transposed(hiddenGradient, rows, rank), dropped, rank, rows, self.inputs)
          .map { 1 + $0 }
      ),
      (
        "gradient of B",
        product(transposed(gradient, rows, outputs), hidden, outputs, rows, rank).enumerated().map {
          1 + s * $1
        }
      ),
    ]
    if hasMagnitudes {
      expected.append(
        (
          "gradient of magnitudes",
          (0..<outputs).map { output in
            1
              + (0..<rows).reduce(0) {
                $0 + outGradient[$1 * outputs + output] * products[$1 * outputs + output]
              } / lengths[output]
          }
        ))
    }
    return expected
  }
}

/// a · b, `[rows, inner]` and `[inner, columns]`.
private func product(
  _ a: [Double], _ b: [Double], _ rows: Int, _ inner: Int, _ columns: Int
) -> [Double] {
  var out = [Double](repeating: 0, count: rows * columns)
  for row in 0..<rows {
    for index in 0..<inner {
      let factor = a[row * inner + index]
      for column in 0..<columns {
        out[row * columns + column] += factor * b[index * columns + column]
      }
    }
  }
  return out
}

private func transposed(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
  (0..<columns).flatMap { column in (0..<rows).map { a[$0 * columns + column] } }
}

@Suite("Linear layers with an adapter")
struct LowRankAdapterTests {
  private func check(_ example: Example, within tolerance: Double) {
    let run = Run(example)
    var weights = run.weights
    if example.precision == .bf16 { weights = weights.map(nearestBFloat16) }
    let seen = [run.out, run.inputGradient, run.a, run.b, run.magnitudes]
    for (numbers, expected) in zip(seen, example.expected(weights.map(Double.init))) {
      let size = expected.numbers.reduce(0) { $0 + $1 * $1 }
      let error = zip(numbers, expected.numbers).reduce(0) {
        $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1)
      }
      #expect(numbers.count == expected.numbers.count)
      #expect((error / size).squareRoot() < tolerance, "\(expected.name)")
    }
  }

  @Test("outputs and all gradients agree with the reference", arguments: Example.all)
  private func reference(example: Example) {
    check(example, within: 2e-6)
  }

  @Test(
    "in bfloat16 they agree within its rounding",
    .enabled(if: ThreadPool.multipliesBFloat16, "the processor does not multiply bfloat16"),
    arguments: Example.bfloat16)
  private func bfloat16(example: Example) {
    check(example, within: 1.5e-2)
  }

  @Test("the bits do not depend on the number of threads", arguments: Example.all)
  private func threads(example: Example) {
    let runs = [1, 2, 3].map { threads in
      let run = Run(example, threads: threads)
      return [run.out, run.inputGradient, run.a, run.b, run.magnitudes].flatMap {
        $0.map(\.bitPattern)
      }
    }
    #expect(runs[1] == runs[0] && runs[2] == runs[0])
  }
}
