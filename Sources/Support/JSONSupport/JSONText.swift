import FileSupport

/// How strings are written in JSON.
package enum JSONText {
  /// Whether `text` needs no escapes in a string.
  package static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    plainEnd(in: text, from: 0) == text.count
  }

  /// The end of the bytes of `text` from `start` on that represent themselves in a string: a quote,
  /// a backslash, a control character or the end of the text.
  @inline(__always)
  static func plainEnd(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
    func bytes(_ index: Int) -> UInt64 {
      UInt64(littleEndian: text.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
    var index = start
    let end = text.count
    while index &+ 8 <= end {
      let plain = plainCount(bytes(index))
      if plain < 8 { return index &+ plain }
      index &+= 8
    }
    if index < end, end >= 8 {
      // The zeros that are shifted in after the last bytes do not represent themselves.
      return index &+ plainCount(bytes(end &- 8) >> UInt64(8 &* (8 &- (end &- index))))
    }
    while index < end {
      let byte = text[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      index &+= 1
    }
    return index
  }

  /// How many of eight bytes, from the lowest on, represent themselves.
  ///
  /// `hits` has the high bit set for each byte that does not. A borrow can also set one wrongly,
  /// but only above a correct one, and only the lowest is used.
  @inline(__always)
  static func plainCount(_ bytes: UInt64) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = bytes ^ (ones &* 0x22)
    let backslashes = bytes ^ (ones &* 0x5C)
    let hits =
      (((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
        | ((bytes &- ones &* 0x20) & ~bytes)) & (ones &* 0x80)
    return hits.trailingZeroBitCount >> 3
  }
}

extension [UInt8] {
  /// Appends `text` as a quoted JSON string, escaping only what must be escaped.
  public mutating func appendJSONString(_ text: String) {
    var text = text
    text.withUTF8 { appendJSONString(UnsafeRawBufferPointer($0)) }
  }

  /// Appends `text`, which is UTF-8, as a quoted JSON string, escaping only what must be escaped.
  public mutating func appendJSONString(_ text: UnsafeRawBufferPointer) {
    append(UInt8(ascii: "\""))
    // Runs of bytes that represent themselves are copied at once.
    var start = 0
    while true {
      let end = JSONText.plainEnd(in: text, from: start)
      append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<end]))
      if end == text.count { break }
      appendJSONEscape(of: text[end])
      start = end + 1
    }
    append(UInt8(ascii: "\""))
  }

  private mutating func appendJSONEscape(of byte: UInt8) {
    append(UInt8(ascii: "\\"))
    switch byte {
    case 0x0A: append(UInt8(ascii: "n"))
    case 0x0D: append(UInt8(ascii: "r"))
    case 0x09: append(UInt8(ascii: "t"))
    case ..<0x20:
      append(contentsOf: "u00".utf8)
      append(contentsOf: (byte < 0x10 ? "0" : "").utf8)
      append(contentsOf: String(byte, radix: 16).utf8)
    default: append(byte)
    }
  }
}
