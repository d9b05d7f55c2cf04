import BytePairEncoding
import TextSupport
import TokenShardFormat

/// The texts that a model is trained on, as they are compared with those it writes: as words, whatever
/// their case, and whatever is between them.
struct TrainingTexts {
  let shards: TokenShards
  let tokenizer: Tokenizer
  /// The token that ends a text.
  let endOfText: Int

  /// Longer texts are compared in parts.
  private static let longestLine = 1 << 20

  /// Which of `texts` occur in a text as a whole; the last word may be cut off.
  ///
  /// A text without words counts as occurring.
  func occurrences(of texts: [String]) -> [Bool] {
    let wanted = texts.map { Self.words(of: $0)[...] }
    var isFound = wanted.map(\.isEmpty)
    var line: [UInt8] = []
    func search() {
      let words = Self.words(of: String(decoding: line, as: UTF8.self))
      line.removeAll(keepingCapacity: true)
      for index in wanted.indices where !isFound[index] {
        isFound[index] = Self.words(words, contain: wanted[index])
      }
    }
    for begin in stride(from: 0, to: shards.count, by: 1 << 16) {
      for id in shards.ids(in: begin..<min(begin + 1 << 16, shards.count)) {
        // A continuous text has a newline after each post.
        let bytes = id < tokenizer.count && id != endOfText ? tokenizer.bytes(of: id) : [0x0A]
        line += bytes
        if bytes.contains(0x0A) || line.count > Self.longestLine { search() }
      }
      if isFound.allSatisfy(\.self) { break }
    }
    search()
    return isFound
  }

  private static func words(of text: String) -> [UInt32] {
    var folded = FoldedText()
    let bytes = Array(text.utf8)
    folded.load(bytes.span)
    // Samples lack what is no character.
    return folded.scalars.filter { $0 != 0xFFFD }
  }

  /// Whether `part` begins at a word of `words`.
  private static func words(_ words: [UInt32], contain part: ArraySlice<UInt32>) -> Bool {
    guard let first = part.first, part.count <= words.count else { return false }
    return (0...words.count - part.count).contains { start in
      words[start] == first && (start == 0 || words[start - 1] == 0x20)
        && words[start..<start + part.count].elementsEqual(part)
    }
  }
}
