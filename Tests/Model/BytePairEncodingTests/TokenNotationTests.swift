import BytePairEncoding
import Testing
import TextSupport

@Suite("TokenNotation")
struct TokenNotationTests {
  @Test(
    "shows what can be seen as it is, and names what cannot",
    arguments: [
      (" ПРИШЁЛ", "␣ПРИШЁЛ"), ("a\n\r\t\\b", "a\\n\\r\\t\\\\b"), ("😀€", "😀€"),
      ("\u{A0}\u{200B}\u{0}\u{7F}\u{2028}", "<U+00A0><U+200B><U+0000><U+007F><U+2028>"),
      ("␣", "<U+2423>"), ("\u{FFFD}", "\u{FFFD}"), ("\u{E000}\u{10FFFF}", "<U+E000><U+10FFFF>"),
      // Marks stay on their letter, but not on what stands before the token.
      ("е\u{301}", "е\u{301}"), ("\u{301}е", "<U+0301>е"), (" \u{301}", "␣<U+0301>"),
      ("❤\u{FE0F}", "❤\u{FE0F}"), ("\u{FE0F}", "<U+FE0F>"), ("\u{3164}", "<U+3164>"),
      // What would look like a byte or a name.
      ("<D0>", "\\<D0>"), ("<U+00A0>", "\\<U+00A0>"), ("<s>", "<s>"), ("</s>", "</s>"),
      ("<d0>", "<d0>"), ("<D0", "<D0"), ("", ""),
    ])
  func text(_ text: String, _ expected: String) {
    // Compared by scalars: a letter with its mark may equal another character.
    #expect(
      Array(TokenNotation.text(of: text.utf8).unicodeScalars) == Array(expected.unicodeScalars))
  }

  @Test(
    "shows bytes that are no whole character by their values",
    arguments: [
      ([0xD0], "<D0>"), ([0x9A, 0x41], "<9A>A"), ([0x41, 0xE2, 0x82], "A<E2><82>"),
      ([0xF0, 0x9F, 0x98], "<F0><9F><98>"), ([0xD0, 0x9A, 0xD0], "К<D0>"), ([0x05], "<U+0005>"),
      ([0xED, 0xA0, 0x80], "<ED><A0><80>"), ([0xFF], "<FF>"),
      ([0xF4, 0x90, 0x80, 0x80], "<F4><90><80><80>"),
    ] as [([UInt8], String)])
  func bytes(_ bytes: [UInt8], _ expected: String) {
    #expect(TokenNotation.text(of: bytes) == expected)
  }

  @Test("shows no two sequences of two bytes alike")
  func unambiguous() {
    // Not by the texts themselves: different characters can be equal to Swift.
    var seen: [[UInt8]: [UInt8]] = [:]
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let text = TokenNotation.text(of: [first, second])
        let other = seen.updateValue([first, second], forKey: Array(text.utf8))
        #expect(other == nil)
      }
    }
  }
}

@Suite("ExcerptDecoder")
struct ExcerptDecoderTests {
  /// The text of the bytes of `text` from `start` to `end`, given in pieces of `size` tokens.
  private func excerpt(
    _ tokenizer: Tokenizer, _ ids: [UInt32], pieces size: Int
  ) -> [UInt8] {
    var decoder = ExcerptDecoder(tokenizer, endOfText: tokenizer.id(of: "</s>"))
    var bytes: [UInt8] = []
    var rest = ids[...]
    while !rest.isEmpty {
      decoder.append(rest.prefix(size), into: &bytes)
      rest = rest.dropFirst(size)
    }
    decoder.finish(into: &bytes)
    return bytes
  }

  @Test("gives whole characters, and U+FFFD for those cut at its ends")
  func cuts() throws {
    // Without merges each byte is a token.
    let tokenizer = try TokenizerFixture.tokenizer(merges: [], special: ["</s>"])
    var encoder = Encoder(tokenizer)
    let ids = try encoder.encode("ж😀€ё")
    for size in [1, 2, 100] {
      func text(_ range: Range<Int>) -> String {
        String(decoding: excerpt(tokenizer, Array(ids[range]), pieces: size), as: UTF8.self)
      }
      #expect(text(0..<11) == "ж😀€ё")
      #expect(text(1..<11) == "\u{FFFD}😀€ё")
      #expect(text(3..<11) == "\u{FFFD}€ё")
      #expect(text(0..<5) == "ж\u{FFFD}")
      #expect(text(0..<10) == "ж😀€\u{FFFD}")
      #expect(text(4..<8) == "\u{FFFD}\u{FFFD}")
      #expect(text(4..<5) == "\u{FFFD}")
      #expect(text(2..<3) == "\u{FFFD}")
      #expect(text(4..<4) == "")
    }
  }

  @Test("parts posts by newlines, and keeps names typed in a post")
  func endOfText() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: ["a b"], special: ["</s>", "<pad>"])
    var encoder = Encoder(tokenizer)
    let post = try encoder.encode("ab</s>")
    let ids = post + [0] + [1] + [0]
    #expect(excerpt(tokenizer, ids, pieces: 3) == Array("ab</s>\n<pad>\n".utf8))
  }

  @Test("leaves bytes between the ends as they are")
  func exact() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: [], special: [])
    let bytes: [UInt8] = [0x41, 0xFF, 0x80, 0x80, 0x80, 0x80, 0xD0, 0x42]
    let ids = try bytes.map { byte in
      try #require((0..<256).first { tokenizer.bytes(of: $0).elementsEqual([byte]) })
    }
    for size in [1, 3, 100] {
      #expect(excerpt(tokenizer, ids, pieces: size) == bytes)
    }
    // More bytes than a character has behind its first cannot all belong to one that is cut.
    #expect(
      excerpt(tokenizer, Array(ids[2...]), pieces: 1)
        == Array("\u{FFFD}".utf8) + [0x80, 0xD0, 0x42])
  }
}
