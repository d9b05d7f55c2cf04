import TextSupport

/// How a scalar counts when white space is tidied.
enum ScalarKind {
  case visible
  case whiteSpace
  /// Takes up no room and means nothing: zero-width characters, direction marks, control
  /// characters.
  case invisible
  /// U+200D, which joins several emoji into one and is invisible everywhere else.
  case joiner
  /// A selector of an emoji or a tag of a flag, which is invisible everywhere else.
  case selector

  /// The kind of `scalar`: white space as Unicode defines it, plus blanks that count as letters
  /// there.
  init(of scalar: UInt32) {
    self =
      switch scalar {
      case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
        0x3000:
        .whiteSpace
      // The Braille blank and the Hangul fillers, with which posts fake empty lines.
      case 0x2800, 0x115F, 0x1160, 0x3164, 0xFFA0: .whiteSpace
      case 0x200D: .joiner
      case 0xFE0E, 0xFE0F, 0xE0020...0xE007F: .selector
      case 0x00..<0x20, 0x7F...0x9F, 0xAD, 0x34F, 0x61C, 0x17B4, 0x17B5, 0x180B...0x180F, 0x200B,
        0x200C, 0x200E, 0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFE00...0xFE0D, 0xFEFF,
        0xFFF9...0xFFFB, 0x13430...0x1343F, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0xE0FFF:
        .invisible
      default: .visible
      }
  }

  /// Whether it can be seen, or is part of what can.
  var isVisible: Bool { self == .visible || self == .selector }
}

extension UInt8 {
  /// Whether all scalars that begin with this byte are visible; also true of continuation bytes.
  ///
  /// True of the letters of most alphabets, so a look at one byte decides for nearly all text.
  @inline(__always)
  var isPlain: Bool {
    if self < 0x80 { return self > 0x20 && self != 0x7F }
    return self != 0xC2 && self != 0xCD && self != 0xD8 && self != 0xE1 && self != 0xE2
      && self != 0xE3 && self != 0xEF && self != 0xF0 && self != 0xF3
  }

  /// Whether this is an ASCII letter.
  @inline(__always)
  var isLatin: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

  /// Whether this is an ASCII digit.
  @inline(__always)
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  /// Whether this continues a scalar that an earlier byte begins.
  @inline(__always)
  var isContinuation: Bool { self & 0xC0 == 0x80 }
}

extension Span<UInt8> {
  /// The offset of the first visible scalar at or after `start`; `nil` if there is none.
  func firstVisible(from start: Int = 0) -> Int? {
    var index = start
    while index < count {
      if self[index].isPlain { return index }
      let (value, length) = scalar(at: index)
      if ScalarKind(of: value).isVisible { return index }
      index += length
    }
    return nil
  }

  /// The range from the first visible scalar to the end of the last.
  var visibleRange: Range<Int> {
    guard let start = firstVisible() else { return 0..<0 }
    var end = count
    while end > start {
      var last = end - 1
      while last > start, self[last].isContinuation { last -= 1 }
      if ScalarKind(of: scalar(at: last).value).isVisible { break }
      end = last
    }
    return start..<end
  }

  /// Where the run of plain bytes from `start` on ends, or an earlier scalar that begins with
  /// 0xE0, 0xF1 or 0xF2.
  func endOfPlain(from start: Int) -> Int {
    func all(_ byte: UInt64) -> UInt64 { 0x0101_0101_0101_0101 &* byte }
    // Sets the high bit of each byte below `limit`, and perhaps of one after it: only the first is
    // certain.
    func below(_ limit: UInt64, _ bytes: UInt64) -> UInt64 { (bytes &- all(limit)) & ~bytes }
    let text = bytes
    var index = start
    while index + 8 <= count {
      let word = UInt64(
        littleEndian: text.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
      let stops =
        below(0x21, word) | below(1, word ^ all(0x7F)) | below(1, word ^ all(0xC2))
        | below(1, word ^ all(0xCD)) | below(1, word ^ all(0xD8))
        | below(1, (word & all(0xFC)) ^ all(0xE0)) | below(1, word ^ all(0xEF))
        | below(1, (word & all(0xFC)) ^ all(0xF0))
      let plainCount = (stops & all(0x80)).trailingZeroBitCount >> 3
      index += plainCount
      if plainCount < 8 { return index }
    }
    while index < count, self[index].isPlain { index += 1 }
    return index
  }
}
