import CKernels

/// The random mask of one dropout in the model: which elements are set to zero.
///
/// The mask of an element depends on the seed, the pass, the place and the element's row and
/// column alone (counter-based generator Philox 4x32-10), so that the backward pass makes it again
/// instead of keeping it, and so that it does not depend on the number of threads.
public struct Dropout: Sendable {
  /// The share of the elements that is dropped, 0 ≤ p < 1.
  public let probability: Float
  let kernel: CKernelsDropout

  /// The dropout at `place` of the model in the forward and backward pass number `pass`.
  ///
  /// `nil` if the probability is 0: then nothing is to be done.
  public init?(probability: Float, seed: UInt64, pass: UInt32, place: UInt32) {
    precondition(probability >= 0 && probability < 1)
    guard probability > 0 else { return nil }
    self.probability = probability
    // Elements take 16 random bits; the scale is that of the share which is really dropped.
    let threshold = UInt32((probability * 0x1p16).rounded())
    kernel = CKernelsDropout(
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      stream: (pass, place), threshold: threshold, scale: 0x1p16 / (0x1p16 - Float(threshold)))
  }

  /// Drops elements of the first `count` floats of `row`, in place.
  ///
  /// Rows of one matrix have numbers of their own; `width` is the length of the longest row.
  func apply(_ row: UnsafeMutablePointer<Float>, count: Int, rowNumber: Int, width: Int) {
    apply(row, from: UnsafePointer(row), count: count, rowNumber: rowNumber, width: width)
  }

  func apply(
    _ out: UnsafeMutablePointer<Float>, from row: UnsafePointer<Float>, count: Int, rowNumber: Int,
    width: Int
  ) {
    // A row begins with a new stretch, which is what the kernel works on; eight elements a group.
    let stretch = Int(CKERNELS_DROPOUT_STRETCH)
    let groups = (width + stretch - 1) / stretch * (stretch / 8)
    withUnsafePointer(to: kernel) {
      ckernels_dropout(out, row, $0, UInt64(rowNumber) * UInt64(groups), count)
    }
  }
}

extension ThreadPool {
  /// Drops elements of `matrix`, in place.
  public func drop(_ matrix: MatrixView, _ dropout: Dropout?) {
    guard let dropout else { return }
    split(matrix.rows, minimum: max(1, 4096 / max(1, matrix.columns))) { rows, _ in
      for row in rows {
        dropout.apply(
          matrix.base + row * matrix.stride, count: matrix.columns, rowNumber: row,
          width: matrix.columns)
      }
    }
  }

  /// out = dropped-out input.
  public func drop(_ out: MatrixView, from input: MatrixView, _ dropout: Dropout?) {
    precondition(out.rows == input.rows && out.columns == input.columns)
    split(input.rows, minimum: max(1, 4096 / max(1, input.columns))) { rows, _ in
      for row in rows {
        let (y, x) = (out.base + row * out.stride, input.base + row * input.stride)
        if let dropout {
          dropout.apply(y, from: x, count: input.columns, rowNumber: row, width: input.columns)
        } else {
          y.update(from: x, count: input.columns)
        }
      }
    }
  }

  /// out = residual + dropped-out branch; `branch` is overwritten.
  public func addResidual(
    _ out: MatrixView, _ residual: MatrixView, branch: MatrixView, _ dropout: Dropout?
  ) {
    precondition(out.rows == branch.rows && out.columns == branch.columns)
    precondition(out.rows == residual.rows && out.columns == residual.columns)
    let columns = out.columns
    split(out.rows, minimum: max(1, 4096 / max(1, columns))) { rows, _ in
      for row in rows {
        let b = branch.base + row * branch.stride
        dropout?.apply(b, count: columns, rowNumber: row, width: columns)
        let (y, x) = (out.base + row * out.stride, residual.base + row * residual.stride)
        if y == x { ckernels_add(y, b, columns) } else { ckernels_sum(y, x, b, columns) }
      }
    }
  }
}
