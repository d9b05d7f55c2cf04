import CKernels

/// The shape of causal self-attention over `qkv`, `[batchSize · sequenceLength, 3 · channels]`: the
/// query, key and value of each position in turn, and within each, head after head.
public struct AttentionShape: Sendable {
  public let batchSize: Int
  public let sequenceLength: Int
  public let heads: Int
  public let channels: Int
  /// What the scores are multiplied by, usually 1 / √(channels of a head).
  public let scale: Float

  public init(batchSize: Int, sequenceLength: Int, heads: Int, channels: Int, scale: Float) {
    precondition(channels % heads == 0, "the channels are not divisible by the heads")
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    self.heads = heads
    self.channels = channels
    self.scale = scale
  }

  /// Channels of a head.
  public var headSize: Int { channels / heads }

  /// Rows of `qkv`.
  public var rows: Int { batchSize * sequenceLength }

  /// The number of queries scored at a time, against the keys that the last of them sees.
  fileprivate static let queryBlock = 64

  /// How many floats of scratch memory each thread needs.
  public var scratchPerThread: Int { (3 * Self.queryBlock + 8 * headSize) * sequenceLength }

  /// Whether our own products compute it, which convert bfloat16 as they need it.
  fileprivate var isPacked: Bool {
    let (queries, keys, size) = (Self.queryBlock, sequenceLength, headSize)
    return ThreadPool.packsSmall(rows: queries, columns: keys, inner: size)
      && ThreadPool.packsSmall(rows: queries, columns: size, inner: keys)
      && ThreadPool.packsSmall(rows: keys, columns: size, inner: queries)
  }

  /// The ranges of queries that are scored together.
  fileprivate var queryBlocks: some Sequence<Range<Int>> {
    stride(from: 0, to: sequenceLength, by: Self.queryBlock).lazy.map {
      $0..<min(sequenceLength, $0 + Self.queryBlock)
    }
  }
}

extension ThreadPool {
  /// Causal self-attention of each head of each sequence.
  ///
  /// - Parameters:
  ///   - out: `[rows, channels]`, overwritten.
  ///   - logSumExp: `[batchSize · heads · sequenceLength]`, overwritten by the logarithm of the sum
  ///     of the exponentials of each softmax, which the backward pass needs.
  ///   - qkv: `[rows, 3 · channels]`, in the precision of `out`.
  ///   - shape: The sizes.
  ///   - dropout: Drops attention weights.
  ///   - scratch: ``AttentionShape/scratchPerThread`` floats for each thread.
  public func attention(
    _ out: ActivationMatrix, logSumExp: Floats, _ qkv: ActivationMatrix, _ shape: AttentionShape,
    dropout: Dropout?, scratch: Floats
  ) {
    check(out, logSumExp, qkv, shape, scratch)
    let length = shape.sequenceLength
    run(shape.batchSize * shape.heads) { piece, thread in
      let workspace = Workspace(scratch, shape, thread)
      let head = AttentionHead(qkv, out, shape, piece, workspace.head(0))
      let (queries, keys, values) = (
        head.queries.loaded, head.keys.loaded, head.values.loaded
      )
      for rows in shape.queryBlocks {
        let visible = 0..<rows.upperBound
        let scores = workspace.matrix(0, rows, visible)
        multiply(
          .fp32(scores), queries.rows(rows).asIs, keys.rows(visible).transposed, shape,
          factor: shape.scale, thread)
        for (index, row) in rows.enumerated() {
          let maskRow = piece * length + row
          let weights = scores.row(index).base
          logSumExp[maskRow] = ckernels_softmax(weights, row + 1, visible.count)
          dropout?.apply(weights, from: weights, count: row + 1, row: maskRow, columns: length)
        }
        multiply(
          head.out.target.rows(rows), .fp32(scores.asIs), values.rows(visible).asIs, shape, thread)
      }
      head.out.store()
    }
  }

