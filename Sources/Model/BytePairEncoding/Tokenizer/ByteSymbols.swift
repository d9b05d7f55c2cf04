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

  /// Writes the bytes that `text`, which is UTF-8, stands for to `output`, which has as many bytes at
  /// least.
  ///
  /// - Returns: How many bytes; `nil` if a character stands for none.
  static func decode(
    _ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> Int? {
    precondition(text.count <= output.count)
    return bytes.withUnsafeBufferPointer { bytes in
      var count = 0
      var index = 0
      while index < text.count {
        var code = Int(text[index])
        index += 1
        // The characters that stand for bytes have one byte or two.
        if code >= 0x80 {
          guard code < 0xE0, index < text.count else { return nil }
          code = (code & 0x1F) << 6 | Int(text[index] & 0x3F)
          index += 1
        }
        guard code < bytes.count, bytes[code] >= 0 else { return nil }
        output[count] = UInt8(truncatingIfNeeded: bytes[code])
        count += 1
      }
      return count
    }
  }
}
