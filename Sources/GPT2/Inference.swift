import TensorKernels

/// The keys and values of the positions of one sequence so far, so that each further token costs
/// the work of one position.
public final class KeyValueCache {
  /// How many positions there is room for.
  public let capacity: Int
  /// How many positions are kept.
  public fileprivate(set) var count = 0
  fileprivate let keys: [FloatArena]
  fileprivate let values: [FloatArena]
  private let width: Int

  /// An empty cache for `capacity` positions of a model of `configuration`.
  public init(_ configuration: GPT2Configuration, capacity: Int) {
    precondition(capacity > 0 && capacity <= configuration.contextLength)
    self.capacity = capacity
    width = configuration.width
    let size = capacity * configuration.width
    keys = (0..<configuration.layers).map { _ in FloatArena(count: size) }
    values = (0..<configuration.layers).map { _ in FloatArena(count: size) }
  }

  /// Forgets all positions but the first `count`.
  public func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
  }

  fileprivate func keys(_ layer: Int) -> MatrixView {
    keys[layer].matrix(rows: capacity, columns: width)
  }

  fileprivate func values(_ layer: Int) -> MatrixView {
    values[layer].matrix(rows: capacity, columns: width)
  }
}

/// Computes the logits of the next token, for sampling.
public final class InferencePass {
  public let model: GPT2Model
  /// How many tokens go through the model at a time.
  private let chunk: Int
  private let capacity: Int
  private let hidden, normalized, qkv, attended, middle, branch: FloatArena
  private let preactivation, activation, statistics, scratch, logits: FloatArena

  /// Memory for sequences of up to `capacity` positions.
  public init(_ model: GPT2Model, capacity: Int) {
    self.model = model
    self.capacity = capacity
    let configuration = model.configuration
    let chunk = min(capacity, 256)
    self.chunk = chunk
    func arena(_ columns: Int) -> FloatArena { FloatArena(count: chunk * columns) }
    let width = configuration.width
    (hidden, normalized) = (arena(width), arena(width))
    (attended, middle, branch) = (arena(width), arena(width), arena(width))
    (qkv, preactivation) = (arena(3 * width), arena(configuration.innerWidth))
    (activation, statistics) = (arena(configuration.innerWidth), arena(4))
    scratch = FloatArena(count: model.workers.count * 64 * capacity)
    logits = FloatArena(count: configuration.vocabularySize)
  }

  /// Appends `tokens` to the sequence in `cache` and returns the logits, `[vocabulary]`, of what
  /// follows the last of them; they are valid until the next call.
  public func logits(after tokens: [Int32], _ cache: KeyValueCache) -> UnsafeBufferPointer<Float> {
    precondition(!tokens.isEmpty && cache.count + tokens.count <= cache.capacity)
    precondition(cache.capacity <= capacity)
    var last = 0
    tokens.withUnsafeBufferPointer { tokens in
      for start in stride(from: 0, to: tokens.count, by: chunk) {
        let end = min(tokens.count, start + chunk)
        forward(UnsafeBufferPointer(rebasing: tokens[start..<end]), cache)
        last = end - start - 1
      }
    }
    let width = model.configuration.width
    let final = normalized.matrix(rows: 1, columns: width)
    model.workers.layerNorm(
      final, mean: statistics[0..<1], rstd: statistics[1..<2],
      hidden.matrix(at: last * width, rows: 1, columns: width),
      weight: model.vector(model.layout.finalNormWeight),
      bias: model.vector(model.layout.finalNormBias),
      epsilon: model.configuration.layerNormEpsilon)
    let row = logits.matrix(rows: 1, columns: model.configuration.vocabularySize)
    model.workers.multiply(row, final.asIs, model.head.transposed)
    return UnsafeBufferPointer(logits.floats)
  }

  /// Leaves the last hidden states of `tokens` in `hidden`.
  private func forward(_ tokens: UnsafeBufferPointer<Int32>, _ cache: KeyValueCache) {
    let configuration = model.configuration
    let (rows, width, inner) = (tokens.count, configuration.width, configuration.innerWidth)
    let past = cache.count
    let input = hidden.matrix(rows: rows, columns: width)
    model.embed(input, tokens: tokens) { past + $0 }
    for layer in 0..<configuration.layers {
      let buffers = BlockBuffers(
        input: input, output: input,
        normalized: normalized.matrix(rows: rows, columns: width),
        norm1Mean: statistics[0..<rows], norm1Rstd: statistics[rows..<2 * rows],
        norm2Mean: statistics[0..<rows], norm2Rstd: statistics[rows..<2 * rows],
        qkv: qkv.matrix(rows: rows, columns: 3 * width),
        attended: attended.matrix(rows: rows, columns: width),
        middle: middle.matrix(rows: rows, columns: width),
        branch: branch.matrix(rows: rows, columns: width),
        preactivation: preactivation.matrix(rows: rows, columns: inner),
        activation: activation.matrix(rows: rows, columns: inner))
      model.forwardBlock(layer, buffers) { attended, qkv in
        model.workers.cachedAttention(
          attended, qkv, keys: cache.keys(layer), values: cache.values(layer), past: past,
          heads: configuration.heads,
          scale: configuration.attentionScale(layer: layer),
          scratch: scratch.floats)
      }
    }
    cache.count += rows
  }
}
