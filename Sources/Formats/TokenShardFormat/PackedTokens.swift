import FileSupport

/// Ids in the format of a shard, with their checksum, ready to be written.
public struct PackedTokens: Sendable {
  /// The size of each id in bytes, 2 or 4.
  public let bytesPerToken: Int
  /// The number of ids.
  public var count: Int { bytes.count / bytesPerToken }

  /// The ids, little-endian.
  private(set) var bytes: [UInt8] = []
  private var checksum = CRC32()

  /// No ids yet, for a vocabulary of `vocabularySize` tokens.
  public init(vocabularySize: Int) {
    bytesPerToken = TokenShardHeader.bytesPerToken(vocabularySize: vocabularySize)
  }

  /// Appends `ids`, all of which are smaller than the vocabulary.
  public mutating func append(_ ids: UnsafeBufferPointer<UInt32>) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: ids.count * bytesPerToken))
    bytes.withUnsafeMutableBytes { bytes in
      let room = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
      if bytesPerToken == 2 {
        Self.pack(ids, into: room, as: UInt16.self)
      } else {
        Self.pack(ids, into: room, as: UInt32.self)
      }
      checksum.update(UnsafeRawBufferPointer(room))
    }
  }

  /// Appends the ids in `packed`, which is in the format of a shard.
  mutating func append(packed: [UInt8]) {
    precondition(packed.count % bytesPerToken == 0)
    bytes += packed
    packed.withUnsafeBytes { checksum.update($0) }
  }

  /// Removes all ids.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    checksum = CRC32()
  }

  /// Calls `body` with the bytes of the ids in `range` and their checksum.
  func withBytes(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer, CRC32) throws -> Void
  ) rethrows {
    try bytes.withUnsafeBytes { bytes in
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[range.lowerBound * bytesPerToken..<range.upperBound * bytesPerToken])
      if part.count == bytes.count { return try body(part, checksum) }
      var partChecksum = CRC32()
      partChecksum.update(part)
      try body(part, partChecksum)
    }
  }

  @inline(__always)
  private static func pack<Element: FixedWidthInteger>(
    _ ids: UnsafeBufferPointer<UInt32>, into room: UnsafeMutableRawBufferPointer, as: Element.Type
  ) {
    precondition(room.count == ids.count * MemoryLayout<Element>.size)
    guard let output = room.baseAddress else { return }
    for (index, id) in ids.enumerated() {
      output.storeBytes(
        of: Element(truncatingIfNeeded: id).littleEndian,
        toByteOffset: index * MemoryLayout<Element>.size, as: Element.self)
    }
  }
}
