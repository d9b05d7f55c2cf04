/// How many Unicode scalars `text`, which is UTF-8, has.
@inlinable
package func unicodeScalarCount(of text: UnsafeRawBufferPointer) -> Int {
  var count = 0
  // All bytes but those that continue a scalar begin one.
  for byte in text where Int8(bitPattern: byte) > -65 { count &+= 1 }
  return count
}

/// The offset of the first byte of `text` that cannot stand there in UTF-8 (RFC 3629).
///
/// A scalar that is cut off or not allowed counts from its first byte. `nil` where all is UTF-8.
package func offsetOfInvalidUTF8(in text: UnsafeRawBufferPointer) -> Int? {
  let count = text.count
  var index = 0
  while index < count {
    let lead = text[index]
    if lead < 0x80 {
      index += 1
      while index + 8 <= count,
        text.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index += 8
      }
      continue
    }
    let length: Int
    // What the second byte may be; the further ones are 80…BF.
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return index
    }
    guard index + length <= count, second.contains(text[index + 1]) else { return index }
    for further in 2..<max(length, 2) where text[index + further] & 0xC0 != 0x80 { return index }
    index += length
  }
  return nil
}
