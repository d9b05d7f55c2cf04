import BytePairEncoding
import TestSupport
import Testing

@Suite struct BPETrainerTests {
  func train(_ lines: [String], size: Int = 10_000, frequency: Int = 2) throws -> Tokenizer {
    var words = WordCounts()
    for line in lines { try words.add(Array(line.utf8)) }
    return try BPETrainer(vocabularySize: size, minimumFrequency: frequency).train(on: words)
  }

  func mergeTexts(_ tokenizer: Tokenizer) -> [String] {
    tokenizer.merges.map {
      "\(tokenizer.text(of: $0.left) ?? "?") \(tokenizer.text(of: $0.right) ?? "?")"
    }
  }

  /// Merges pair by pair, and counts all pairs again for each.
  func reference(_ lines: [String], size: Int, frequency: Int) throws -> [String] {
    var texts = TokenizerFixture.symbols
    let ids = Dictionary(uniqueKeysWithValues: zip(texts, texts.indices))
    var words: [[Int]: Int] = [:]
    for line in lines {
      for piece in try PreTokenizer().pieces(of: Array(line.utf8)) {
        words[piece.map { ids[symbol(of: $0)] ?? 0 }, default: 0] += 1
      }
    }
    var merges: [String] = []
    while texts.count + 5 < size {
      var counts: [[Int]: Int] = [:]
      for (word, count) in words {
        for pair in zip(word, word.dropFirst()) { counts[[pair.0, pair.1], default: 0] += count }
      }
      let best = counts.min { a, b in
        a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
      }
      guard let (pair, count) = best, count >= frequency else { break }
      let result = texts.count
      merges.append("\(texts[pair[0]]) \(texts[pair[1]])")
      texts.append(texts[pair[0]] + texts[pair[1]])
      words = Dictionary(
        words.map { (merged($0.key, pair, into: result), $0.value) }, uniquingKeysWith: +)
    }
    return merges
  }

  func symbol(of byte: UInt8) -> String {
    switch byte {
    case 33...126, 161...172, 174...255: String(Unicode.Scalar(byte))
    case 0...32: String(Unicode.Scalar(0x100 + UInt32(byte)) ?? "?")
    case 127...160: String(Unicode.Scalar(0x121 + UInt32(byte - 127)) ?? "?")
    default: "\u{143}"
    }
  }

  func merged(_ word: [Int], _ pair: [Int], into result: Int) -> [Int] {
    var merged: [Int] = []
    for token in word {
      // A token that was just made here cannot be the left half of the same pair.
      if merged.last == pair[0], token == pair[1] {
        merged[merged.count - 1] = result
      } else {
        merged.append(token)
      }
    }
    return merged
  }

  @Test("merges the most frequent pair, of several the one with the smaller ids")
  func ties() throws {
    let tokenizer = try train(["ab ab ab cd cd"])
    #expect(mergeTexts(tokenizer) == ["a b", "c d", "Ġ ab", "Ġ cd"])
    #expect(tokenizer.count == 265)
    #expect(tokenizer.merges.map(\.result) == [261, 262, 263, 264])
  }

  @Test("replaces from left to right without overlap")
  func overlap() throws {
    #expect(mergeTexts(try train(["aaaaaaa"])) == ["a a", "aa aa"])
    #expect(mergeTexts(try train(["aaa aaa"])) == ["a a", "aa a"])
  }

  @Test("puts the special tokens first, then the bytes in the order of their symbols")
  func vocabulary() throws {
    let tokenizer = try train([], size: 300)
    #expect(tokenizer.count == BPETrainer.smallestVocabulary)
    let texts = (0..<UInt32(261)).compactMap { tokenizer.text(of: $0) }
    #expect(texts == ["<pad>", "<s>", "</s>", "<unk>", "<mask>"] + TokenizerFixture.symbols)
    #expect(tokenizer.id(of: .end) == 2)
    #expect(tokenizer.isSpecial(2) && !tokenizer.isOrdinary(2) && tokenizer.isOrdinary(5))
  }

  @Test("stops at the size asked for, or where no pair occurs often enough")
  func stopping() throws {
    let lines = ["ab ab ab cd cd"]
    #expect(mergeTexts(try train(lines, size: 262)) == ["a b"])
    #expect(mergeTexts(try train(lines, size: 100)) == [])
    #expect(mergeTexts(try train(lines, frequency: 3)) == ["a b"])
    // A pair that does not occur is not merged even where none must occur.
    #expect(mergeTexts(try train(["ab"], frequency: 0)) == ["a b"])
  }

  /// Lines of few different characters, so that many pairs are equally frequent.
  func lines(seed: UInt64) -> [String] {
    let alphabets = [
      ["a", "b", "c", "aa", "ab", " ", "!", "\n"], ["a", "b"], ["a"], ["а", "б", "А", " а", " "],
      ["ёж", "ё", " ж", "ж", "е\u{308}"], ["0", "1", "00", " 10", "!", "!!", " ?"],
      ["😀", "😁", " 😀", "\u{FE0F}"], ["ab", "ba", "bab", " ab", " "], ["кот", " кот", "ток", " то"],
    ]
    var generator = FixedGenerator(state: seed)
    let parts = alphabets[Int(seed) % alphabets.count]
    return (0..<Int.random(in: 1...12, using: &generator)).map { _ in
      generator.text(of: parts, upTo: seed.isMultiple(of: 5) ? 300 : 30)
    }
  }

