import Glibc
import TextSupport

// Questions that rules ask about a line or a word, which is UTF-8.
extension Span<UInt8> {
  /// Whether `isIncluded` holds for every word, a run without white space.
  func allWordsSatisfy(_ isIncluded: (Span<UInt8>) -> Bool) -> Bool {
    var index = 0
    while index < count {
      let start = end(from: index) { ScalarKind(of: $0) == .whiteSpace }
      index = end(from: start) { ScalarKind(of: $0) != .whiteSpace }
      if start < index, !isIncluded(extracting(start..<index)) { return false }
    }
    return true
  }

  /// Whether a letter or a digit begins at `index`.
  func isAlphanumeric(at index: Int) -> Bool {
    let byte = self[index]
    if byte < 0x80 { return byte.isLatin || byte.isDigit }
    // Cyrillic letters.
    if byte == 0xD0 || byte == 0xD1 { return true }
    guard let properties = Unicode.Scalar(scalar(at: index).value)?.properties else { return false }
    return properties.isAlphabetic || properties.numericType != nil
  }

  /// Whether a letter or a digit begins in `range`.
  func hasAlphanumeric(in range: Range<Int>) -> Bool {
    range.contains { !self[$0].isContinuation && isAlphanumeric(at: $0) }
  }

  /// Whether the bytes are those of `other`.
  func isEqual(to other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    return withUnsafeBytes { bytes in
      other.withUnsafeBytes { other in
        guard let first = bytes.baseAddress, let second = other.baseAddress else { return true }
        return memcmp(first, second, bytes.count) == 0
      }
    }
  }

  /// The first range of `pattern`, which is not empty, at or after `start`; `nil` if there is none.
  func firstRange(of pattern: [UInt8], from start: Int = 0) -> Range<Int>? {
    var index = start
    while index + pattern.count <= count {
      let range = index..<index + pattern.count
      if self[index] == pattern[0], extracting(range).isEqual(to: pattern.span) { return range }
      index += 1
    }
    return nil
  }
}
