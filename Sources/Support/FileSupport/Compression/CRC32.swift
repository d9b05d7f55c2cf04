import CZlib

/// The CRC-32 of gzip and zlib (reflected polynomial 0xEDB88320), computed piece by piece.
public struct CRC32: Sendable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  public init() {}

  /// Adds `bytes`.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    value = UInt32(crc32_z(UInt(value), base, bytes.count))
  }

  /// Adds `count` bytes whose own checksum is `other`.
  public mutating func append(_ other: CRC32, count: Int) {
    value = UInt32(crc32_combine(UInt(value), UInt(other.value), count))
  }

  /// The checksum of `bytes`.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32()
    bytes.withUnsafeBytes { checksum.update($0) }
    return checksum.value
  }
}
