import CKernels

public typealias Floats = UnsafeMutableBufferPointer<Float>

/// How many floats a thread should at least have to work on.
private let worthwhile = 8192

extension ThreadPool {
  func splitRows(_ rows: Int, of columns: Int, _ body: (Range<Int>) -> Void) {
    split(rows, minimum: max(1, worthwhile / max(1, columns))) { range, _ in body(range) }
  }

  /// Layer normalization of each row.
  ///
  /// - Parameters:
  ///   - out: `[rows, channels]`, overwritten.
  ///   - mean: `[rows]`, overwritten by the mean of each row.
  ///   - rstd: `[rows]`, overwritten by 1 / √(variance + epsilon) of each row.
  ///   - input: `[rows, channels]`.
  ///   - weight: `[channels]`.
  ///   - bias: `[channels]`.
  ///   - epsilon: Added to the (biased) variance.
  public func layerNorm(
    _ out: MatrixView, mean: Floats, rstd: Floats, _ input: MatrixView, weight: Floats,
    bias: Floats, epsilon: Float
  ) {
    let channels = input.columns
    precondition(input.isContiguous && out.isContiguous)
    precondition(out.rows == input.rows && out.columns == channels)
    precondition(mean.count == input.rows && rstd.count == input.rows)
    precondition(weight.count == channels && bias.count == channels)
    splitRows(input.rows, of: channels) { rows in
      ckernels_layer_norm(
        base(out.rows(rows).floats), base(mean) + rows.lowerBound, base(rstd) + rows.lowerBound,
        base(input.rows(rows).floats), base(weight), base(bias), rows.count, channels, epsilon)
    }
  }

  /// The output of ``layerNorm(_:mean:rstd:_:weight:bias:epsilon:)`` again, from what it kept.
  public func layerNormAgain(
    _ out: MatrixView, mean: Floats, rstd: Floats, _ input: MatrixView, weight: Floats,
    bias: Floats
  ) {
    let channels = input.columns
    precondition(input.isContiguous && out.isContiguous)
    precondition(out.rows == input.rows && out.columns == channels)
    precondition(mean.count == input.rows && rstd.count == input.rows)
    precondition(weight.count == channels && bias.count == channels)
    splitRows(input.rows, of: channels) { rows in
      ckernels_layer_norm_again(
        base(out.rows(rows).floats), base(mean) + rows.lowerBound, base(rstd) + rows.lowerBound,
        base(input.rows(rows).floats), base(weight), base(bias), rows.count, channels)
    }
  }

  /// The number of parts whose parameter gradients are summed apart in a backward pass.
  static let gradientParts = 8

  /// How many floats of scratch memory the backward passes of rows of `channels` need.
  public static func rowGradientScratch(channels: Int) -> Int {
    2 * gradientParts * channels
  }

  /// Adds the gradients of layer normalization.
  ///
  /// - Parameters:
  ///   - inputGradient: `[rows, channels]`, added to.
  ///   - weightGradient: `[channels]`, added to.
  ///   - biasGradient: `[channels]`, added to.
  ///   - outGradient: `[rows, channels]`.
  ///   - mean: `[rows]`, as the forward pass kept it.
  ///   - rstd: `[rows]`, as the forward pass kept it.
  ///   - input: `[rows, channels]`.
  ///   - weight: `[channels]`.
  ///   - scratch: ``rowGradientScratch(channels:)`` floats or more.
  public func layerNormBackward(
    inputGradient: MatrixView, weightGradient: Floats, biasGradient: Floats,
    outGradient: MatrixView, mean: Floats, rstd: Floats, input: MatrixView, weight: Floats,
    scratch: Floats
  ) {
    let channels = input.columns
    precondition(inputGradient.isContiguous && outGradient.isContiguous && input.isContiguous)
    precondition(inputGradient.rows == input.rows && inputGradient.columns == channels)
    precondition(outGradient.rows == input.rows && outGradient.columns == channels)
    precondition(mean.count == input.rows && rstd.count == input.rows)
    precondition(weightGradient.count == channels && biasGradient.count == channels)
    precondition(weight.count == channels)
    precondition(scratch.count >= Self.rowGradientScratch(channels: channels))
    let parts = base(scratch)
    parts.update(repeating: 0, count: 2 * Self.gradientParts * channels)
    split(input.rows, minimum: 1, maximumPieces: Self.gradientParts) { rows, part in
      ckernels_layer_norm_backward(
        base(inputGradient.rows(rows).floats), parts + 2 * part * channels,
        parts + (2 * part + 1) * channels, base(outGradient.rows(rows).floats),
        base(mean) + rows.lowerBound, base(rstd) + rows.lowerBound,
        base(input.rows(rows).floats), base(weight), rows.count, channels)
    }
    for part in 0..<Self.gradientParts {
      ckernels_add(base(weightGradient), parts + 2 * part * channels, channels)
      ckernels_add(base(biasGradient), parts + (2 * part + 1) * channels, channels)
    }
  }

