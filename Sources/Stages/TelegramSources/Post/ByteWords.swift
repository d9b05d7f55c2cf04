import Glibc

/// The words that a reader knows, as the cases of an enumeration of strings, looked up by their
/// bytes without a string being made.
struct ByteWords<Word: RawRepresentable & CaseIterable & Sendable>: Sendable
where Word.RawValue == String {
  /// The words by their lengths.
  private let words: [[(bytes: [UInt8], word: Word)]]

  /// The words of all cases.
  init() {
    let all = Word.allCases.map { (bytes: Array($0.rawValue.utf8), word: $0) }
    let longest = all.map(\.bytes.count).max() ?? 0
    words = (0...longest).map { length in all.filter { $0.bytes.count == length } }
  }

  /// The word that is `bytes`; `nil` if it is none of them.
  func word(_ bytes: UnsafeRawBufferPointer) -> Word? {
    guard bytes.count < words.count, let base = bytes.baseAddress else { return nil }
    for candidate in words[bytes.count]
    where memcmp(candidate.bytes, base, bytes.count) == 0 {
      return candidate.word
    }
    return nil
  }
}

/// Whether `bytes` are the ASCII `word`.
func ~= (word: StaticString, bytes: UnsafeRawBufferPointer) -> Bool {
  guard word.utf8CodeUnitCount == bytes.count, let base = bytes.baseAddress else { return false }
  return memcmp(word.utf8Start, base, bytes.count) == 0
}

extension UnsafeRawBufferPointer {
  /// Where the ASCII `word` stands first at `start` or behind it; `nil` if it does not.
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
