import BytePairEncoding
import FileSupport
import TestSupport
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

  @Test("splits a text into pieces and gives the ids of all")
  func pieces() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["Ð ¼", "Ġ Ð¼", "a b"])
    var encoder = Encoder(tokenizer)
    // ids 0 to 255 are the bytes in the order of their symbols.
    #expect(try encoder.encode("ab м, мab") == [258, 257, 11, 257, 258])
    #expect(try encoder.encode("\n\n") == [198, 198])
    #expect(try encoder.encode("") == [])
    #expect(try encoder.encode("\u{0}\u{7F}") == [188, 221])
  }

  @Test("encodes a piece of a million letters")
  func longPiece() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["a a", "aa aa", "aaaa aaaa"])
    var encoder = Encoder(tokenizer)
    let ids = try encoder.encode(String(repeating: "a", count: 1_000_003))
    #expect(ids.count == 125_002)
    #expect(ids.allSatisfy { $0 == 258 } == false)
    #expect(ids.prefix(125_000).allSatisfy { $0 == 258 })
    #expect(ids.suffix(2) == [256, 64])
  }

  @Test("merges a long piece whose end decides on its beginning", arguments: [64, 65, 127, 128])
  func farReaching(_ count: Int) throws {
    // Of letters in a row the last two are merged first, then the two before them, and so on.
    let letters = (0..<count).map { Unicode.Scalar(0x4E00 + UInt32($0)) ?? "?" }
    let bytes = Array(String(String.UnicodeScalarView(letters)).utf8)
    let symbols = letters.map { letter in
      String(letter).utf8.map { TokenizerFixture.symbol(of: $0) }
    }
    let whole = symbols.flatMap { ["\($0[0]) \($0[1])", "\($0[0])\($0[1]) \($0[2])"] }
    let texts = symbols.map { $0.joined() }
    let pairs = zip(texts, texts.dropFirst()).map { "\($0) \($1)" }.reversed()
    var seen: Set<String> = []
    let tokenizer = try TokenizerFixture.tokenizer(
      merges: (whole + pairs).filter { seen.insert($0).inserted })
    var encoder = Encoder(tokenizer)
    var ids: [UInt32] = []
    try encoder.encode(bytes, into: &ids)
    let start = count % 2
    let expected =
      (start > 0 ? [Array(bytes[..<3])] : [])
      + stride(from: start, to: count, by: 2).map { Array(bytes[$0 * 3..<$0 * 3 + 6]) }
    #expect(ids.map { Array(tokenizer.bytes(of: $0)) } == expected)
  }

  /// The word of four letters that represents `number`.
  private func word(_ number: Int) -> [UInt8] {
    var rest = number
    return (0..<4).map { _ in
      defer { rest /= 26 }
      return UInt8(0x61 + rest % 26)
    }
  }

  /// The ids of `word` where b and c are merged to 256, and nothing else.
  private func ids(of word: [UInt8]) -> [UInt32] {
    word.reduce(into: []) { ids, letter in
      if letter == 0x63 && ids.last == 65 {
        ids[ids.count - 1] = 256
      } else {
        ids.append(UInt32(letter) - 33)
      }
    }
  }

  /// More words than an encoder remembers, some of them again.
  private var manyWords: [Int] { Array(0..<200_000) + Array(0..<5000) + Array(190_000..<200_000) }

  @Test("starts over when there is no room to remember more pieces")
  func manyPieces() throws {
    var encoder = Encoder(try TokenizerFixture.tokenizer(merges: ["b c"]))
    for number in manyWords {
      let word = word(number)
      var found: [UInt32] = []
      try encoder.encode(word, into: &found)
      guard found == ids(of: word) else {
        Issue.record("\(String(decoding: word, as: UTF8.self)) became \(found)")
        return
      }
    }
  }

  @Test("gives the same ids as its copies in other threads")
  func otherThreads() async throws {
    let encoder = Encoder(try TokenizerFixture.tokenizer(merges: ["b c"]))
    let words = manyWords.map(word)
    let text = Array(words.joined(separator: [0x2C]))
    // The comma is the byte 44.
    let expected = Array(words.map(ids).joined(separator: [11]))
    let results = await withTaskGroup(of: [UInt32]?.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var encoder = encoder
          var found: [UInt32] = []
          return (try? encoder.encode(text, into: &found)).map { found }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: expected, count: 4))
  }

  @Test("reads the names of special tokens as text unless told to recognise them")
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

  /// A tokenizer with merges of letters, spaces and line ends.
  private func mixedTokenizer() throws -> Tokenizer {
    try TokenizerFixture.tokenizer(merges: [
      "a a", "aa aa", "Ð ¶", "Ð¶ Ð¶", "Ġ Ð¶", "Ġ Ġ", "Ċ Ċ", "' s", "l l", "1 1",
    ])
  }

  /// The ids of the file `path`, read in blocks of `blockSize` bytes.
  private func ids(
    of path: String, blockSize: Int, _ tokenizer: Tokenizer
  ) throws -> [UInt32] {
    var encoder = Encoder(tokenizer)
    var reader = try BlockReader(
      path: path, blockSize: blockSize, lastCut: { PreTokenizer().lastCut(in: $0, after: $1) })
    let block = TextBlock()
    var ids: [UInt32] = []
    while try reader.read(into: block) {
      try encoder.encode(0..<block.count, of: block.bytes, into: &ids)
    }
    return ids
  }

  @Test("gives the ids of the whole text for its blocks, however small they are")
  func blocks() throws {
    let tokenizer = try mixedTokenizer()
    let folder = try TemporaryFolder()
    var generator = FixedGenerator(state: 11)
    let parts = [
      "a", "aa", "s", "ж", "жж", "1", " ", "  ", "\n", "\n\n", "\u{A0}", "'", "'s", "'ll", "l", "!",
      "😀", "\u{301}", "漢", String(repeating: "a", count: 70), String(repeating: " ", count: 40),
    ]
    for round in 0..<20 {
      let text = generator.text(of: parts, upTo: 400)
      let path = try folder.write(text, to: "text-\(round)")
      var encoder = Encoder(tokenizer)
      let whole = try encoder.encode(text)
      for blockSize in 1...64 {
        #expect(try ids(of: path, blockSize: blockSize, tokenizer) == whole)
      }
    }
  }

  @Test("names the same byte that is not UTF-8, however small the blocks are")
  func invalidInBlocks() throws {
    let tokenizer = try mixedTokenizer()
    let folder = try TemporaryFolder()
    let bytes = Array("жук a'll ".utf8) + [0xE2, 0x82] + Array(" жж aa 1".utf8)
    let path = try folder.write(bytes, to: "text")
    for blockSize in 1...64 {
      var encoder = Encoder(tokenizer)
      var reader = try BlockReader(
        path: path, blockSize: blockSize, lastCut: { PreTokenizer().lastCut(in: $0, after: $1) })
      let block = TextBlock()
      var ids: [UInt32] = []
      var before = 0
      let error = #expect(throws: InvalidUTF8.self) {
        while try reader.read(into: block) {
          do throws(InvalidUTF8) {
            try encoder.encode(0..<block.count, of: block.bytes, into: &ids)
          } catch {
            throw InvalidUTF8(offset: error.offset + before)
          }
          before += block.count
        }
      }
      #expect(error == InvalidUTF8(offset: 12))
    }
  }

  @Test("is not influenced by what follows the part of a text that it encodes")
  func part() throws {
    let text = Array("жж aa'll 1aa  b ж😀 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".utf8)
    var encoder = Encoder(try mixedTokenizer())
    for end in 0...text.count {
      for start in 0...end where start == 0 || text[start - 1] < 0x80 {
        var ids: [UInt32] = []
        var expected: [UInt32] = []
        let alone = Result { try encoder.encode(Array(text[start..<end]), into: &expected) }
        let within = Result {
          try text.withUnsafeBytes { try encoder.encode(start..<end, of: $0, into: &ids) }
        }
        switch (alone, within) {
        case (.success, .success): #expect(ids == expected)
        case (.failure(let a as InvalidUTF8), .failure(let b as InvalidUTF8)):
          #expect(a.offset + start == b.offset)
        default: Issue.record("\(start)..<\(end): \(alone), \(within)")
        }
      }
    }
  }

  @Test("gives the ids of the same text as its copy does")
  func copies() throws {
    var first = Encoder(try mixedTokenizer())
    let ids = try first.encode("жж aa")
    var second = first
    #expect(try second.encode("aa жж") != ids)
    #expect(try first.encode("жж aa") == ids)
    #expect(try second.encode("жж aa") == ids)
  }

  @Test("distinguishes pieces that differ only in length or in their last byte")
  func similarPieces() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: [])
    var encoder = Encoder(tokenizer)
    for _ in 0..<2 {
      for length in 1...40 {
        for last: UInt8 in [0, 1, 0x0B, 0x7F] {
          let text = [UInt8](repeating: 0, count: length - 1) + [last]
          var ids: [UInt32] = []
          try encoder.encode(text, into: &ids)
          #expect(tokenizer.decode(ids) == text)
        }
      }
    }
  }
}
