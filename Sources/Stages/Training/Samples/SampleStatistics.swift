import TextSupport

/// What texts that a model wrote are like, taken together.
package struct SampleStatistics: Equatable {
  /// How many texts there are.
  package var count = 0
  /// How many of them are well-formed bugurts; `nil` if the posts are no bugurts.
  package var wellFormedCount: Int?
  /// How many are posts of the training data.
  package var copyCount = 0
  /// The number of words of all texts.
  package private(set) var wordCount = 0
  private var words: Set<[UInt32]> = []
  private var pairs: Set<[UInt32]> = []
  private var pairCount = 0

  package init() {}

  /// Counts the words of `text`, whatever their case and whatever is between them.
  package mutating func count(_ text: String) {
    count += 1
    var folded = FoldedText()
    let bytes = Array(text.utf8)
    folded.load(bytes.span)
    let words = folded.scalars.split(separator: 0x20).map(Array.init)
    wordCount += words.count
    self.words.formUnion(words)
    for (first, second) in zip(words, words.dropFirst()) { pairs.insert(first + [0x20] + second) }
    pairCount += max(0, words.count - 1)
  }

  /// The number of different words, divided by the number of words (distinct-1 of Li and others 2016).
  package var distinctWords: Double { Self.fraction(words.count, of: wordCount) }

  /// The same for pairs of neighbouring words (distinct-2).
  package var distinctPairs: Double { Self.fraction(pairs.count, of: pairCount) }

  /// The numbers for a line of the log, by name.
  package var values: [String: Double] {
    var values = [
      "eval_texts": Double(count),
      "eval_texts_copied": Self.fraction(copyCount, of: count),
      "eval_texts_distinct_1": distinctWords,
      "eval_texts_distinct_2": distinctPairs,
      "eval_texts_words": Self.fraction(wordCount, of: count),
    ]
    values["eval_texts_well_formed"] = wellFormedCount.map { Self.fraction($0, of: count) }
    return values
  }

  private static func fraction(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }
}