  /// The gradient of `qkv` from that of the output of causal self-attention.
  ///
  /// - Parameters:
  ///   - qkvGradient: `[rows, 3 · channels]`, overwritten.
  ///   - outGradient: `[rows, channels]`.
  ///   - out: `[rows, channels]`, as the forward pass made it.
  ///   - logSumExp: `[batchSize · heads · sequenceLength]`, as the forward pass left it.
  ///   - qkv: `[rows, 3 · channels]`.
  ///   - shape: The sizes.
  ///   - dropout: As in the forward pass.
  ///   - scratch: ``AttentionShape/scratchPerThread`` floats for each thread.
  public func attentionBackward(
    qkvGradient: ActivationMatrix, outGradient: ActivationMatrix, out: ActivationMatrix,
    logSumExp: Floats, qkv: ActivationMatrix, _ shape: AttentionShape, dropout: Dropout?,
    scratch: Floats
  ) {
    check(out, logSumExp, qkv, shape, scratch)
    check(outGradient, logSumExp, qkvGradient, shape, scratch)
    let length = shape.sequenceLength
    run(shape.batchSize * shape.heads) { piece, thread in
      let workspace = Workspace(scratch, shape, thread)
      let head = AttentionHead(qkv, out, shape, piece, workspace.head(0))
      let gradient = AttentionHead(qkvGradient, outGradient, shape, piece, workspace.head(1))
      let (queries, keys, values) = (
        head.queries.loaded, head.keys.loaded, head.values.loaded
      )
      let (out, outGradient) = (head.out.loaded, gradient.out.loaded)
      let (keyGradient, valueGradient) = (gradient.keys.floats, gradient.values.floats)
      for row in 0..<length {
        keyGradient.row(row).update(repeating: 0)
        valueGradient.row(row).update(repeating: 0)
      }
      for rows in shape.queryBlocks {
        let visible = 0..<rows.upperBound
        let outGradients = outGradient.rows(rows)
        let probabilities = workspace.matrix(0, rows, visible)
        let dropped = dropout == nil ? probabilities : workspace.matrix(1, rows, visible)
        let scoreGradients = workspace.matrix(2, rows, visible)
        multiply(
          .fp32(probabilities), queries.rows(rows).asIs, keys.rows(visible).transposed, shape,
          factor: shape.scale, thread)
        for (index, row) in rows.enumerated() {
          let maskRow = piece * length + row
          let weights = probabilities.row(index).base
          ckernels_recompute_softmax(weights, logSumExp[maskRow], row + 1, visible.count)
          guard let dropout else { continue }
          let target = dropped.row(index)
          dropout.apply(
            target.base, from: weights, count: row + 1, row: maskRow, columns: length)
          target[row + 1..<visible.count].update(repeating: 0)
        }
        multiply(
          .fp32(valueGradient.rows(visible)), .fp32(dropped.transposed), outGradients.asIs, shape,
          accumulating: true, thread)
        multiply(
          .fp32(scoreGradients), outGradients.asIs, values.rows(visible).transposed, shape, thread)
        for (index, row) in rows.enumerated() {
          // Σ weights · their gradients = out · its gradient (Dao et al., FlashAttention, eq. 4).
          let mean = workspace.dot(out, outGradient, row: row)
          ckernels_softmax_backward(
            scoreGradients.row(index).base, probabilities.row(index).base,
            dropped.row(index).base, mean, visible.count)
        }
        multiply(
          gradient.queries.target.rows(rows), .fp32(scoreGradients.asIs), keys.rows(visible).asIs,
          shape, factor: shape.scale, thread)
        multiply(
          .fp32(keyGradient.rows(visible)), .fp32(scoreGradients.transposed),
          queries.rows(rows).asIs, shape, factor: shape.scale, accumulating: true, thread)
      }
      gradient.queries.store()
      gradient.keys.storeFloats()
      gradient.values.storeFloats()
    }
  }

  /// A product of parts of a head, on the calling thread.
  private func multiply(
    _ out: ActivationMatrix, _ a: ActivationOperand, _ b: ActivationOperand,
    _ shape: AttentionShape, factor: Float = 1, accumulating: Bool = false, _ thread: Int
  ) {
    if shape.isPacked {
      multiplySmall(out, a, b, factor: factor, accumulating: accumulating, onThread: thread)
    } else if case (.fp32(let out), .fp32(let a), .fp32(let b)) = (out, a, b) {
      matrixProduct(out, a, b, factor: factor, accumulating: accumulating)
    } else {
      preconditionFailure("bfloat16 is not converted")
    }
  }

