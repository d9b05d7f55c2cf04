import BytePairEncoding
import CorpusFormat
import FileSupport
import JSONSupport

/// Learns a vocabulary from the posts of a corpus that a model is trained on.
///
/// If it also came from those held back, they would have shorter encodings than new posts, and every
/// validation would flatter the model.
public struct VocabularyTraining {
  public let input: CorpusInput
  /// The maximum number of tokens.
  public var vocabularySize = defaultVocabularySize
  /// How often a pair must occur to be merged.
  public var minimumFrequency = defaultMinimumFrequency
  /// The fraction of the posts that is held back for validation.
  public var validationFraction = 0.0

  public static let defaultVocabularySize = 16384
  public static let defaultMinimumFrequency = 2

  /// Vocabulary training with the default options.
  public init(_ input: CorpusInput) {
    self.input = input
  }

  /// The origin of the vocabulary, for the manifest.
  public var settings: JSONValue {
    [
      "trained": [
        "vocabulary_size": .integer(vocabularySize),
        "minimum_frequency": .integer(minimumFrequency),
      ]
    ]
  }

  /// Learns the vocabulary; the number of threads does not change it.
  ///
  /// - Throws: `InputError` if the corpus is empty or not UTF-8, or if all of it goes to validation; `FileError`; what `report` throws.
  public func run(report: @escaping CorpusReport) throws -> Tokenizer {
    let held = HeldPosts(fraction: validationFraction)
    let threads = (0..<input.threads).map { _ in CountingThread(held) }
    try input.forEachBlock(
      states: threads, makeBlock: { CorpusBlock() },
      work: { thread, block in thread.count(block) }, report: report, finish: { _, _ in })
    var words = threads[0].takeWords()
    for thread in threads.dropFirst() { words.add(thread.takeWords()) }
    guard !words.isEmpty else {
      let held = threads.reduce(0) { $0 + $1.heldPosts }
      throw held > 0 ? input.error(allHeldBack: held) : input.isEmptyError
    }
    return try BPETrainer(vocabularySize: vocabularySize, minimumFrequency: minimumFrequency)
      .train(on: words) {
        try report(.merged(tokens: $0, vocabularySize: vocabularySize))
      }
  }
}

/// What a counting thread has to itself.
private final class CountingThread {
  // Only one thread at a time uses it, so this need not be checked for each post.
  @exclusivity(unchecked) private var words = WordCounts()
  /// The number of posts that were left out.
  @exclusivity(unchecked) private(set) var heldPosts = 0
  private let held: HeldPosts

  init(_ held: HeldPosts) {
    self.held = held
  }

  /// Counts the words of the posts in `block`.
  ///
  /// The reference implementation learns from each line including its newline, if any, which shows
  /// where white space ends a line.
  func count(_ block: CorpusBlock) {
    let text = block.text.bytes
    block.failure = nil
    do throws(CorpusBlock.InvalidText) {
      block.newlines = try CorpusReader.forEachPost(in: text) {
        line, post throws(CorpusBlock.InvalidText) in
        if held.contains(text[post]) {
          heldPosts += 1
          return
        }
        do throws(InvalidUTF8) {
          if post.upperBound == text.count {
            try words.add(UnsafeRawBufferPointer(rebasing: text[post]))
          } else if text[post.upperBound] == 0x0A {
            try words.add(UnsafeRawBufferPointer(rebasing: text[post.lowerBound...post.upperBound]))
          } else {
            // A carriage return before the newline is not part of the line.
            let hasNewline = post.upperBound + 1 < text.count
            let line: [UInt8] = text[post] + (hasNewline ? [0x0A] : [])
            try line.withUnsafeBufferPointer { line throws(InvalidUTF8) in
              try words.add(UnsafeRawBufferPointer(line))
            }
          }
        } catch {
          throw CorpusBlock.InvalidText(
            in: text, at: post.lowerBound + error.offset, lineStart: post.lowerBound,
            newlines: line - 1)
        }
      }
    } catch {
      block.failure = error
    }
  }

  func takeWords() -> WordCounts {
    defer { words = WordCounts() }
    return words
  }
}
