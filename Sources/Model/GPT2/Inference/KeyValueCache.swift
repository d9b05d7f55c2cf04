import TensorKernels

/// The keys and values of the positions of one sequence so far, so that each further token costs
/// the work of one position.
public final class KeyValueCache {
  /// How many positions there is room for, those of the beginning counted.
  public let capacity: Int
  /// How many positions are kept, those of the beginning counted.
  public private(set) var count: Int
  /// The cache that keeps the first positions, which several sequences share.
  private let beginning: KeyValueCache?
  /// Positions of the beginning.
  private let beginningCount: Int
  private let floats: FloatArena
  private let channels: Int
  /// Positions that ``floats`` has room for.
  private let ownCapacity: Int

  /// An empty cache for `capacity` positions of a model of `configuration`; or one that goes on
  /// after the positions that `beginning` keeps now, and which it must not forget.
  public init(
    _ configuration: GPT2Configuration, capacity: Int, after beginning: KeyValueCache? = nil
  ) {
    precondition(capacity > 0 && capacity <= configuration.contextLength)
    let beginningCount = beginning?.count ?? 0
    precondition(beginningCount <= capacity)
    self.capacity = capacity
    self.beginning = beginning
    self.beginningCount = beginningCount
    count = beginningCount
    channels = configuration.width
    let block = KeyValueCacheSegment.block
    ownCapacity = (capacity - beginningCount + block - 1) / block * block
    floats = FloatArena(
      count: configuration.layers
        * KeyValueCacheSegment.floatCount(capacity: ownCapacity, channels: channels))
  }

  /// Forgets all positions but the first `count`; those of the beginning are not its own to forget.
  public func truncate(to count: Int) {
    precondition(count >= beginningCount && count <= self.count)
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
    precondition(index >= beginningCount && index < count)
    var earlier: [KeyValueCacheSegment] = []
    beginning?.appendSegments(to: &earlier, layer: layer, count: beginningCount)
    return CachedPosition(own: segment(layer, count: index + 1 - beginningCount), after: earlier)
  }

  private func appendSegments(to segments: inout [KeyValueCacheSegment], layer: Int, count: Int) {
    beginning?.appendSegments(to: &segments, layer: layer, count: beginningCount)
    if count > beginningCount { segments.append(segment(layer, count: count - beginningCount)) }
  }

  private func segment(_ layer: Int, count: Int) -> KeyValueCacheSegment {
    let size = KeyValueCacheSegment.floatCount(capacity: ownCapacity, channels: channels)
    return KeyValueCacheSegment(
      floats, at: layer * size, capacity: ownCapacity, channels: channels, count: count)
  }
}
