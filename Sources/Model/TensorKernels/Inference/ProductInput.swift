import CKernels

/// The input of a product in the form in which it is multiplied.
enum ProductInput: Sendable {
  case floats(MatrixView)
  /// Neighbouring channels as pairs of bfloat16.
  case pairs(RowMajorMatrix<UInt32>)
  case integers(IntegerRows)
}

/// Inputs as integers, for weights that are integers.
///
/// In each block of inputs, the largest has 14 bits, in int4 11, and all share a scale, a power of
/// two. They are multiplied and added as integers, so without rounding. What an input loses is
/// little beside what its weight has lost: at most 2⁻¹⁴ of the largest input, where a weight in int8
/// is off by up to 2⁻⁸ of the largest weight; in int4 2⁻¹¹ and 2⁻⁴.
struct IntegerRows: Sendable {
  /// `[rows, stride]`, in an order that the kernels know.
  let integers: VectorView<Int8>
  let stride: Int
  /// `[rows, blocks]`.
  let scales: Floats
  /// `[rows, blocks]`.
  let offsets: VectorView<Int32>

  var forKernels: CKernelsIntegerRows {
    CKernelsIntegerRows(
      integers: integers.base, stride: stride, scales: scales.base, offsets: offsets.base)
  }
}

extension ThreadPool {
  /// Calls `body` with the bfloat16 values of neighbouring channels of `input` as pairs, which are
  /// padded with zero to a multiple of what the processor multiplies at a time.
  func withPairs(_ input: MatrixView, _ body: (_ pairs: RowMajorMatrix<UInt32>) -> Void) {
    let columns = ((input.columns + 1) / 2).roundedUp(toMultipleOf: ckernels_pair_unit())
    // Rows that are a power of two apart would map to few sets of the cache.
    let stride = columns + 16
    let rows = input.rows == 1 ? 1 : input.rows.roundedUp(toMultipleOf: ckernels_pair_tile_rows())
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: rows * stride) { memory in
      let pairs = RowMajorMatrix(
        base: VectorView(memory).base, rows: input.rows, columns: columns, stride: stride)
      split(input.rows, minimum: 16) { rows, _ in
        for row in rows {
          let target = pairs.row(row)
          target[input.columns / 2..<columns].update(repeating: 0)
          ckernels_pairs_of_floats(target.base, input.row(row).base, input.columns)
        }
      }
      body(pairs)
    }
  }

  /// Calls `body` with `input` as integers for a product with `weights`.
  func withIntegers(
    _ input: MatrixView, for weights: WeightMatrix, _ body: (IntegerRows) -> Void
  ) {
    let blocks = input.columns.dividedRoundingUp(by: weights.blockLength)
    // Rows that are a power of two apart would map to few sets of the cache.
    let stride = 2 * input.columns.roundedUp(toMultipleOf: WeightMatrix.int8Unit) + 64
    let rows = input.rows == 1 ? 1 : input.rows.roundedUp(toMultipleOf: ckernels_pair_tile_rows())
    withUnsafeTemporaryAllocation(of: Int8.self, capacity: rows * stride) { integers in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * blocks) { scales in
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: rows * blocks) { offsets in
          let integers = IntegerRows(
            integers: VectorView(integers), stride: stride, scales: VectorView(scales),
            offsets: VectorView(offsets))
          let round =
            if case .int4 = weights.storage { ckernels_int4_inputs } else { ckernels_int8_inputs }
          split(input.rows, minimum: 16) { rows, _ in
            for row in rows { round(integers.forKernels, row, input.row(row).base, input.columns) }
          }
          body(integers)
        }
      }
    }
  }
}
