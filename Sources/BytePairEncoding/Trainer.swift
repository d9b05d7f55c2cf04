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
  private let preTokenizer = PreTokenizer()
  private var pieces = PieceTable()
  private var pieceCounts: [Int] = []

  /// A trainer of a vocabulary of up to `vocabularySize` tokens; no pair that occurs less often than
  /// `minimumFrequency` times is merged.
  public init(vocabularySize: Int, minimumFrequency: Int = 2) {
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency
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
    let text = text.bindMemory(to: UInt8.self)
    var start = 0
    while start < text.count {
      let end = try preTokenizer.pieceEnd(in: text, from: start)
      let number = pieces.number(of: UnsafeBufferPointer(rebasing: text[start..<end]))
      if number == pieceCounts.count {
        pieceCounts.append(1)
      } else {
        pieceCounts[number] += 1
      }
      start = end
    }
  }

  /// The vocabulary of what was taken in; it is smaller than was asked for where no pair is left
  /// that occurs often enough.
  ///
  /// `progress` is told the number of tokens there are.
  ///
  /// - Throws: What `progress` throws.
  public func train(progress: (_ tokens: Int) throws -> Void = { _ in }) throws -> Tokenizer {
    var texts = Self.specialTokens.map(\.text)
    let firstByteID = UInt32(texts.count)
    var byteIDs = [UInt32](repeating: 0, count: 256)
    for (index, byte) in ByteSymbols.bytesInOrder.enumerated() {
      byteIDs[Int(byte)] = firstByteID + UInt32(index)
      texts.append(ByteSymbols.text(of: [byte]))
    }
    var ids = Dictionary(zip(texts, UInt32(0)...)) { first, _ in first }
    var words = MergedPieces(pieces, counts: pieceCounts, byteIDs: byteIDs)
    var merges: [Tokenizer.Merge] = []
    while texts.count < vocabularySize,
      let pair = words.nextPair(minimumFrequency: max(1, minimumFrequency))
    {
      let text = texts[Int(pair.left)] + texts[Int(pair.right)]
      var result = UInt32(texts.count)
      if let existing = ids[text] {
        result = existing
      } else {
        ids[text] = result
        texts.append(text)
      }
      merges.append(Tokenizer.Merge(left: pair.left, right: pair.right, result: result))
      words.merge(pair, into: result)
      if texts.count % 64 == 0 { try progress(texts.count) }
    }
    let special = Self.specialTokens.map(\.text)
    return Tokenizer(
      texts: texts, modelCount: texts.count, merges: merges, byteIDs: byteIDs,
      addedTokens: special.enumerated().map { AddedToken($0.element, id: UInt32($0.offset)) },
      roles: Dictionary(uniqueKeysWithValues: Self.specialTokens.map { ($0.role, $0.text) }))
  }
}

/// All distinct pieces as sequences of ids that become shorter with every merge.
struct MergedPieces {
  /// A pair of neighbours and its number in the counts.
  struct Pair {
    let left: UInt32
    let right: UInt32
    fileprivate let number: Int
  }

  /// A pair with the count it had when it was put into the queue.
  private struct Candidate: Comparable {
    let count: Int
    let pair: UInt64
    let number: Int

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.count != b.count ? a.count > b.count : a.pair < b.pair
    }
  }

  /// The ids of all pieces, one after another; each piece leaves room behind it as it shrinks.
  private var ids: [UInt32] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private let counts: [Int]
  private var pairCounts = PairCounts()
  private var queue = BinaryHeap<Candidate>()

  init(_ pieces: PieceTable, counts: [Int], byteIDs: [UInt32]) {
    self.counts = counts
    for number in 0..<pieces.count {
      let start = ids.count
      for byte in pieces[number] { ids.append(byteIDs[Int(byte)]) }
      starts.append(start)
      lengths.append(ids.count - start)
      for index in start..<ids.count - 1 {
        _ = pairCounts.add(counts[number], ids[index], ids[index + 1], in: UInt32(number))
      }
    }
    queue = BinaryHeap(pairCounts.pairs.indices.map(candidate))
  }

  /// The pair to be merged next; `nil` if none occurs at least `minimumFrequency` times.
  mutating func nextPair(minimumFrequency: Int) -> Pair? {
    while let candidate = queue.popFirst() {
      let count = pairCounts.counts[candidate.number]
      if candidate.count != count {
        queue.insert(self.candidate(candidate.number))
        continue
      }
      guard count >= minimumFrequency else { return nil }
      return Pair(
        left: UInt32(candidate.pair >> 32), right: UInt32(truncatingIfNeeded: candidate.pair),
        number: candidate.number)
    }
    return nil
  }

  /// Puts `result` for every `pair`, from left to right.
  mutating func merge(_ pair: Pair, into result: UInt32) {
    var grown: Set<Int> = []
    for piece in pairCounts.takePieces(of: pair.number) {
      merge(pair, into: result, in: Int(piece), &grown)
    }
    for number in grown where pairCounts.counts[number] > 0 { queue.insert(candidate(number)) }
  }

  private mutating func merge(
    _ pair: Pair, into result: UInt32, in piece: Int, _ grown: inout Set<Int>
  ) {
    let start = starts[piece]
    let end = start + lengths[piece]
    let count = counts[piece]
    var read = start
    var write = start
    while read < end {
      guard ids[read] == pair.left, read + 1 < end, ids[read + 1] == pair.right else {
        ids[write] = ids[read]
        read += 1
        write += 1
        continue
      }
      if write > start {
        let before = ids[write - 1]
        _ = pairCounts.add(-count, before, pair.left, in: UInt32(piece))
        grown.insert(pairCounts.add(count, before, result, in: UInt32(piece)))
      }
      if read + 2 < end {
        let after = ids[read + 2]
        _ = pairCounts.add(-count, pair.right, after, in: UInt32(piece))
        grown.insert(pairCounts.add(count, result, after, in: UInt32(piece)))
      }
      ids[write] = result
      read += 2
      write += 1
    }
    lengths[piece] = write - start
  }

  private func candidate(_ number: Int) -> Candidate {
    Candidate(count: pairCounts.counts[number], pair: pairCounts.pairs[number], number: number)
  }
}