  @Test("merges in the same order as counting again every time", arguments: 0..<8)
  func againstReference(group: UInt64) throws {
    for seed in group * 50..<group * 50 + 50 {
      let lines = lines(seed: seed)
      let frequency = [1, 2, 3, 5][Int(seed / 9) % 4]
      let expected = try reference(lines, size: 330, frequency: frequency)
      let tokenizer = try train(lines, size: 330, frequency: frequency)
      #expect(mergeTexts(tokenizer) == expected, "seed \(seed)")
      let texts = (0..<UInt32(tokenizer.count)).compactMap { tokenizer.text(of: $0) }
      #expect(Set(texts).count == tokenizer.count, "seed \(seed)")
    }
  }

  @Test("merges the same in long words, which are looked through in parts")
  func longWords() throws {
    var generator = FixedGenerator(state: 3)
    for length in [127, 128, 129, 130, 192, 193, 500, 1000] {
      let lines = [
        String(repeating: "a", count: length), generator.text(of: ["a", "b"], upTo: length),
        generator.text(of: ["ab", "aab", "а"], upTo: length), "b",
        String(repeating: "ab", count: length / 2),
        generator.text(of: ["x", "y"], upTo: 2 * length),
      ]
      for frequency in [1, 2] {
        let expected = try reference(lines, size: 400, frequency: frequency)
        #expect(mergeTexts(try train(lines, size: 400, frequency: frequency)) == expected)
      }
    }
  }

  @Test("learns from a word of a million letters")
  func hugeWord() throws {
    let same = try train([String(repeating: "a", count: 1 << 20)], size: 300)
    // Every merge halves the word, and the last one would leave a pair that occurs once.
    #expect(same.merges.count == 19)
    #expect(same.bytes(of: UInt32(same.count - 1)).count == 1 << 19)
    var generator = FixedGenerator(state: 11)
    let letters = (0..<1 << 20).map { _ in UInt8.random(in: 0x61...0x7A, using: &generator) }
    var words = WordCounts()
    try words.add(letters)
    let tokenizer = try BPETrainer(vocabularySize: 3000).train(on: words)
    #expect(tokenizer.count == 3000)
    // All pairs of letters are about equally frequent, and more so than what follows them.
    #expect(tokenizer.merges.prefix(300).allSatisfy { tokenizer.bytes(of: $0.result).count == 2 })
  }

  @Test("has no pair in words of one byte and in no text at all")
  func noPair() throws {
    #expect(mergeTexts(try train([])) == [])
    #expect(mergeTexts(try train(["a", "b", "!", ""], frequency: 1)) == [])
  }

  @Test("orders pairs by counts that do not fit into 32 bits")
  func largeCounts() throws {
    var words = WordCounts()
    try words.add(Array("ab".utf8), times: 1 << 31)
    try words.add(Array("cd".utf8), times: 1 << 32)
    try words.add(Array("ef".utf8), times: (1 << 32) + 1)
    try words.add(Array("gh".utf8), times: 7)
    let tokenizer = try BPETrainer(vocabularySize: 1000).train(on: words)
    #expect(mergeTexts(tokenizer) == ["e f", "c d", "a b", "g h"])
  }

  @Test("learns the same from counts that were added together", arguments: [1, 2, 3, 8])
  func sums(count: Int) throws {
    var generator = FixedGenerator(state: 5)
    let parts = ["кот", " кот", "а", " на", "!", " окне", "ы", " ", "ель"]
    let lines = (0..<6000).map { _ in generator.text(of: parts, upTo: 40) }
    var counts = [WordCounts](repeating: WordCounts(), count: count)
    for (index, line) in lines.enumerated() { try counts[index % count].add(Array(line.utf8)) }
    var sum = WordCounts()
    #expect(sum.isEmpty)
    for other in counts { sum.add(other) }
    #expect(!sum.isEmpty)
    let expected = mergeTexts(try train(lines, size: 600))
    #expect(mergeTexts(try BPETrainer(vocabularySize: 600).train(on: sum)) == expected)
    #expect(expected.count == 600 - BPETrainer.smallestVocabulary)
  }

  @Test("refuses what is not UTF-8 and stops where the progress does")
  func failures() throws {
    struct Stop: Error {}
    var words = WordCounts()
    #expect(throws: InvalidUTF8(offset: 1)) { try words.add([0x61, 0xFE]) }
    var generator = FixedGenerator(state: 2)
    let letters = "abcdefghijklmnopqrstuvwxyz".map { String($0) }
    for _ in 0..<400 {
      try words.add(Array(generator.text(of: letters, upTo: 12).utf8))
    }
    let trainer = BPETrainer(vocabularySize: 1000, minimumFrequency: 1)
    #expect(throws: Stop.self) { try trainer.train(on: words) { _ in throw Stop() } }
  }
}
