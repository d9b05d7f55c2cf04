import CKernels

// Operations over activations of either precision. Those in bfloat16 are computed in single
// precision, a few rows or numbers at a time, in memory that stays in the cache.

extension ThreadPool {
  /// ``layerNorm(_:mean:rstd:_:weight:bias:epsilon:)`` whose output may be of either precision.
  public func layerNorm(
    _ out: ActivationMatrix, mean: Floats, rstd: Floats, _ input: MatrixView, weight: Floats,
    bias: Floats, epsilon: Float
  ) {
    switch out {
    case .fp32(let out):
      layerNorm(
        out, mean: mean, rstd: rstd, input, weight: weight, bias: bias, epsilon: epsilon)
    case .bf16:
      let channels = input.columns
      precondition(out.rows == input.rows && out.columns == channels)
      precondition(mean.count == input.rows && rstd.count == input.rows)
      precondition(weight.count == channels && bias.count == channels)
      storeRows(out) { floats, row in
        ckernels_layer_norm(
          floats, base(mean) + row, base(rstd) + row, base(input.row(row)), base(weight),
          base(bias), 1, channels, epsilon)
      }
    }
  }

  /// ``layerNormAgain(_:mean:rstd:_:weight:bias:)`` whose output may be of either precision.
  public func layerNormAgain(
    _ out: ActivationMatrix, mean: Floats, rstd: Floats, _ input: MatrixView, weight: Floats,
    bias: Floats
  ) {
    switch out {
    case .fp32(let out):
      layerNormAgain(out, mean: mean, rstd: rstd, input, weight: weight, bias: bias)
    case .bf16:
      let channels = input.columns
      precondition(out.rows == input.rows && out.columns == channels)
      precondition(mean.count == input.rows && rstd.count == input.rows)
      precondition(weight.count == channels && bias.count == channels)
      storeRows(out) { floats, row in
        ckernels_layer_norm_again(
          floats, base(mean) + row, base(rstd) + row, base(input.row(row)), base(weight),
          base(bias), 1, channels)
      }
    }
  }

  /// ``activate(_:_:_:)`` over activations of one precision.
  public func activate(
    _ out: ActivationMatrix, _ input: ActivationMatrix, _ activation: Activation
  ) {
    precondition(out.rows == input.rows && out.columns == input.columns)
    if case .fp32(let out) = out, case .fp32(let input) = input {
      return activate(out, input, activation)
    }
    let kernel = activation.kernel
    storeRows(out, with: input) { floats, numbers, _ in
      ckernels_activation(kernel, floats, numbers, input.columns)
    }
  }

  /// ``activateBackward(_:_:_:)`` over activations of one precision.
  public func activateBackward(
    _ gradient: ActivationMatrix, _ input: ActivationMatrix, _ activation: Activation
  ) {
    precondition(gradient.rows == input.rows && gradient.columns == input.columns)
    if case .fp32(let gradient) = gradient, case .fp32(let input) = input {
      return activateBackward(gradient, input, activation)
    }
    let kernel = activation.kernel
    storeRows(gradient, with: input) { floats, numbers, row in
      gradient.load(floats, row: row, columns: 0..<gradient.columns)
      ckernels_activation_backward(kernel, floats, numbers, input.columns)
    }
  }

  /// ``drop(_:from:_:)`` whose output may be of either precision.
  public func drop(_ out: ActivationMatrix, from input: MatrixView, _ dropout: Dropout?) {
    if case .fp32(let out) = out { return drop(out, from: input, dropout) }
    precondition(out.rows == input.rows && out.columns == input.columns)
    let columns = input.columns
    storeRows(out) { floats, row in
      if let dropout {
        dropout.apply(
          floats, from: base(input.row(row)), count: columns, rowNumber: row, width: columns)
      } else {
        floats.update(from: base(input.row(row)), count: columns)
      }
    }
  }

  /// ``addRowSum(_:_:scratch:)`` of an input of either precision.
  public func addRowSum(_ out: Floats, _ input: ActivationMatrix, scratch: Floats) {
    if case .fp32(let input) = input { return addRowSum(out, input, scratch: scratch) }
    let channels = input.columns
    precondition(out.count == channels)
    precondition(scratch.count >= Self.rowGradientScratch(channels: channels))
    let parts = base(scratch)
    parts.update(repeating: 0, count: Self.gradientParts * channels)
    split(input.rows, minimum: 1, maximumPieces: Self.gradientParts) { rows, part in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: channels) { floats in
        for row in rows {
          input.load(base(floats), row: row, columns: 0..<channels)
          ckernels_add(parts + part * channels, base(floats), channels)
        }
      }
    }
    for part in 0..<Self.gradientParts {
      ckernels_add(base(out), parts + part * channels, channels)
    }
  }

  /// The gradients of logits, in bfloat16 and in the memory of `matrix`, which is lost.
  ///
  /// A row's halves lie where its floats began.
  public func halvedInPlace(_ matrix: MatrixView) -> ActivationMatrix {
    let memory = UnsafeMutableRawPointer(matrix.base).assumingMemoryBound(to: UInt16.self)
    let halves = BFloat16Matrix(
      base: memory, rows: matrix.rows, columns: matrix.columns, stride: 2 * matrix.stride)
    splitRows(matrix.rows, of: matrix.columns) { rows in
      for row in rows { ckernels_halve_in_place(halves.row(row), matrix.columns) }
    }
    return .bf16(halves)
  }

  /// The nearest bfloat16 of all `floats`.
  public func halve(_ out: UnsafeMutableBufferPointer<UInt16>, _ floats: Floats) {
    precondition(out.count == floats.count)
    split(floats.count, minimum: 1 << 16, maximumPieces: 64) { range, _ in
      ckernels_bfloat16_of_floats(
        base(out) + range.lowerBound, base(floats) + range.lowerBound, range.count)
    }
  }

  /// Calls `make` for each row with memory for its numbers, which go into `out`, and with those of
  /// the row of `input`.
  private func storeRows(
    _ out: ActivationMatrix, with input: ActivationMatrix,
    _ make: (
      _ floats: UnsafeMutablePointer<Float>, _ numbers: UnsafeMutablePointer<Float>, _ row: Int
    ) -> Void
  ) {
    let columns = out.columns
    splitRows(out.rows, of: columns) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columns) { memory in
        let (floats, numbers) = (base(memory), base(memory) + columns)
        for row in rows {
          input.load(numbers, row: row, columns: 0..<columns)
          make(floats, numbers, row)
          out.store(floats, row: row, columns: 0..<columns)
        }
      }
    }
  }

  /// Calls `make` for each row with memory for its numbers, and puts them into `out`.
  private func storeRows(
    _ out: ActivationMatrix, _ make: (_ floats: UnsafeMutablePointer<Float>, _ row: Int) -> Void
  ) {
    splitRows(out.rows, of: out.columns) { rows in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: out.columns) { floats in
        for row in rows {
          make(base(floats), row)
          out.store(base(floats), row: row, columns: 0..<out.columns)
        }
      }
    }
  }
}
