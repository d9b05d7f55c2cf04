/// The checksum of TensorFlow's records: CRC-32C (reflected polynomial 0x82F63B78), masked because a
/// checksum of data that contains checksums is weak.
enum MaskedCRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1
    }
  }

  /// The masked checksum of `bytes`.
  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let sum = ~bytes.reduce(~UInt32(0)) { sum, byte in
      table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8
    }
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}

/// One record of a file of TensorFlow: the length of `data` and `data`, each followed by its checksum.
package func record(_ data: [UInt8]) -> [UInt8] {
  func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  let length = bytes(UInt64(data.count))
  return length + bytes(MaskedCRC32C.checksum(length)) + data + bytes(MaskedCRC32C.checksum(data))
}
