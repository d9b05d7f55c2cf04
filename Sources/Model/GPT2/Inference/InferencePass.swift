import TensorKernels

/// Computes the logits of what follows, for sampling.
///
/// Several sequences go through the model together, each with tokens of its own. The logits of each
/// have the same bits as if it were alone.
public final class InferencePass {
  public let model: InferenceModel
  /// How many tokens go through the model at a time.
  private let chunk: Int
  /// The longest sequence.
  private let capacity: Int
  /// How many sequences' logits there is room for.
  let sequenceCapacity: Int
  private let hidden, normalized, qkv, attended, middle, branch: FloatArena
  private let preactivation, activation, statistics, scratch, last, logits: FloatArena

  /// Memory for up to `sequences` sequences at a time of up to `capacity` positions.
  public init(_ model: InferenceModel, capacity: Int, sequences: Int = 1) {
    precondition(capacity > 0 && sequences > 0)
    self.model = model
    self.capacity = capacity
    sequenceCapacity = sequences
    let configuration = model.configuration
    let chunk = max(sequences, min(capacity, 256))
    self.chunk = chunk
    func arena(_ columns: Int) -> FloatArena { FloatArena(count: chunk * columns) }
    let width = configuration.width
    (hidden, normalized) = (arena(width), arena(width))
    (attended, middle, branch) = (arena(width), arena(width), arena(width))
    (qkv, preactivation) = (arena(3 * width), arena(configuration.innerWidth))
    (activation, statistics) = (arena(configuration.innerWidth), arena(2))
    scratch = FloatArena(count: model.threadPool.count * capacity)
    last = FloatArena(count: sequences * width)
    logits = FloatArena(count: sequences * configuration.vocabularySize)
  }

  /// A sequence and the tokens that are appended to it.
  public struct Continuation {
    public let cache: KeyValueCache
    public let tokens: [Int32]

    public init(_ cache: KeyValueCache, _ tokens: [Int32]) {
      precondition(!tokens.isEmpty)
      self.cache = cache
      self.tokens = tokens
    }
  }

  /// Appends tokens to the sequences and returns the logits, `[sequences, vocabulary]`, of what
  /// follows the last token of each; they are valid until the next call.
  ///
  /// A cache may stand among `continuations` several times: its tokens follow one another.
  public func logits(_ continuations: [Continuation]) -> MatrixView {
    precondition(!continuations.isEmpty && continuations.count <= sequenceCapacity)
    forward(continuations)
    let configuration = model.configuration
    let count = continuations.count
    let final = normalized.matrix(rows: count, columns: configuration.width)
    model.threadPool.layerNorm(
      final, mean: statistics[0..<count], rstd: statistics[count..<2 * count],
      last.matrix(rows: count, columns: configuration.width),
      weight: model.vector(model.layout.finalNormWeight),
      bias: model.vector(model.layout.finalNormBias), epsilon: configuration.layerNormEpsilon)
    let rows = logits.matrix(rows: count, columns: configuration.vocabularySize)
    model.head(rows, final)
    return rows
  }

  /// Appends `tokens` to the sequence in `cache` and returns the logits, `[vocabulary]`, of what
  /// follows the last of them; they are valid until the next call.
  public func logits(after tokens: [Int32], _ cache: KeyValueCache) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(logits([Continuation(cache, tokens)]).row(0))
  }

  /// Appends `tokens` to the sequence in `cache`.
  public func append(_ tokens: [Int32], to cache: KeyValueCache) {
    forward([Continuation(cache, tokens)])
  }

  /// A token on its way through the model.
  private struct Row {
    let cache: KeyValueCache
    let token: Int32
    let position: Int
    /// The sequence whose last token this is.
    let ends: Int?
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
            ends: isLast ? index : nil))
      }
    }
    for begin in stride(from: 0, to: rows.count, by: chunk) {
      forward(Array(rows[begin..<min(begin + chunk, rows.count)]))
    }
  }

  private func forward(_ tokens: [Row]) {
    let configuration = model.configuration
    let (rows, width, inner) = (tokens.count, configuration.width, configuration.innerWidth)
    let states = hidden.matrix(rows: rows, columns: width)
    model.embed(states, tokens: tokens.map(\.token)) { tokens[$0].position }
    for layer in 0..<configuration.layers {
      let positions = tokens.map { $0.cache.position($0.position, layer: layer) }
      let buffers = BlockBuffers(
        input: states, output: states,
        normalized: .fp32(normalized.matrix(rows: rows, columns: width)),
        norm1Mean: statistics[0..<rows], norm1Rstd: statistics[rows..<2 * rows],
        norm2Mean: statistics[0..<rows], norm2Rstd: statistics[rows..<2 * rows],
        qkv: .fp32(qkv.matrix(rows: rows, columns: 3 * width)),
        attended: .fp32(attended.matrix(rows: rows, columns: width)),
        middle: middle.matrix(rows: rows, columns: width),
        branch: branch.matrix(rows: rows, columns: width),
        preactivation: .fp32(preactivation.matrix(rows: rows, columns: inner)),
        activation: .fp32(activation.matrix(rows: rows, columns: inner)))
      model.forwardBlock(layer, buffers) { attended, qkv in
        guard case .fp32(let attended) = attended, case .fp32(let qkv) = qkv else { return }
        model.threadPool.cachedAttention(
          attended, qkv, positions, heads: configuration.heads,
          scale: configuration.attentionScale(layer: layer), scratch: scratch.floats)
      }
    }
    for (row, token) in tokens.enumerated() {
      guard let sequence = token.ends else { continue }
      _ = last[sequence * width..<(sequence + 1) * width].update(fromContentsOf: states.row(row))
    }
  }
}
