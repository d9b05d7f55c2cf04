/// A message of Protocol Buffers, written field by field.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 {
    case varint = 0
    case eightBytes = 1
    case lengthAndBytes = 2
    case fourBytes = 5
  }

  /// A message whose fields `add` adds.
  init(_ add: (inout ProtobufMessage) -> Void) {
    add(&self)
  }

  mutating func add(_ field: UInt64, integer: Int) {
    addTag(field, .varint)
    addVarint(UInt64(bitPattern: Int64(integer)))
  }

  mutating func add(_ field: UInt64, double: Double) {
    addTag(field, .eightBytes)
    withUnsafeBytes(of: double.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: UInt64, float: Float) {
    addTag(field, .fourBytes)
    withUnsafeBytes(of: float.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: UInt64, text: String) {
    add(field, bytes: Array(text.utf8))
  }

  /// Adds a message whose fields `add` adds.
  mutating func add(_ field: UInt64, _ add: (inout ProtobufMessage) -> Void) {
    self.add(field, bytes: ProtobufMessage(add).bytes)
  }

  private mutating func add(_ field: UInt64, bytes: [UInt8]) {
    addTag(field, .lengthAndBytes)
    addVarint(UInt64(bytes.count))
    self.bytes += bytes
  }

  private mutating func addTag(_ field: UInt64, _ type: WireType) {
    addVarint(field << 3 | type.rawValue)
  }

  private mutating func addVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
