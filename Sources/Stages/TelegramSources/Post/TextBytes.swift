import Glibc

/// What the text of a message needs, whose UTF-8 this is.
extension [UInt8] {
  /// Turns CR LF and CR behind `start` into LF.
  mutating func unifyLineEnds(from start: Int) {
    let hasReturn = withUnsafeBytes { bytes in
      bytes.baseAddress.map { memchr($0 + start, 0x0D, bytes.count - start) != nil } ?? false
    }
    guard hasReturn else { return }
    var kept = start
    for index in start..<count {
      var byte = self[index]
      if byte == 0x0D {
        if index + 1 < count, self[index + 1] == 0x0A { continue }
        byte = 0x0A
      }
      self[kept] = byte
      kept += 1
    }
    removeSubrange(kept...)
  }

  /// How many UTF-16 units the bytes from `start` on are: one for each scalar, two above U+FFFF.
  func utf16Length(from start: Int) -> Int {
    withUnsafeBytes { bytes in
      var units = bytes.count - start
      var index = start
      // Eight bytes at a time: those of the form 10xxxxxx go on a scalar and do not count, those of
      // the form 1111xxxx begin one above U+FFFF and count twice. A shift brings the lower bits of
      // each byte, and no bit of another one, under its highest.
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
