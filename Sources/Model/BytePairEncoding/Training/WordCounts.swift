/// How often each distinct word of some texts occurs.
///
/// A word is a piece of the pre-tokenizer, within which pairs are merged. Each thread counts
/// separately, and the counts are added together.
public struct WordCounts: Sendable {
  private let preTokenizer = PreTokenizer()
  private var words = TokenTexts()
  private var index = TokenIndex()
  private var counts: [Int] = []

  /// Longer words are divided, so that a position in them fits into a cell of ``MergedWords``.
  private static let longestWord = 1 << 30

  /// Creates empty counts.
  public init() {}

  /// Whether there are no words.
  public var isEmpty: Bool { counts.isEmpty }

  /// The number of distinct words.
  var count: Int { counts.count }

  /// The number of bytes of the distinct words together.
  var byteCount: Int { words.lines.count - count }

  /// Calls `body` with the bytes and the count of each word.
  func forEach(_ body: (_ word: ArraySlice<UInt8>, _ count: Int) -> Void) {
    for (index, count) in counts.enumerated() { body(words[index], count) }
  }

  /// Counts the words of `text` as if it occurred `times` times; no word spans two texts.
  ///
  /// - Throws: ``InvalidUTF8``; the words before it have been counted.
  public mutating func add(
    _ text: UnsafeRawBufferPointer, times: Int = 1
  ) throws(InvalidUTF8) {
    let text = text.bindMemory(to: UInt8.self)
    let preTokenizer = preTokenizer
    try preTokenizer.forEachPiece(of: text, in: 0..<text.count) { piece in
      for start in stride(from: piece.lowerBound, to: piece.upperBound, by: Self.longestWord) {
        let end = min(piece.upperBound, start + Self.longestWord)
        add(UnsafeBufferPointer(rebasing: text[start..<end]).span.bytes, times)
      }
    }
  }

  /// Counts the words of `text` as if it occurred `times` times; no word spans two texts.
  ///
  /// - Throws: ``InvalidUTF8``; the words before it have been counted.
  public mutating func add(_ text: [UInt8], times: Int = 1) throws(InvalidUTF8) {
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try add(UnsafeRawBufferPointer(text), times: times)
    }
  }

  /// Adds the counts of `other`.
  public mutating func add(_ other: WordCounts) {
    other.forEach { word, count in add(word.span.bytes, count) }
  }

  @inline(__always)
  private mutating func add(_ word: RawSpan, _ count: Int) {
    if let found = index.find(word, in: words) {
      counts[found] += count
    } else {
      words.append(word)
      counts.append(count)
      _ = index.insert(counts.count - 1, of: words)
    }
  }
}
