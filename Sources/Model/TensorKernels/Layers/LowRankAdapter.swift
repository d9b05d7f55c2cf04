/// A trained update of low rank of a linear layer's frozen weights W (LoRA, Hu and others 2021):
/// out = input · W + scaling · dropped(input) · Aᵀ · Bᵀ + bias.
///
/// With magnitudes (DoRA, Liu and others 2024) each output of both products is multiplied by
/// magnitude / length, where the lengths are those of the columns of W + scaling · (B · A)ᵀ.
public struct LowRankAdapter: Sendable {
  /// `[rank, inputs]` and `[outputs, rank]`, in the precision of products.
  let a, b: ActivationMatrix
  /// What the product of the factors is multiplied by.
  let scaling: Float
  let magnitudes: Magnitudes?

  /// What DoRA needs.
  public struct Magnitudes: Sendable {
    /// `[outputs]`.
    let values: Floats
    /// The squares of the lengths of the columns of W, `[outputs]`.
    let squares: Floats
    /// The factors in single precision.
    let a, b: MatrixView

    public init(_ values: Floats, squares: Floats, a: MatrixView, b: MatrixView) {
      precondition(values.count == b.rows && squares.count == b.rows)
      (self.values, self.squares, self.a, self.b) = (values, squares, a, b)
    }
  }

  public init(
    a: ActivationMatrix, b: ActivationMatrix, scaling: Float, magnitudes: Magnitudes? = nil
  ) {
    precondition(a.rows == b.columns)
    (self.a, self.b, self.scaling, self.magnitudes) = (a, b, scaling, magnitudes)
  }

  var rank: Int { a.rows }
  var inputs: Int { a.columns }
  var outputs: Int { b.rows }
}

/// Where the gradients of an adapter are accumulated, in the shapes of its parameters.
public struct LowRankGradient: Sendable {
  let a, b: MatrixView
  let magnitudes: Floats?

  public init(a: MatrixView, b: MatrixView, magnitudes: Floats? = nil) {
    (self.a, self.b, self.magnitudes) = (a, b, magnitudes)
  }
}

/// What a pass keeps of an adapter from its forward pass for the backward pass, and the memory that
/// both work in.
public struct LowRankPass: Sendable {
  /// scaling · dropped(input) · Aᵀ, `[rows, rank]`.
  let hidden: ActivationMatrix
  /// magnitude / length, `[outputs]`; used only with magnitudes.
  let factors: Floats
  /// A copy of the layer's output, `[rows, outputs]`, which the gradient of the magnitudes needs;
  /// `nil` if the output itself is still there then.
  let out: ActivationMatrix?
  /// Drops elements of the input, on its way to A only.
  let dropout: Dropout?
  let scratch: LowRankScratch

  public init(
    hidden: ActivationMatrix, factors: Floats, out: ActivationMatrix?, dropout: Dropout?,
    scratch: LowRankScratch
  ) {
    (self.hidden, self.factors, self.out) = (hidden, factors, out)
    (self.dropout, self.scratch) = (dropout, scratch)
  }
}

/// Memory for the products of adapters, shared by all layers of a pass.
public struct LowRankScratch: Sendable {
  /// The rows whose products a thread computes together.
  static let block = 64
  /// The parts of the rows whose gradients are summed separately.
  static let parts = 8

  /// scaling · outGradient · B, `[rows, rank]`.
  let hiddenGradient: ActivationArena
  /// Each thread's dropped-out input, `[block, inputs]`.
  let dropped: ActivationArena
  /// Each thread's sums in single precision, `[block, inputs or rank]`.
  let floats: FloatArena
  /// The gradients of A, B and magnitudes over each part of the rows.
  let sums: FloatArena
  private let channels, width: Int

  /// Memory for layers of up to `channels` inputs or outputs and `rank`, for `rows` rows.
  public init(
    rows: Int, channels: Int, rank: Int, _ precision: Precision, threads: Int, dropsOut: Bool
  ) {
    self.channels = channels
    width = max(channels, rank)
    hiddenGradient = ActivationArena(count: rows * rank, precision)
    dropped = ActivationArena(count: dropsOut ? threads * Self.block * channels : 0, precision)
    floats = FloatArena(count: threads * Self.block * width)
    sums = FloatArena(count: Self.parts * 2 * channels * max(rank, 2))
  }

  /// Memory of `thread` for some rows of the dropped-out input.
  func dropped(_ thread: Int, rows: Int, columns: Int) -> ActivationMatrix {
    precondition(rows <= Self.block && columns <= channels)
    return dropped.matrix(at: thread * Self.block * channels, rows: rows, columns: columns)
  }

  /// Memory of `thread` for sums, `[rows, columns]`.
  func floats(_ thread: Int, rows: Int, columns: Int) -> MatrixView {
    precondition(rows <= Self.block && columns <= width)
    return floats.matrix(at: thread * Self.block * width, rows: rows, columns: columns)
  }
}
