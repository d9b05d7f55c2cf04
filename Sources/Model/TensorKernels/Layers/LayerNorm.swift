import CKernels

/// The parameters of a layer normalization, `[channels]`.
public struct LayerNorm: Sendable {
  public let weight: Floats
  public let bias: Floats

  public init(weight: Floats, bias: Floats) {
    precondition(weight.count == bias.count)
    (self.weight, self.bias) = (weight, bias)
  }
}

/// Where the gradients of a layer normalization are accumulated, `[channels]`; `nil` for parameters
/// that are not trained.
public struct LayerNormGradient: Sendable {
  let weight, bias: Floats?

  public init(weight: Floats?, bias: Floats?) {
    (self.weight, self.bias) = (weight, bias)
  }
}

/// Mean and 1/√(variance + epsilon) of each row, `[rows]`, which the backward pass needs.
public struct RowStatistics: Sendable {
  public let mean: Floats
  public let rstd: Floats

  public init(mean: Floats, rstd: Floats) {
    precondition(mean.count == rstd.count)
    (self.mean, self.rstd) = (mean, rstd)
  }
}

extension ThreadPool {
  /// Layer normalization of each row.
  ///
  /// - Parameters:
  ///   - out: `[rows, channels]`, overwritten.
  ///   - statistics: Overwritten by those of `input`.
  ///   - input: `[rows, channels]`.
  ///   - norm: The parameters.
  ///   - epsilon: Added to the (biased) variance.
  public func layerNorm(
    _ out: ActivationMatrix, _ statistics: RowStatistics, _ input: MatrixView, _ norm: LayerNorm,
    epsilon: Float
  ) {
    check(out, statistics, input, norm)
    computeRows(out) { floats, row in
      ckernels_layer_norm(
        floats, statistics.mean.base + row, statistics.rstd.base + row, input.row(row).base,
        norm.weight.base, norm.bias.base, input.columns, epsilon)
    }
  }

  /// Recomputes the output of ``layerNorm(_:_:_:_:epsilon:)`` from the statistics it left.
  public func recomputeLayerNorm(
    _ out: ActivationMatrix, _ statistics: RowStatistics, _ input: MatrixView, _ norm: LayerNorm
  ) {
    check(out, statistics, input, norm)
    computeRows(out) { floats, row in
      ckernels_normalize(
        floats, statistics.mean[row], statistics.rstd[row], input.row(row).base, norm.weight.base,
        norm.bias.base, input.columns)
    }
  }

  /// Adds the gradients of layer normalization.
  ///
  /// - Parameters:
  ///   - norm: The parameters.
  ///   - gradient: Their gradients, added to.
  ///   - inputGradient: `[rows, channels]`, added to.
  ///   - outGradient: `[rows, channels]`.
  ///   - statistics: As the forward pass left them.
  ///   - input: `[rows, channels]`.
  ///   - scratch: ``rowGradientScratch(channels:)`` floats or more.
  public func layerNormBackward(
    _ norm: LayerNorm, gradient: LayerNormGradient, inputGradient: MatrixView,
    outGradient: MatrixView,
    _ statistics: RowStatistics, input: MatrixView, scratch: Floats
  ) {
    let channels = input.columns
    precondition(inputGradient.isContiguous && outGradient.isContiguous && input.isContiguous)
    precondition(inputGradient.rows == input.rows && inputGradient.columns == channels)
    check(.fp32(outGradient), statistics, input, norm)
    addRowGradients(
      [gradient.weight, gradient.bias], channels: channels, rows: input.rows, scratch
    ) { rows, sums in
      ckernels_layer_norm_backward(
        inputGradient.row(rows.lowerBound).base, sums[0].base, sums[1].base,
        outGradient.row(rows.lowerBound).base, statistics.mean.base + rows.lowerBound,
        statistics.rstd.base + rows.lowerBound, input.row(rows.lowerBound).base, norm.weight.base,
        rows.count, channels)
    }
  }

  private func check(
    _ out: ActivationMatrix, _ statistics: RowStatistics, _ input: MatrixView, _ norm: LayerNorm
  ) {
    precondition(out.rows == input.rows && out.columns == input.columns)
    precondition(statistics.mean.count == input.rows && norm.weight.count == input.columns)
  }
}
