/// Learns a byte-level vocabulary from text, with the same merges as Hugging Face's `BpeTrainer`.
///
/// The ids are the special tokens in the given order, the 256 bytes in the order of their symbols,
/// and the merges. The most frequent pair is merged first; of equally frequent pairs, the one with
/// the smaller ids.
///
///     var words = WordCounts()
///     for line in lines { try words.add(line) }
///     let tokenizer = try BPETrainer(vocabularySize: 16384).train(on: words)
public struct BPETrainer: Sendable {
  /// The special tokens of a new vocabulary, those of rugpt3.
  public static let specialTokens: [(text: String, role: TokenRole)] = [
    ("<pad>", .padding), ("<s>", .beginning), ("</s>", .end), ("<unk>", .unknown),
    ("<mask>", .mask),
  ]

  /// The smallest vocabulary: the special tokens and all bytes.
  public static let smallestVocabulary = specialTokens.count + 256

  private let vocabularySize: Int
  private let minimumFrequency: Int

  /// A trainer of a vocabulary of up to `vocabularySize` tokens that merges no pair that occurs
  /// fewer than `minimumFrequency` times.
  public init(vocabularySize: Int, minimumFrequency: Int = 2) {
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency
  }

  /// The vocabulary of the texts whose words are in `counts`.
  ///
  /// It is smaller than requested if no pair is left that is frequent enough. `progress` is called
  /// from time to time with the number of tokens.
  ///
  /// - Throws: What `progress` throws.
  public func train(
    on counts: consuming WordCounts, progress: (_ tokens: Int) throws -> Void = { _ in }
  ) throws -> Tokenizer {
    var texts = TokenTexts()
    for token in Self.specialTokens { texts.append(token.text) }
    let firstByteID = UInt32(texts.count)
    var byteIDs = [UInt32](repeating: 0, count: 256)
    for (index, byte) in ByteSymbols.bytesInOrder.enumerated() {
      byteIDs[Int(byte)] = firstByteID + UInt32(index)
      texts.append(String(ByteSymbols.scalars[Int(byte)]))
    }
    var words = PairMerging(
      counts, byteIDs: byteIDs, minimumCount: max(1, minimumFrequency))
    var merges: [Tokenizer.Merge] = []
    while texts.count < vocabularySize, let pair = words.popFirst() {
      // No two pairs produce the same text: within what becomes a token, the merges are the same
      // everywhere, because none extends beyond it.
      let result = UInt32(texts.count)
      let text = texts[Int(pair.left)] + texts[Int(pair.right)]
      texts.append(text.span.bytes)
      merges.append(Tokenizer.Merge(left: pair.left, right: pair.right, result: result))
      words.merge(pair, into: result)
      if texts.count.isMultiple(of: 64) { try progress(texts.count) }
    }
    let special = Self.specialTokens.map(\.text)
    return Tokenizer(
      texts: texts, index: TokenIndex(texts), modelCount: texts.count, merges: merges,
      byteIDs: byteIDs,
      addedTokens: special.enumerated().map { AddedToken($0.element, id: UInt32($0.offset)) },
      roles: Dictionary(uniqueKeysWithValues: Self.specialTokens.map { ($0.role, $0.text) }))
  }
}
