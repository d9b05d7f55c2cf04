/// The printable characters that stand for bytes in the files of a byte-level tokenizer.
///
/// Bytes that are printable in Latin-1 stand for themselves; the other 68 are U+0100 and on, in
/// ascending order. So a space is `Ġ` and a newline `Ċ`.
enum ByteSymbols {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 33...126, 161...172, 174...255: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  /// The bytes in ascending order of their characters, which is the order of their ids in GPT-2.
  static let bytesInOrder: [UInt8] = (UInt8.min...UInt8.max).sorted {
    scalars[Int($0)] < scalars[Int($1)]
  }

  /// The byte of each character below U+0144; -1 where it stands for none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// The characters that stand for `bytes`.
  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(scalars[Int(byte)]) }
    return String(text)
  }

  /// Appends the bytes that `text` stands for to `output`.
  ///
  /// - Returns: Whether all its characters stand for bytes; `output` is unchanged if not.
  static func append(bytesOf text: String, to output: inout [UInt8]) -> Bool {
    let start = output.count
    for scalar in text.unicodeScalars {
      guard scalar.value < 0x144, bytes[Int(scalar.value)] >= 0 else {
        output.removeSubrange(start...)
        return false
      }
      output.append(UInt8(bytes[Int(scalar.value)]))
    }
    return true
  }
}