  private func check(
    _ out: ActivationMatrix, _ logSumExp: Floats, _ qkv: ActivationMatrix, _ shape: AttentionShape,
    _ scratch: Floats
  ) {
    precondition(qkv.rows == shape.rows && qkv.columns == 3 * shape.channels)
    precondition(out.rows == qkv.rows && out.columns == shape.channels)
    precondition(logSumExp.count == shape.heads * shape.rows)
    precondition(scratch.count >= count * shape.scratchPerThread)
  }
}

/// One attention head of one sequence.
private struct AttentionHead {
  /// A matrix of the head.
  struct Part {
    let stored: ActivationMatrix
    /// Whether products take it as it is stored.
    let isDirect: Bool
    /// In single precision: the matrix itself or, if it is in bfloat16, memory for a copy.
    let floats: MatrixView

    init(_ stored: ActivationMatrix, _ memory: Floats, isPacked: Bool) {
      self.stored = stored
      if case .fp32(let matrix) = stored {
        (floats, isDirect) = (matrix, true)
      } else {
        floats = MatrixView(memory, rows: stored.rows, columns: stored.columns)
        isDirect = isPacked
      }
    }

    /// The matrix as it enters products.
    var loaded: ActivationMatrix {
      guard !isDirect else { return stored }
      for row in 0..<floats.rows { _ = stored.floats(ofRow: row, copiedTo: floats.row(row).base) }
      return .fp32(floats)
    }

    /// Where products leave the matrix, which ``store()`` then stores.
    var target: ActivationMatrix { isDirect ? stored : .fp32(floats) }

    func store() {
      if !isDirect { storeFloats() }
    }

    func storeFloats() {
      for row in 0..<floats.rows { stored.store(floats.row(row).base, row: row) }
    }
  }

  let queries, keys, values, out: Part

  /// `memory` is for parts in single precision, `[4 · sequenceLength · headSize]`.
  init(
    _ qkv: ActivationMatrix, _ out: ActivationMatrix, _ shape: AttentionShape, _ piece: Int,
    _ memory: Floats
  ) {
    let (sequence, head) = piece.quotientAndRemainder(dividingBy: shape.heads)
    let rows = sequence * shape.sequenceLength..<(sequence + 1) * shape.sequenceLength
    let size = memory.count / 4
    func part(_ matrix: ActivationMatrix, _ index: Int, at column: Int) -> Part {
      Part(
        matrix.block(rows: rows, columns: column..<column + shape.headSize),
        memory[index * size..<(index + 1) * size], isPacked: shape.isPacked)
    }
    let first = head * shape.headSize
    queries = part(qkv, 0, at: first)
    keys = part(qkv, 1, at: shape.channels + first)
    values = part(qkv, 2, at: 2 * shape.channels + first)
    self.out = part(out, 3, at: first)
  }
}

/// A thread's memory for three matrices of a block of queries and the keys that they see, and for
/// two heads in single precision.
private struct Workspace {
  let floats: Floats
  let shape: AttentionShape

  init(_ scratch: Floats, _ shape: AttentionShape, _ thread: Int) {
    floats = scratch[thread * shape.scratchPerThread..<(thread + 1) * shape.scratchPerThread]
    self.shape = shape
  }

  func matrix(_ index: Int, _ queries: Range<Int>, _ keys: Range<Int>) -> MatrixView {
    let start = index * AttentionShape.queryBlock * shape.sequenceLength
    return MatrixView(
      floats[start..<start + queries.count * keys.count], rows: queries.count, columns: keys.count)
  }

  /// The product of a row of each matrix.
  func dot(_ x: ActivationMatrix, _ y: ActivationMatrix, row: Int) -> Float {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * shape.headSize) { memory in
      let memory = VectorView(memory).base
      return ckernels_dot(
        x.floats(ofRow: row, copiedTo: memory),
        y.floats(ofRow: row, copiedTo: memory + shape.headSize), shape.headSize)
    }
  }

  func head(_ index: Int) -> Floats {
    let size = 4 * shape.headSize * shape.sequenceLength
    let start = 3 * AttentionShape.queryBlock * shape.sequenceLength + index * size
    return floats[start..<start + size]
  }
}
