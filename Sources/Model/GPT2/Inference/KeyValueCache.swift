import TensorKernels

/// The keys and values of the positions of one sequence so far, so that each further token costs
/// the work of one position.
public final class KeyValueCache {
  /// How many positions there is room for, including those of the prefix.
  public let capacity: Int
  /// How many positions are kept, including those of the prefix.
  public private(set) var count: Int
  /// The cache of the first positions, which several sequences may share.
  private let prefix: KeyValueCache?
  private let prefixCount: Int
  private let memory: Arena<UInt8>
  private let precision: CachePrecision
  private let channels: Int
  /// How many positions ``memory`` has room for.
  private let ownCapacity: Int

  /// An empty cache for `capacity` positions of `model`.
  ///
  /// With `prefix`, the cache continues after the positions that `prefix` keeps now; `prefix` must
  /// not forget them.
  public init(_ model: InferenceModel, capacity: Int, after prefix: KeyValueCache? = nil) {
    precondition(capacity > 0 && capacity <= model.configuration.contextLength)
    let prefixCount = prefix?.count ?? 0
    precondition(prefixCount <= capacity)
    self.capacity = capacity
    self.prefix = prefix
    self.prefixCount = prefixCount
    count = prefixCount
    channels = model.configuration.embeddingSize
    precision = model.cachePrecision
    ownCapacity = Self.wholeBlocks(capacity - prefixCount)
    memory = Arena(
      count: Self.byteCount(model.configuration, capacity: ownCapacity, precision))
  }

  /// The bytes of a cache for `capacity` positions without a prefix.
  public static func byteCount(
    _ configuration: GPT2Configuration, capacity: Int, _ precision: CachePrecision
  ) -> Int {
    configuration.layers
      * KeyValueCacheSegment.byteCount(
        capacity: wholeBlocks(capacity), channels: configuration.embeddingSize, precision)
  }

  private static func wholeBlocks(_ positions: Int) -> Int {
    positions.roundedUp(toMultipleOf: KeyValueCacheSegment.block)
  }

  /// Forgets all positions but the first `count`; those of the prefix cannot be forgotten.
  public func truncate(to count: Int) {
    precondition(count >= prefixCount && count <= self.count)
    self.count = count
  }

  /// Makes room for `count` more positions and returns the index of the first of them.
  func append(_ count: Int) -> Int {
    precondition(self.count + count <= capacity)
    self.count += count
    return self.count - count
  }

  /// What position `index` attends to in `layer`.
  func position(_ index: Int, layer: Int) -> CachedPosition {
    precondition(index >= prefixCount && index < count)
    return CachedPosition(
      own: segment(layer, count: index + 1 - prefixCount),
      after: prefix?.segments(layer, count: prefixCount) ?? [])
  }

  /// The segments of the first `count` positions.
  private func segments(_ layer: Int, count: Int) -> [KeyValueCacheSegment] {
    let earlier = prefix?.segments(layer, count: prefixCount) ?? []
    return count > prefixCount ? earlier + [segment(layer, count: count - prefixCount)] : earlier
  }

  private func segment(_ layer: Int, count: Int) -> KeyValueCacheSegment {
    let size = KeyValueCacheSegment.byteCount(
      capacity: ownCapacity, channels: channels, precision)
    return KeyValueCacheSegment(
      memory, at: layer * size, capacity: ownCapacity, channels: channels, count: count, precision)
  }
}
