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
      for part in [head.queries, head.keys, head.values] { part.load() }
      for rows in shape.queryBlocks {
        let keys = 0..<rows.upperBound
        let scores = workspace.matrix(0, rows, keys)
        matrixProduct(
          scores, head.queries.view.rows(rows).asIs, head.keys.view.rows(keys).transposed,
          factor: shape.scale)
        for (index, row) in rows.enumerated() {
          let maskRow = piece * length + row
          let weights = scores.row(index).base
          logSumExp[maskRow] = ckernels_softmax(weights, row + 1, keys.count)
          dropout?.apply(weights, from: weights, count: row + 1, row: maskRow, columns: length)
        }
        matrixProduct(head.out.view.rows(rows), scores.asIs, head.values.view.rows(keys).asIs)
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
      for part in [head.queries, head.keys, head.values, head.out] { part.load() }
      gradient.out.load()
      for row in 0..<length {
        gradient.keys.view.row(row).update(repeating: 0)
        gradient.values.view.row(row).update(repeating: 0)
      }
      for rows in shape.queryBlocks {
        let keys = 0..<rows.upperBound
        let queries = head.queries.view.rows(rows)
        let outGradients = gradient.out.view.rows(rows)
        let probabilities = workspace.matrix(0, rows, keys)
        let dropped = dropout == nil ? probabilities : workspace.matrix(1, rows, keys)
        let scoreGradients = workspace.matrix(2, rows, keys)
        matrixProduct(
          probabilities, queries.asIs, head.keys.view.rows(keys).transposed, factor: shape.scale)
        for (index, row) in rows.enumerated() {
          let maskRow = piece * length + row
          let weights = probabilities.row(index).base
          ckernels_recompute_softmax(weights, logSumExp[maskRow], row + 1, keys.count)
          guard let dropout else { continue }
          let target = dropped.row(index)
          dropout.apply(
            target.base, from: weights, count: row + 1, row: maskRow, columns: length)
          target[row + 1..<keys.count].update(repeating: 0)
        }
        matrixProduct(
          gradient.values.view.rows(keys), dropped.transposed, outGradients.asIs,
          accumulating: true)
        matrixProduct(
          scoreGradients, outGradients.asIs, head.values.view.rows(keys).transposed)
        for (index, row) in rows.enumerated() {
          // Σ weights · their gradients = out · its gradient (Dao et al., FlashAttention, eq. 4).
          let mean = ckernels_dot(
            gradient.out.view.row(row).base, head.out.view.row(row).base, shape.headSize)
          ckernels_softmax_backward(
            scoreGradients.row(index).base, probabilities.row(index).base,
            dropped.row(index).base, mean, keys.count)
        }
        matrixProduct(
          gradient.queries.view.rows(rows), scoreGradients.asIs, head.keys.view.rows(keys).asIs,
          factor: shape.scale)
        matrixProduct(
          gradient.keys.view.rows(keys), scoreGradients.transposed, queries.asIs,
          factor: shape.scale, accumulating: true)
      }
      for part in [gradient.queries, gradient.keys, gradient.values] { part.store() }
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

/// One attention head of one sequence, in single precision.
private struct AttentionHead {
  /// A matrix of the head: a view of the activations or, if they are in bfloat16, a copy.
  struct Part {
    let stored: ActivationMatrix
    let view: MatrixView

    init(_ stored: ActivationMatrix, _ memory: Floats) {
      self.stored = stored
      view =
        if case .fp32(let matrix) = stored { matrix } else {
          MatrixView(memory, rows: stored.rows, columns: stored.columns)
        }
    }

    /// Makes the copy.
    func load() {
      for row in 0..<view.rows { _ = stored.floats(ofRow: row, copiedTo: view.row(row).base) }
    }

    /// Writes the copy back.
    func store() {
      for row in 0..<view.rows { stored.store(view.row(row).base, row: row) }
    }
  }

  let queries, keys, values, out: Part

  /// `memory` is for the copies, `[4 · sequenceLength · headSize]`.
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
        memory[index * size..<(index + 1) * size])
    }
    let first = head * shape.headSize
    queries = part(qkv, 0, at: first)
    keys = part(qkv, 1, at: shape.channels + first)
    values = part(qkv, 2, at: 2 * shape.channels + first)
    self.out = part(out, 3, at: first)
  }
}

/// A thread's memory for three matrices of a block of queries and the keys that they see, and for
/// copies of two heads.
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

  func head(_ index: Int) -> Floats {
    let size = 4 * shape.headSize * shape.sequenceLength
    let start = 3 * AttentionShape.queryBlock * shape.sequenceLength + index * size
    return floats[start..<start + size]
  }
}
