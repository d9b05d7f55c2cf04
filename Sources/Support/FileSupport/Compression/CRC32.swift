import CDeflate
import CZlib

/// The CRC-32 of gzip and zlib (reflected polynomial 0xEDB88320), computed piece by piece.
///
/// libdeflate computes it ten times as fast as zlib, which would take an eighth of the time of
/// encoding a corpus; but only zlib joins checksums.
public struct CRC32: Sendable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  public init() {}

  /// Adds `bytes`.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    value = libdeflate_crc32(value, base, bytes.count)
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
