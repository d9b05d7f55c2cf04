/// Whether `bytes` are valid UTF-8.
package func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
  bytes.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
}

extension String {
  /// The string with the UTF-8 `bytes`; `nil` if they are not valid.
  package init?(utf8 bytes: UnsafeRawBufferPointer) {
    let bytes = UnsafeBufferPointer(
      start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    guard let span = try? UTF8Span(validating: bytes.span) else { return nil }
    self.init(copying: span)
  }
}

/// The number of Unicode scalars in `text`, which is UTF-8.
@inlinable
package func unicodeScalarCount(of text: UnsafeRawBufferPointer) -> Int {
  var count = 0
  // Every byte begins a scalar, except continuation bytes.
  for byte in text where Int8(bitPattern: byte) > -65 { count &+= 1 }
  return count
}

/// The offset of the first byte of `text` that is invalid in UTF-8 (RFC 3629); `nil` if there is
/// none.
///
/// The offset of a truncated or disallowed scalar is that of its first byte.
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
    guard let (length, second) = sequence(ledBy: lead) else { return index }
    guard index + length <= count, second.contains(text[index + 1]) else { return index }
    for further in 2..<max(length, 2) where text[index + further] & 0xC0 != 0x80 { return index }
    index += length
  }
  return nil
}

/// The length of a character that begins with `lead`, and the range of its second byte; `nil` if no
/// character begins with it.
///
/// Further bytes are 80…BF.
@inline(__always)
private func sequence(ledBy lead: UInt8) -> (length: Int, second: ClosedRange<UInt8>)? {
  switch lead {
  case 0xC2...0xDF: (2, 0x80...0xBF)
  case 0xE0: (3, 0xA0...0xBF)
  case 0xED: (3, 0x80...0x9F)
  case 0xE1...0xEF: (3, 0x80...0xBF)
  case 0xF0: (4, 0x90...0xBF)
  case 0xF1...0xF3: (4, 0x80...0xBF)
  case 0xF4: (4, 0x80...0x8F)
  default: nil
  }
}

/// The length of the broken character at the beginning of `text`: as many bytes as could begin a
/// valid one, but at least one.
///
/// `text` begins at the offset from ``offsetOfInvalidUTF8(in:)``. If it `mayGoOn`, the character is
/// broken only by the end of `text`.
package func brokenCharacter(in text: UnsafeRawBufferPointer) -> (length: Int, mayGoOn: Bool) {
  guard let (length, second) = sequence(ledBy: text[0]) else { return (1, false) }
  guard text.count > 1 else { return (1, true) }
  guard second.contains(text[1]) else { return (1, false) }
  var end = 2
  while end < min(length, text.count), text[end] & 0xC0 == 0x80 { end += 1 }
  return (end, end == text.count)
}
