import FileSupport

/// Several shards as one sequence of ids.
///
///     let tokens = try TokenShards(paths: ["train-00000.bin", "train-00001.bin"])
///     tokens.copy(0..<1024, to: buffer)
public struct TokenShards: Sendable {
  /// The shards, in order.
  public let shards: [TokenShard]
  /// Where each shard begins in the sequence, and where the last one ends.
  private let starts: [Int]

  /// Opens the shards at `paths`.
  ///
  /// - Throws: ``InputError`` with the byte offset; ``FileError``.
  public init(paths: [String], verifyingContents: Bool = true) throws {
    shards = try paths.map { try TokenShard(path: $0, verifyingContents: verifyingContents) }
    starts = shards.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
  }

  /// The number of ids.
  public var count: Int { starts.last ?? 0 }

  /// The id at `position`, which is below ``count``.
  public subscript(position: Int) -> UInt32 {
    precondition(0..<count ~= position, "the position is out of range")
    let index = shardIndex(of: position)
    return shards[index][position - starts[index]]
  }

  /// Copies the ids in `range`, which is within the sequence, to `buffer`, which is large enough.
  public func copy<Element: FixedWidthInteger>(
    _ range: Range<Int>, to buffer: UnsafeMutableBufferPointer<Element>
  ) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range is out of bounds")
    precondition(range.count <= buffer.count, "the buffer is too small for the tokens")
    var position = range.lowerBound
    while position < range.upperBound {
      let index = shardIndex(of: position)
      let end = min(range.upperBound, starts[index + 1])
      shards[index].copy(
        position - starts[index]..<end - starts[index],
        to: UnsafeMutableBufferPointer(rebasing: buffer[(position - range.lowerBound)...]))
      position = end
    }
  }

  /// The ids in `range`, which is within the sequence.
  public func ids(in range: Range<Int>) -> [UInt32] {
    [UInt32](unsafeUninitializedCapacity: range.count) { buffer, count in
      copy(range, to: buffer)
      count = range.count
    }
  }

  /// The shard that holds `position`: the last nonempty one that begins at or before it.
  private func shardIndex(of position: Int) -> Int {
    starts.partitioningIndex { $0 > position } - 1
  }
}
