/// A growing row of ids in memory that is used again.
///
/// It belongs to one thread at a time.
public final class IDBuffer {
  /// How many ids there are.
  // It is used for every post and for a few pieces at a time, too often for checks.
  @exclusivity(unchecked) public private(set) var count = 0
  @exclusivity(unchecked) private var memory: UnsafeMutableBufferPointer<UInt32>

  /// Whoever fills a buffer may let others take the ids out when there are more than this.
  static let many = 1 << 18
  /// More than this is not kept for later.
  private static let largestKept = 1 << 20

  /// A row without ids.
  public init() {
    memory = .allocate(capacity: 1 << 12)
  }

  deinit {
    memory.deallocate()
  }

  /// Calls `body` with all ids, which are there only during the call.
  public func withIDs<Result>(
    _ body: (UnsafeBufferPointer<UInt32>) throws -> Result
  ) rethrows -> Result {
    // The memory goes with this object, which a caller may be done with.
    try withExtendedLifetime(self) { try body(UnsafeBufferPointer(rebasing: memory[..<count])) }
  }

  /// Appends `id`.
  public func append(_ id: UInt32) {
    reserve(1)[0] = id
    count += 1
  }

  /// Appends `ids`.
  func append(_ ids: UnsafeBufferPointer<UInt32>) {
    _ = reserve(ids.count).update(fromContentsOf: ids)
    count += ids.count
  }

  /// Takes all ids out.
  public func removeAll() {
    count = 0
    if memory.count > Self.largestKept {
      memory.deallocate()
      memory = .allocate(capacity: Self.largestKept)
    }
  }

  /// Makes room for `room` more ids and returns where they go.
  func reserve(_ room: Int) -> UnsafeMutableBufferPointer<UInt32> {
    if memory.count - count < room {
      let larger = UnsafeMutableBufferPointer<UInt32>.allocate(
        capacity: max(memory.count * 2, count + room))
      _ = larger.update(fromContentsOf: memory[..<count])
      memory.deallocate()
      memory = larger
    }
    return UnsafeMutableBufferPointer(rebasing: memory[count...])
  }

  /// Takes in the first `added` ids of what ``reserve(_:)`` returned.
  func commit(_ added: Int) {
    precondition(0...(memory.count - count) ~= added)
    count += added
  }
}
