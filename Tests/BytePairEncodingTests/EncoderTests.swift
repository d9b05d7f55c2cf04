import BytePairEncoding
import Testing

@Suite struct EncoderTests {
  /// The plain meaning of merging: the pair of the lowest rank, the leftmost, again and again.
  func reference(_ piece: String, _ merges: [String]) -> [String] {
    var symbols = piece.map { $0 == " " ? "Ġ" : String($0) }
    while true {
      let pairs = zip(symbols, symbols.dropFirst()).map { "\($0) \($1)" }
      let ranks = pairs.map { merges.firstIndex(of: $0) ?? .max }
      guard let best = ranks.min(), best != .max, let index = ranks.firstIndex(of: best) else {
        return symbols
      }
      symbols.replaceSubrange(index...index + 1, with: [symbols[index] + symbols[index + 1]])
    }
  }

  /// Merges of tokens that are there, chosen by chance, no result twice.
  func randomMerges(_ count: Int, _ generator: inout FixedGenerator) -> [String] {
    var tokens = ["a", "b", "c", "Ġ"]
    var merges: [String] = []
    while merges.count < count {
      let left = tokens.randomElement(using: &generator) ?? ""
      let right = tokens.randomElement(using: &generator) ?? ""
      if right.contains("Ġ") || tokens.contains(left + right) { continue }
      tokens.append(left + right)
      merges.append("\(left) \(right)")
    }
    return merges
  }

  @Test("merges as the plain procedure does, pieces short and long")
  func againstReference() throws {
    var generator = FixedGenerator(state: 3)
    for round in 0..<25 {
      let merges = randomMerges(5 + round * 2, &generator)
      let tokenizer = try TokenizerFixture.tokenizer(merges: merges)
      var encoder = Encoder(tokenizer)
      for length in [3, 10, 40, 150] {
        for _ in 0..<10 {
          let word = " " + generator.text(of: ["a", "b", "c"], upTo: length)
          let expected = reference(word, merges)
          for _ in 0..<2 {
            let ids = try encoder.encode(word)
            #expect(ids.compactMap(tokenizer.text(of:)) == expected)
          }
        }
      }
    }
  }

  @Test("cuts pieces out and gives the ids of all")
  func pieces() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["Ð ¼", "Ġ Ð¼", "a b"])
    var encoder = Encoder(tokenizer)
    // ids 0 to 255 are the bytes in the order of their symbols.
    #expect(try encoder.encode("ab м, мab") == [258, 257, 11, 257, 258])
    #expect(try encoder.encode("\n\n") == [198, 198])
    #expect(try encoder.encode("") == [])
    #expect(try encoder.encode("\u{0}\u{7F}") == [188, 221])
  }

  @Test("takes a piece of a million letters in its stride")
  func longPiece() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["a a", "aa aa", "aaaa aaaa"])
    var encoder = Encoder(tokenizer)
    let ids = try encoder.encode(String(repeating: "a", count: 1_000_003))
    #expect(ids.count == 125_002)
    #expect(ids.allSatisfy { $0 == 258 } == false)
    #expect(ids.prefix(125_000).allSatisfy { $0 == 258 })
    #expect(ids.suffix(2) == [256, 64])
  }

  @Test("forgets what it remembers before it becomes too much")
  func manyPieces() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["a a"])
    var encoder = Encoder(tokenizer)
    var generator = FixedGenerator(state: 9)
    for _ in 0..<400_000 {
      let word = "aa" + String(generator.next(), radix: 2).prefix(50).map { $0 == "0" ? "b" : "c" }
      var ids: [UInt32] = []
      try encoder.encode(Array(word.utf8), into: &ids)
      guard ids.first == 256, ids.count == word.utf8.count - 1 else {
        Issue.record("\(word) became \(ids)")
        return
      }
    }
  }

  @Test("takes the names of special tokens as text unless it is told to recognise them")
  func specialTokens() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["s >"], special: ["<s>", "</s>"])
    var withEnd = tokenizer
    withEnd.setEndOfText(1)
    var plain = Encoder(withEnd)
    #expect(try plain.encode("<s>") == [29, 84, 31])
    var encoder = Encoder(withEnd, specialTokens: .recognized)
    #expect(try encoder.encode("<s>a</s>") == [0, 66, 1])
    #expect(try encoder.encode("a  <s>  b") == [66, 222, 222, 0, 222, 222, 67])
    #expect(try encoder.encode("<s") == [29, 84])
  }

  @Test("stops at what is not UTF-8")
  func invalid() throws {
    var encoder = Encoder(try TokenizerFixture.tokenizer(merges: []))
    var ids: [UInt32] = []
    #expect(throws: InvalidUTF8(offset: 3)) { try encoder.encode([65, 32, 66, 0xC3], into: &ids) }
  }
}
