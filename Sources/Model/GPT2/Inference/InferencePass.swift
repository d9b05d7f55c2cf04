import TensorKernels

/// Computes the logits of the next token, for sampling.
///
/// Several sequences go through the model together, each with its own tokens. The logits of each
/// are bit-for-bit the same as if it went through alone.
public final class InferencePass {
  public let model: InferenceModel
  /// How many tokens go through the model at a time.
  private let chunk: Int
  /// The longest sequence.
  private let capacity: Int
  /// The number of sequences whose logits fit in memory.
  let sequenceCapacity: Int
  private let buffers: (_ rows: Int) -> PassBuffers
  /// The last hidden states of the last token of each sequence, `[sequences, channels]`.
  private let last: MatrixView
  private let lastStates, attentionScratch, logits: FloatArena

  /// Allocates memory for up to `sequences` sequences at a time, of up to `capacity` positions
  /// each.
  public init(_ model: InferenceModel, capacity: Int, sequences: Int = 1) {
    precondition(capacity > 0 && sequences > 0)
    self.model = model
    self.capacity = capacity
    sequenceCapacity = sequences
    chunk = max(sequences, min(capacity, 256))
    buffers = PassBuffers.allocate(model.configuration, rows: chunk)
    let channels = model.configuration.embeddingSize
    lastStates = FloatArena(count: sequences * channels)
    last = lastStates.matrix(rows: sequences, columns: channels)
    attentionScratch = FloatArena(count: model.threadPool.count * capacity)
    logits = FloatArena(count: sequences * model.configuration.vocabularySize)
  }

  /// A sequence and the tokens that are appended to it.
  public struct Continuation {
    let cache: KeyValueCache
    let tokens: [Int32]

    public init(_ cache: KeyValueCache, _ tokens: [Int32]) {
      precondition(!tokens.isEmpty)
      self.cache = cache
      self.tokens = tokens
    }
  }

  /// Appends tokens to the sequences and returns the logits, `[sequences, vocabulary]`, of the
  /// token after the last one of each.
  ///
  /// They are valid until the next call.
  ///
  /// A cache may occur several times in `continuations`; its tokens are then appended in order.
  public func logits(_ continuations: [Continuation]) -> MatrixView {
    precondition(!continuations.isEmpty && continuations.count <= sequenceCapacity)
    forward(continuations)
    let rows = continuations.count
    let buffers = buffers(rows)
    model.threadPool.layerNorm(
      buffers.normalized, buffers.lnF, last.rows(0..<rows), model.parts.lnF,
      epsilon: model.configuration.layerNormEpsilon)
    let logits = logits.matrix(rows: rows, columns: model.configuration.vocabularySize)
    model.threadPool.forward(
      model.parts.lmHead, .fp32(logits), buffers.normalized, next: model.parts.blocks[0].attnQKV)
    return logits
  }

  /// Appends `tokens` to the sequence in `cache` and returns the logits, `[vocabulary]`, of the
  /// token after the last one.
  ///
  /// They are valid until the next call.
  public func logits(after tokens: [Int32], _ cache: KeyValueCache) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(logits([Continuation(cache, tokens)]).row(0))
  }

  /// Appends `tokens` to the sequence in `cache`.
  public func append(_ tokens: [Int32], to cache: KeyValueCache) {
    forward([Continuation(cache, tokens)])
  }

  /// A token that goes through the model.
  private struct Row {
    let cache: KeyValueCache
    let token: Int32
    let position: Int
    /// The index of the sequence whose last token this is.
    let endingSequence: Int?
  }

  /// Leaves the last hidden states of the last token of each sequence in ``last``.
  private func forward(_ continuations: [Continuation]) {
    var rows: [Row] = []
    for (index, continuation) in continuations.enumerated() {
      precondition(continuation.cache.capacity <= capacity)
      let first = continuation.cache.append(continuation.tokens.count)
      for (offset, token) in continuation.tokens.enumerated() {
        let isLast = offset == continuation.tokens.count - 1
        rows.append(
          Row(
            cache: continuation.cache, token: token, position: first + offset,
            endingSequence: isLast ? index : nil))
      }
    }
    for begin in stride(from: 0, to: rows.count, by: chunk) {
      forward(Array(rows[begin..<min(begin + chunk, rows.count)]))
    }
  }

  private func forward(_ rows: [Row]) {
    let (configuration, threadPool) = (model.configuration, model.threadPool)
    let buffers = buffers(rows.count)
    model.embed(
      buffers.embedding, tokens: rows.map(\.token), positions: rows.map(\.position))
    let blocks = model.parts.blocks
    for (layer, block) in blocks.enumerated() {
      let positions = rows.map { $0.cache.position($0.position, layer: layer) }
      block.forwardUpToActivation(
        buffers.blocks[layer], configuration, threadPool
      ) { attentionOutput, qkv in
        guard case .fp32(let out) = attentionOutput, case .fp32(let qkv) = qkv else {
          preconditionFailure("inference computes in single precision")
        }
        threadPool.cachedAttention(
          out, qkv, positions, heads: configuration.heads,
          scale: configuration.attentionScale(layer: layer), scratch: attentionScratch.floats)
      }
      block.forwardFromActivation(
        buffers.blocks[layer], configuration, threadPool,
        next: layer + 1 < blocks.count ? blocks[layer + 1].attnQKV : model.parts.lmHead)
    }
    for (index, row) in rows.enumerated() {
      guard let sequence = row.endingSequence else { continue }
      last.row(sequence).update(from: buffers.last.row(index))
    }
  }
}
