/// The printable characters that represent bytes in the files of a byte-level tokenizer.
///
/// Bytes that are printable in Latin-1 represent themselves; the other 68 are represented by the
/// characters from U+0100 on, in ascending order. A space is therefore `Ġ` and a newline `Ċ`.
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

  /// The byte of each character below U+0144; -1 if it represents none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// Appends the bytes represented by the characters of `text`, which is UTF-8, to `output`.
  ///
  /// - Returns: Whether every character represents a byte; otherwise nothing is appended.
  static func decode(_ text: ArraySlice<UInt8>, into output: inout [UInt8]) -> Bool {
    let count = output.count
    var index = text.startIndex
    while index < text.endIndex {
      var code = Int(text[index])
      index += 1
      // The characters that represent bytes are one or two bytes long.
      if code >= 0x80 {
        let isTwo = code < 0xE0 && index < text.endIndex
        code = isTwo ? (code & 0x1F) << 6 | Int(text[index] & 0x3F) : bytes.count
        index += 1
      }
      guard code < bytes.count, bytes[code] >= 0 else {
        output.removeLast(output.count - count)
        return false
      }
      output.append(UInt8(truncatingIfNeeded: bytes[code]))
    }
    return true
  }
}
