import FileSupport
import Threading

/// Learns a byte-level vocabulary from text, merge for merge as the `BpeTrainer` of Hugging Face.
///
/// The ids are the special tokens in the order given, the 256 bytes in the order of their symbols,
/// and the merges. The pair that occurs most often is merged first; of several, the one with the
/// smaller ids.
///
///     var trainer = Trainer(vocabularySize: 16384)
///     for line in lines { try trainer.add(line) }
///     let tokenizer = try trainer.train()
public struct Trainer: Sendable {
  /// The special tokens of a new vocabulary, those of rugpt3.
  public static let specialTokens: [(text: String, role: TokenRole)] = [
    ("<pad>", .padding), ("<s>", .beginning), ("</s>", .end), ("<unk>", .unknown),
    ("<mask>", .mask),
  ]

  /// The smallest vocabulary: the special tokens and all bytes.
  public static let smallestVocabulary = specialTokens.count + 256

  private let vocabularySize: Int
  private let minimumFrequency: Int
  private var words: WordCounter

  /// A trainer of a vocabulary of up to `vocabularySize` tokens; no pair that occurs less often than
  /// `minimumFrequency` times is merged.
  ///
  /// The vocabulary is the same with any number of `threads`, which count the words of batches.
  public init(
    vocabularySize: Int, minimumFrequency: Int = 2, threads: Int = Processors.current.threadCount
  ) {
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency
    words = WordCounter(threads: threads)
  }

  /// Takes in `text`; no piece spans two texts.
  ///
  /// - Throws: ``InvalidUTF8``.
  public mutating func add(_ text: [UInt8]) throws(InvalidUTF8) {
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try add(UnsafeRawBufferPointer(text))
    }
  }

  /// Takes in `text`; no piece spans two texts.
  ///
  /// - Throws: ``InvalidUTF8``.
  public mutating func add(_ text: UnsafeRawBufferPointer) throws(InvalidUTF8) {
    try words.add(text)
  }

  /// Takes in `text` as if it came `times` times.
  ///
  /// - Throws: ``InvalidUTF8``.
  package mutating func add(_ text: [UInt8], times: Int) throws(InvalidUTF8) {
    try text.withUnsafeBufferPointer { text throws(InvalidUTF8) in
      try words.add(UnsafeRawBufferPointer(text), times: times)
    }
  }

  /// Takes in all texts of `batch` in several threads; no piece spans two texts.
  ///
  /// Batches of some megabytes keep the threads busy.
  ///
  /// - Throws: ``InvalidUTF8`` of the first text that is not UTF-8, with the offset in that text.
  public mutating func add(_ batch: TextBatch) throws(InvalidUTF8) {
    try words.add(batch)
  }

  /// The vocabulary of what was taken in, which is forgotten.
  ///
  /// It is smaller than was asked for where no pair is left that occurs often enough.
  /// `progress` is told the number of tokens there are.
  ///
  /// - Throws: What `progress` throws.
  public mutating func train(progress: (_ tokens: Int) throws -> Void = { _ in }) throws
    -> Tokenizer
  {
    var texts = TokenTexts()
    for token in Self.specialTokens { texts.append(token.text) }
    let firstByteID = UInt32(texts.count)
    var byteIDs = [UInt32](repeating: 0, count: 256)
    for (index, byte) in ByteSymbols.bytesInOrder.enumerated() {
      byteIDs[Int(byte)] = firstByteID + UInt32(index)
      texts.append(ByteSymbols.text(of: [byte]))
    }
    var words = PairMerging(
      self.words.takeSum(), byteIDs: byteIDs, minimumCount: max(1, minimumFrequency))
    var merges: [Tokenizer.Merge] = []
    var mergeLines: [UInt8] = []
    while texts.count < vocabularySize, let pair = words.popFirst() {
      // No two pairs lead to the same text: in what becomes a token the merges were the same
      // everywhere, as none reached beyond it.
      let result = UInt32(texts.count)
      texts.append(joining: Int(pair.left), Int(pair.right))
      merges.append(Tokenizer.Merge(left: pair.left, right: pair.right, result: result))
      mergeLines += texts[Int(pair.left)]
      mergeLines.append(0x20)
      mergeLines += texts[Int(pair.right)]
      mergeLines.append(0x0A)
      words.merge(pair, into: result)
      if texts.count.isMultiple(of: 64) { try progress(texts.count) }
    }
    let special = Self.specialTokens.map(\.text)
    return Tokenizer(
      texts: texts, index: TokenIndex(texts), modelCount: texts.count, merges: merges,
      mergeLines: mergeLines, byteIDs: byteIDs,
      addedTokens: special.enumerated().map { AddedToken($0.element, id: UInt32($0.offset)) },
      roles: Dictionary(uniqueKeysWithValues: Self.specialTokens.map { ($0.role, $0.text) }))
  }
}
