import TestSupport

/// A GGUF file in the making, byte by byte, so that it can be wrong in any way.
struct GGUFBytes {
  struct Tensor {
    var name: String
    /// As in the file: the length of a row first.
    var dimensions: [UInt64]
    var type: UInt32 = 0
    var offset: UInt64
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  /// If not those that follow.
  var tensorCount: UInt64?
  var keyCount: UInt64?
  /// Keys with their values, each with its type.
  var keys: [(String, [UInt8])] = []
  var tensors: [Tensor] = []
  var alignment = 32
  var data: [UInt8] = []

  static func number(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + text.utf8 }

  // Values with their types.
  static func uint8(_ value: UInt8) -> [UInt8] { number(UInt32(0)) + [value] }
  static func uint32(_ value: UInt32) -> [UInt8] { number(UInt32(4)) + number(value) }
  static func float(_ value: Float) -> [UInt8] { number(UInt32(6)) + number(value.bitPattern) }
  static func flag(_ value: UInt8) -> [UInt8] { number(UInt32(7)) + [value] }
  static func string(_ value: String) -> [UInt8] { number(UInt32(8)) + text(value) }
  static func strings(_ values: [String]) -> [UInt8] {
    array(8, UInt64(values.count)) + values.flatMap(text)
  }
  /// The beginning of an array.
  static func array(_ kind: UInt32, _ count: UInt64) -> [UInt8] {
    number(UInt32(9)) + number(kind) + number(count)
  }

  /// The file.
  var bytes: [UInt8] {
    var bytes =
      magic + Self.number(version) + Self.number(tensorCount ?? UInt64(tensors.count))
      + Self.number(keyCount ?? UInt64(keys.count))
    for (key, value) in keys { bytes += Self.text(key) + value }
    for tensor in tensors {
      bytes += Self.text(tensor.name) + Self.number(UInt32(tensor.dimensions.count))
      for size in tensor.dimensions { bytes += Self.number(size) }
      bytes += Self.number(tensor.type) + Self.number(tensor.offset)
    }
    bytes += repeatElement(0, count: (alignment - bytes.count % alignment) % alignment)
    return bytes + data
  }

  /// A file of two tensors: three floats, and two rows of 32 floats.
  static func whole() -> GGUFBytes {
    var file = GGUFBytes()
    file.keys = [("general.architecture", string("gpt2")), ("some.number", uint32(7))]
    file.tensors = [
      Tensor(name: "a", dimensions: [3], offset: 0),
      Tensor(name: "b", dimensions: [32, 2], offset: 32),
    ]
    file.data = floatBytes([1, 2, 3]) + [UInt8](repeating: 0, count: 20)
    file.data += floatBytes((0..<64).map { Float($0) })
    return file
  }
}
