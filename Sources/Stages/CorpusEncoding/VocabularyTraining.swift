import BytePairEncoding
import CommandLineSupport
import CorpusFormat
import FileSupport
import JSONSupport

/// Learns a vocabulary from the corpus.
struct VocabularyTraining {
  let paths: [String]
  let vocabularySize: Int
  let minimumFrequency: Int
  let invalidUTF8: InvalidUTF8Policy
  /// How many threads count words.
  let threads: Int

  /// Enough to keep the threads busy while it is counted.
  private static let batchBytes = 1 << 24

  /// What the manifest says of it.
  var settings: JSONValue {
    [
      "trained": [
        "vocabulary_size": .integer(vocabularySize),
        "minimum_frequency": .integer(minimumFrequency),
      ]
    ]
  }

  func run() throws -> Tokenizer {
    var trainer = Trainer(
      vocabularySize: vocabularySize, minimumFrequency: minimumFrequency, threads: threads)
    var hasText = false
    var batch = TextBatch()
    let input = CorpusInput(paths: paths, invalidUTF8: invalidUTF8)
    try input.forEachPost("counting words") { post, endsWithNewline in
      hasText = true
      // The reference takes in each line with its newline if there is one, which shows where white space
      // ends a line.
      batch.append(post, addingNewline: endsWithNewline)
      if batch.byteCount >= Self.batchBytes {
        try trainer.add(batch)
        batch.removeAll()
      }
    }
    // The corpus is known to be UTF-8 by now.
    try trainer.add(batch)
    guard hasText else { throw CorpusEncoding.emptyCorpus(paths) }
    let progress = Progress("merging", total: vocabularySize, unit: .items("tokens"))
    let tokenizer = try trainer.train { try progress.update($0) }
    if tokenizer.count < vocabularySize {
      Log.warning(
        "the vocabulary has \(tokenizer.count) tokens instead of \(vocabularySize): "
          + "no other pair occurs \(minimumFrequency) times")
    } else {
      Log.info("learnt a vocabulary of \(tokenizer.count) tokens")
    }
    return tokenizer
  }
}
