import CKernels

/// The shape of causal self-attention over `qkv`, `[batch · time, 3 · channels]`: the queries, keys
/// and values of each position one after another, each the heads one after another.
public struct AttentionShape: Sendable {
  public let batch: Int
  public let time: Int
  public let heads: Int
  public let channels: Int
  /// What the scores are multiplied by, usually 1 / √(channels of a head).
  public let scale: Float

  public init(batch: Int, time: Int, heads: Int, channels: Int, scale: Float) {
    precondition(channels % heads == 0, "the heads do not share the channels evenly")
    self.batch = batch
    self.time = time
    self.heads = heads
    self.channels = channels
    self.scale = scale
  }

  /// Channels of a head.
  public var headSize: Int { channels / heads }

  /// So many queries are scored at a time, against the keys that the last of them sees.
  static let queryBlock = 64

  /// How many floats of scratch memory each thread needs.
  public var scratchPerWorker: Int { (3 * Self.queryBlock + 8 * headSize) * time }
}

extension ThreadPool {
  /// Causal self-attention of each head of each sequence.
  ///
  /// - Parameters:
  ///   - out: `[batch · time, channels]`, overwritten.
  ///   - logSums: `[batch · heads · time]`, overwritten by the logarithm of the sum of each
  ///     softmax, which the backward pass needs.
  ///   - qkv: `[batch · time, 3 · channels]`.
  ///   - shape: The sizes.
  ///   - dropout: Drops attention weights.
  ///   - scratch: ``AttentionShape/scratchPerWorker`` floats for each thread.
  public func attention(
    _ out: ActivationMatrix, logSums: Floats, _ qkv: ActivationMatrix, _ shape: AttentionShape,
    dropout: Dropout?, scratch: Floats
  ) {
    check(out, logSums, qkv, shape, scratch)
    run(shape.batch * shape.heads) { piece, worker in
      let workspace = Workspace(scratch, shape, worker)
      let head = Head(qkv, out, shape, piece, workspace.heads(0))
      head.load(.queries, .keys, .values)
      for rows in queryBlocks(shape.time) {
        let scores = workspace.matrix(0, rows, keys: rows.upperBound)
        matrixProduct(
          scores, head.queries.rows(rows).asIs, head.keys.rows(0..<rows.upperBound).transposed,
          factor: shape.scale)
        for (index, row) in rows.enumerated() {
          let number = piece * shape.time + row
          let scoresOfRow = scores.base + index * scores.stride
          logSums[number] = ckernels_softmax(scoresOfRow, row + 1, scores.columns)
          dropout?.apply(scoresOfRow, count: row + 1, rowNumber: number, width: shape.time)
        }
        matrixProduct(
          head.out.rows(rows), scores.asIs, head.values.rows(0..<rows.upperBound).asIs)
      }
      head.store(.out)
    }
  }

  /// The gradient of `qkv` from that of the output of causal self-attention.
  ///
  /// - Parameters:
  ///   - qkvGradient: `[batch · time, 3 · channels]`, overwritten.
  ///   - outGradient: `[batch · time, channels]`.
  ///   - out: `[batch · time, channels]`, as the forward pass made it.
  ///   - logSums: `[batch · heads · time]`, as the forward pass kept them.
  ///   - qkv: `[batch · time, 3 · channels]`.
  ///   - shape: The sizes.
  ///   - dropout: As in the forward pass.
  ///   - scratch: ``AttentionShape/scratchPerWorker`` floats for each thread.
  public func attentionBackward(
    qkvGradient: ActivationMatrix, outGradient: ActivationMatrix, out: ActivationMatrix,
    logSums: Floats, qkv: ActivationMatrix, _ shape: AttentionShape, dropout: Dropout?,
    scratch: Floats
  ) {
    check(out, logSums, qkv, shape, scratch)
    check(outGradient, logSums, qkvGradient, shape, scratch)
    run(shape.batch * shape.heads) { piece, worker in
      let workspace = Workspace(scratch, shape, worker)
      let head = Head(qkv, out, shape, piece, workspace.heads(0))
      let gradient = Head(qkvGradient, outGradient, shape, piece, workspace.heads(1))
      head.load(.queries, .keys, .values, .out)
      gradient.load(.out)
      for row in 0..<shape.time {
        gradient.keys.row(row).update(repeating: 0)
        gradient.values.row(row).update(repeating: 0)
      }
      for rows in queryBlocks(shape.time) {
        let keys = 0..<rows.upperBound
        let probabilities = workspace.matrix(0, rows, keys: keys.count)
        let dropped = dropout == nil ? probabilities : workspace.matrix(1, rows, keys: keys.count)
        let scoreGradients = workspace.matrix(2, rows, keys: keys.count)
        matrixProduct(
          probabilities, head.queries.rows(rows).asIs, head.keys.rows(keys).transposed,
          factor: shape.scale)
        for (index, row) in rows.enumerated() {
          let number = piece * shape.time + row
          let weights = probabilities.base + index * probabilities.stride
          ckernels_softmax_again(weights, logSums[number], row + 1, keys.count)
          guard let dropout else { continue }
          let target = dropped.base + index * dropped.stride
          dropout.apply(
            target, from: weights, count: row + 1, rowNumber: number, width: shape.time)
          (target + row + 1).update(repeating: 0, count: keys.count - row - 1)
        }
        matrixProduct(
          gradient.values.rows(keys), dropped.transposed, gradient.out.rows(rows).asIs,
          accumulating: true)
        matrixProduct(
          scoreGradients, gradient.out.rows(rows).asIs, head.values.rows(keys).transposed)
        for (index, row) in rows.enumerated() {
          // Σ weights · their gradients = out · its gradient (Dao et al., FlashAttention, eq. 4).
          let mean = ckernels_dot(
            gradient.out.base + row * gradient.out.stride, head.out.base + row * head.out.stride,
            shape.headSize)
          ckernels_softmax_backward(
            scoreGradients.base + index * scoreGradients.stride,
            probabilities.base + index * probabilities.stride,
            dropped.base + index * dropped.stride, mean, keys.count)
        }
        matrixProduct(
          gradient.queries.rows(rows), scoreGradients.asIs, head.keys.rows(keys).asIs,
          factor: shape.scale)
        matrixProduct(
          gradient.keys.rows(keys), scoreGradients.transposed, head.queries.rows(rows).asIs,
          factor: shape.scale, accumulating: true)
      }
      gradient.store(.queries, .keys, .values)
    }
  }

