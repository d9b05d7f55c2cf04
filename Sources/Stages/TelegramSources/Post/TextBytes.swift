import Glibc

extension [UInt8] {
  /// The length in UTF-16 units of the UTF-8 from `start` on: one for each scalar, two above U+FFFF.
  func utf16Length(from start: Int) -> Int {
    withUnsafeBytes { bytes in
      var units = bytes.count - start
      var index = start
      // Eight bytes at a time. Bytes of the form 10xxxxxx continue a scalar and do not count; those
      // of the form 1111xxxx begin a scalar above U+FFFF and count twice. The shifts move the next
      // bits of each byte, and no bit of another byte, to its highest place.
      let highest: UInt64 = 0x8080_8080_8080_8080
      while index &+ 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let second = word << 1
        units &-= (word & ~second & highest).nonzeroBitCount
        units &+= (word & second & (word << 2) & (word << 3) & highest).nonzeroBitCount
        index &+= 8
      }
      for byte in bytes[index...] {
        if byte & 0xC0 == 0x80 { units &-= 1 }
        if byte >= 0xF0 { units &+= 1 }
      }
      return units
    }
  }
}

/// Whether `bytes` are the ASCII `word`.
func ~= (word: StaticString, bytes: UnsafeRawBufferPointer) -> Bool {
  guard word.utf8CodeUnitCount == bytes.count, let base = bytes.baseAddress else { return false }
  return memcmp(word.utf8Start, base, bytes.count) == 0
}

extension UnsafeRawBufferPointer {
  /// Where the ASCII `word` first occurs at or after `start`; `nil` if it does not.
  func range(of word: StaticString, from start: Int = 0) -> Range<Int>? {
    guard let base = baseAddress else { return nil }
    let (first, length) = (Int32(word.utf8Start.pointee), word.utf8CodeUnitCount)
    var index = start
    while index + length <= count, let found = memchr(base + index, first, count - index) {
      index = UnsafeRawPointer(found) - base
      guard index + length <= count else { return nil }
      if memcmp(base + index, word.utf8Start, length) == 0 { return index..<index + length }
      index += 1
    }
    return nil
  }
}
