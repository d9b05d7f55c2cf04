import CKernels

/// The minimum number of floats that a thread should work on.
private let worthwhile = 8192

/// The number of parts of the rows whose gradients a backward pass sums separately.
private let gradientParts = 8

// Rows of bfloat16 are computed in single precision, one row at a time, in memory that stays in the
// cache.
extension ThreadPool {
  /// Calls `body` for ranges of `rows` rows of `columns` numbers, in parallel.
  func splitRows(_ rows: Int, of columns: Int, _ body: @Sendable (Range<Int>) -> Void) {
    split(rows, minimum: max(1, worthwhile / max(1, columns))) { range, _ in body(range) }
  }

  /// Computes each row of `out`, in parallel: `compute` fills its floats.
  func computeRows(
    _ out: ActivationMatrix,
    _ compute: @Sendable (_ out: UnsafeMutablePointer<Float>, _ row: Int) -> Void
  ) {
    splitRows(out.rows, of: out.columns) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: out.columns) { memory in
        let memory = VectorView(memory).base
        for row in rows {
          let target = out.target(row: row, memory: memory)
          compute(target, row)
          out.store(target, row: row)
        }
      }
    }
  }

  /// Computes each row of `out` from the same row of `input`, in parallel: `compute` fills its
  /// floats or, with `loading`, changes them.
  func computeRows(
    _ out: ActivationMatrix, from input: ActivationMatrix, loading: Bool = false,
    _ compute:
      @Sendable (
        _ out: UnsafeMutablePointer<Float>, _ input: UnsafeMutablePointer<Float>, _ columns: Int
      ) -> Void
  ) {
    precondition(out.rows == input.rows && out.columns == input.columns)
    let columns = out.columns
    splitRows(out.rows, of: columns) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columns) { memory in
        let memory = VectorView(memory).base
        for row in rows {
          let target =
            loading
            ? out.floats(ofRow: row, copiedTo: memory) : out.target(row: row, memory: memory)
          compute(target, input.floats(ofRow: row, copiedTo: memory + columns), columns)
          out.store(target, row: row)
        }
      }
    }
  }

  // MARK: - Sums over rows

  /// How many floats of scratch memory the backward passes of rows of `channels` need.
  public static func rowGradientScratch(channels: Int) -> Int { 2 * gradientParts * channels }

  /// Adds to `gradients`, all of `channels` floats, what `add` adds for all rows; to those that are
  /// `nil`, nothing.
  ///
  /// The rows are summed in a fixed number of parts, so that the result does not depend on the
  /// number of threads.
  func addRowGradients(
    _ gradients: [Floats?], channels: Int, rows: Int, _ scratch: Floats,
    _ add: @Sendable (_ rows: Range<Int>, _ sums: [Floats]) -> Void
  ) {
    precondition(gradients.allSatisfy { $0.map { $0.count == channels } ?? true })
    let parts = scratch[0..<gradientParts * gradients.count * channels]
    parts.update(repeating: 0)
    let sums = (0..<gradientParts).map { part in
      gradients.indices.map { index in
        let start = (part * gradients.count + index) * channels
        return parts[start..<start + channels]
      }
    }
    split(rows, minimum: 1, maximumPieces: gradientParts) { rows, part in add(rows, sums[part]) }
    for sums in sums {
      for (gradient, sum) in zip(gradients, sums) {
        if let gradient { ckernels_add(gradient.base, sum.base, channels) }
      }
    }
  }

  /// Adds the sum of the rows of `input` to `out`, `[columns]`.
  ///
  /// `scratch` is ``rowGradientScratch(channels:)`` floats or more.
  public func addRowSum(_ out: Floats, _ input: ActivationMatrix, scratch: Floats) {
    let channels = input.columns
    precondition(out.count == channels)
    addRowGradients([out], channels: channels, rows: input.rows, scratch) { rows, sums in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: channels) { memory in
        let memory = VectorView(memory).base
        for row in rows {
          ckernels_add(sums[0].base, input.floats(ofRow: row, copiedTo: memory), channels)
        }
      }
    }
  }

  // MARK: - Copies and conversions

  /// Adds `terms` to `sums`, of the same count.
  public func add(_ terms: Floats, to sums: Floats) {
    precondition(terms.count == sums.count)
    split(sums.count, minimum: 1 << 16) { range, _ in
      ckernels_add(sums[range].base, terms[range].base, range.count)
    }
  }

  /// Copies `floats` to `copy`, of the same count.
  public func copy(_ floats: Floats, to copy: Floats) {
    split(floats.count, minimum: 1 << 16) { range, _ in copy[range].update(from: floats[range]) }
  }

  /// Copies `row`, `[columns]`, into each row of `out`.
  public func fillRows(_ out: MatrixView, with row: Floats) {
    precondition(row.count == out.columns)
    splitRows(out.rows, of: out.columns) { rows in
      for index in rows { out.row(index).update(from: row) }
    }
  }

  /// Sets all `floats` to zero.
  public func clear(_ floats: Floats) {
    split(floats.count, minimum: 1 << 16) { range, _ in floats[range].update(repeating: 0) }
  }

  /// Sets `out` to the nearest bfloat16 of all `floats`.
  public func roundToBFloat16(_ out: VectorView<UInt16>, _ floats: Floats) {
    precondition(out.count == floats.count)
    split(floats.count, minimum: 1 << 16, maximumPieces: 64) { range, _ in
      ckernels_bfloat16_of_floats(out[range].base, floats[range].base, range.count)
    }
  }

  /// Replaces the floats of `matrix` with the nearest bfloat16, in its memory; the floats are lost.
  ///
  /// A row of bfloat16 begins where the row of floats began.
  public func roundToBFloat16InPlace(_ matrix: MatrixView) -> ActivationMatrix {
    let rounded = BFloat16Matrix(
      base: UnsafeMutableRawPointer(matrix.base).assumingMemoryBound(to: UInt16.self),
      rows: matrix.rows, columns: matrix.columns, stride: 2 * matrix.stride)
    splitRows(matrix.rows, of: matrix.columns) { rows in
      for row in rows {
        ckernels_round_to_bfloat16_in_place(rounded.row(row).base, matrix.columns)
      }
    }
    return .bf16(rounded)
  }
}