  /// Copies `row`, `[columns]`, into each row of `out`.
  public func fillRows(_ out: MatrixView, with row: Floats) {
    precondition(out.isContiguous && row.count == out.columns)
    splitRows(out.rows, of: out.columns) { rows in
      ckernels_fill_rows(base(out.rows(rows).floats), base(row), rows.count, out.columns)
    }
  }

  /// Adds the sum of the rows of `input` to `out`, `[columns]`.
  ///
  /// `scratch` is ``rowGradientScratch(channels:)`` floats or more.
  public func addRowSum(_ out: Floats, _ input: MatrixView, scratch: Floats) {
    let channels = input.columns
    precondition(input.isContiguous && out.count == channels)
    precondition(scratch.count >= Self.rowGradientScratch(channels: channels))
    let parts = base(scratch)
    parts.update(repeating: 0, count: Self.gradientParts * channels)
    split(input.rows, minimum: 1, maximumPieces: Self.gradientParts) { rows, part in
      ckernels_add_row_sum(
        parts + part * channels, base(input.rows(rows).floats), rows.count, channels)
    }
    for part in 0..<Self.gradientParts {
      ckernels_add(base(out), parts + part * channels, channels)
    }
  }

  /// out = activation(input), over all floats of two matrices of the same shape.
  public func activate(_ out: MatrixView, _ input: MatrixView, _ activation: Activation) {
    precondition(out.floats.count == input.floats.count)
    let kernel = activation.kernel
    split(input.floats.count, minimum: worthwhile) { range, _ in
      ckernels_activation(
        kernel, base(out.floats) + range.lowerBound, base(input.floats) + range.lowerBound,
        range.count)
    }
  }

  /// gradient *= activation′(input), over all floats of two matrices of the same shape.
  public func activateBackward(
    _ gradient: MatrixView, _ input: MatrixView, _ activation: Activation
  ) {
    precondition(gradient.floats.count == input.floats.count)
    let kernel = activation.kernel
    split(input.floats.count, minimum: worthwhile) { range, _ in
      ckernels_activation_backward(
        kernel, base(gradient.floats) + range.lowerBound, base(input.floats) + range.lowerBound,
        range.count)
    }
  }

  /// y += x, over all floats of two matrices of the same shape.
  public func add(_ y: MatrixView, _ x: MatrixView) {
    precondition(y.floats.count == x.floats.count)
    split(x.floats.count, minimum: worthwhile) { range, _ in
      ckernels_add(
        base(y.floats) + range.lowerBound, base(x.floats) + range.lowerBound, range.count)
    }
  }

  /// The square root of the sum of the squares of `floats`.
  public func norm(_ floats: Floats) -> Double {
    let parts = 16
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
      sums.initialize(repeating: 0)
      split(floats.count, minimum: worthwhile, maximumPieces: parts) { range, part in
        sums[part] = ckernels_sum_of_squares(base(floats) + range.lowerBound, range.count)
      }
      return sums.reduce(0, +).squareRoot()
    }
  }

  /// Sets all `floats` to zero.
  public func clear(_ floats: Floats) {
    split(floats.count, minimum: 1 << 16) { range, _ in
      (base(floats) + range.lowerBound).update(repeating: 0, count: range.count)
    }
  }
}
