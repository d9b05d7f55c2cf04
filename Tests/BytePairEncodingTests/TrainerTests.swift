import BytePairEncoding
import TestSupport
import Testing

@Suite struct TrainerTests {
  func train(_ lines: [String], size: Int = 10_000, frequency: Int = 2) throws -> Tokenizer {
    var trainer = Trainer(vocabularySize: size, minimumFrequency: frequency)
    for line in lines { try trainer.add(Array(line.utf8)) }
    return try trainer.train()
  }

  func mergeTexts(_ tokenizer: Tokenizer) -> [String] {
    tokenizer.merges.map {
      "\(tokenizer.text(of: $0.left) ?? "?") \(tokenizer.text(of: $0.right) ?? "?")"
    }
  }

  /// Counts all pairs anew for every merge.
  func reference(_ lines: [String], size: Int, frequency: Int) throws -> [String] {
    var ids = Dictionary(
      uniqueKeysWithValues: TokenizerFixture.symbols.enumerated().map { ($0.element, $0.offset) })
    let symbols = TokenizerFixture.symbols.map { String($0) }
    var words = try lines.flatMap { line in
      try PreTokenizer().pieces(of: Array(line.utf8)).map { piece in
        piece.map { byte in
          byte == 0x20
            ? "Ġ" : byte == 0x0A ? "Ċ" : symbols.first { $0.utf8.elementsEqual([byte]) } ?? ""
        }
      }
    }
    var merges: [String] = []
    while ids.count + 5 < size {
      var counts: [[String]: Int] = [:]
      for word in words {
        for (left, right) in zip(word, word.dropFirst()) { counts[[left, right], default: 0] += 1 }
      }
      let best = counts.min { a, b in
        if a.value != b.value { return a.value > b.value }
        return (ids[a.key[0]] ?? 0, ids[a.key[1]] ?? 0) < (ids[b.key[0]] ?? 0, ids[b.key[1]] ?? 0)
      }
      guard let best, best.value >= frequency else { break }
      let pair = best.key
      ids[pair.joined()] = ids.count
      merges.append(pair.joined(separator: " "))
      for index in words.indices {
        var merged: [String] = []
        for symbol in words[index] {
          // A token that was just made here cannot be the left half of the same pair.
          if merged.last == pair[0], symbol == pair[1] {
            merged[merged.count - 1] = pair.joined()
          } else {
            merged.append(symbol)
          }
        }
        words[index] = merged
      }
    }
    return merges
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
    #expect(tokenizer.count == Trainer.smallestVocabulary)
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

  @Test("merges in the same order as counting anew every time")
  func againstReference() throws {
    var generator = FixedGenerator(state: 7)
    for round in 0..<30 {
      let lines = (0..<12).map { _ in
        generator.text(of: ["a", "b", "c", "aa", "ab", " ", "!", "\n"], upTo: 30)
      }
      let frequency = 1 + round % 3
      let expected = try reference(lines, size: 330, frequency: frequency)
      #expect(mergeTexts(try train(lines, size: 330, frequency: frequency)) == expected)
    }
  }

  @Test("refuses what is not UTF-8 and stops where the progress does")
  func failures() throws {
    struct Stop: Error {}
    var trainer = Trainer(vocabularySize: 1000, minimumFrequency: 1)
    #expect(throws: InvalidUTF8(offset: 1)) { try trainer.add([0x61, 0xFE]) }
    var generator = FixedGenerator(state: 2)
    let letters = "abcdefghijklmnopqrstuvwxyz".map { String($0) }
    for _ in 0..<400 {
      try trainer.add(Array(generator.text(of: letters, upTo: 12).utf8))
    }
    #expect(throws: Stop.self) { try trainer.train { _ in throw Stop() } }
  }
}