  private func check(
    _ out: ActivationMatrix, _ logSums: Floats, _ qkv: ActivationMatrix, _ shape: AttentionShape,
    _ scratch: Floats
  ) {
    precondition(qkv.rows == shape.batch * shape.time && qkv.columns == 3 * shape.channels)
    precondition(out.rows == qkv.rows && out.columns == shape.channels)
    precondition(logSums.count == shape.batch * shape.heads * shape.time)
    precondition(scratch.count >= count * shape.scratchPerWorker)
  }
}

/// The ranges of queries that are scored together.
private func queryBlocks(_ time: Int) -> some Sequence<Range<Int>> {
  stride(from: 0, to: time, by: AttentionShape.queryBlock).lazy.map {
    $0..<min(time, $0 + AttentionShape.queryBlock)
  }
}

/// One head of one sequence in `qkv` and `out`, in single precision: where those are in bfloat16,
/// as copies.
private struct Head {
  enum Part: Int {
    case queries, keys, values, out
  }

  private let stored: [ActivationMatrix]
  private let views: [MatrixView]
  /// Whether the views are copies.
  private let isCopied: Bool

  var queries: MatrixView { views[Part.queries.rawValue] }
  var keys: MatrixView { views[Part.keys.rawValue] }
  var values: MatrixView { views[Part.values.rawValue] }
  var out: MatrixView { views[Part.out.rawValue] }

  /// `memory` is for the copies, `[4 · time · channels of a head]`.
  init(
    _ qkv: ActivationMatrix, _ out: ActivationMatrix, _ shape: AttentionShape, _ piece: Int,
    _ memory: UnsafeMutablePointer<Float>
  ) {
    let (sequence, head) = piece.quotientAndRemainder(dividingBy: shape.heads)
    let rows = sequence * shape.time..<(sequence + 1) * shape.time
    let columns = head * shape.headSize..<(head + 1) * shape.headSize
    let parts = (0..<3).map { index in
      let start = index * shape.channels
      return qkv.block(
        rows: rows, columns: start + columns.lowerBound..<start + columns.upperBound)
    }
    stored = parts + [out.block(rows: rows, columns: columns)]
    views = stored.enumerated().map { index, part in
      switch part {
      case .fp32(let matrix): matrix
      case .bf16:
        MatrixView(
          base: memory + index * shape.time * shape.headSize, rows: shape.time,
          columns: shape.headSize, stride: shape.headSize)
      }
    }
    isCopied = if case .bf16 = qkv { true } else { false }
  }

  /// Makes the copies of `parts`.
  func load(_ parts: Part...) {
    copy(parts) { stored, view, row in
      stored.load(base(view.row(row)), row: row, columns: 0..<view.columns)
    }
  }

  /// Puts the copies of `parts` back.
  func store(_ parts: Part...) {
    copy(parts) { stored, view, row in
      stored.store(base(view.row(row)), row: row, columns: 0..<view.columns)
    }
  }

  private func copy(
    _ parts: [Part], _ body: (_ stored: ActivationMatrix, _ view: MatrixView, _ row: Int) -> Void
  ) {
    guard isCopied else { return }
    for part in parts {
      let view = views[part.rawValue]
      for row in 0..<view.rows { body(stored[part.rawValue], view, row) }
    }
  }
}

/// A thread's memory for three matrices of a block of queries and the keys that they see, and for
/// copies of two heads.
private struct Workspace {
  let base: UnsafeMutablePointer<Float>
  let shape: AttentionShape

  init(_ scratch: Floats, _ shape: AttentionShape, _ worker: Int) {
    guard let start = scratch.baseAddress else { preconditionFailure("no scratch memory") }
    base = start + worker * shape.scratchPerWorker
    self.shape = shape
  }

  func matrix(_ index: Int, _ queries: Range<Int>, keys: Int) -> MatrixView {
    MatrixView(
      base: base + index * AttentionShape.queryBlock * shape.time, rows: queries.count,
      columns: keys, stride: keys)
  }

  func heads(_ index: Int) -> UnsafeMutablePointer<Float> {
    base + (3 * AttentionShape.queryBlock + 4 * index * shape.headSize) * shape.time
  }
}
