import BytePairEncoding
import Testing

@Suite struct TextStreamTests {
  @Test("gives out whole characters only, and in the end all of them")
  func characters() throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: [])
    var encoder = Encoder(tokenizer)
    var stream = TextStream(tokenizer)
    let parts = try encoder.encode("aж€😀").map { stream.append($0) }
    #expect(parts == ["a", "", "ж", "", "", "€", "", "", "", "😀"])
    #expect(stream.finish() == "")
  }

  @Test(
    "gives U+FFFD once for each longest part that can be no character",
    arguments: [
      ([0xD0, 0x41], "\u{FFFD}A"), ([0xE2, 0x82], "\u{FFFD}"),
      ([0xF0, 0x9F, 0x98, 0x41], "\u{FFFD}A"), ([0xFF, 0xC0], "\u{FFFD}\u{FFFD}"),
      ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0x80, 0x41], "\u{FFFD}A"),
    ] as [([UInt8], String)])
  func invalid(bytes: [UInt8], expected: String) throws {
    let tokenizer = try TokenizerFixture.tokenizer(merges: [])
    let ids = bytes.compactMap { byte in
      UInt32(exactly: (0..<256).first { Array(tokenizer.bytes(of: $0)) == [byte] } ?? 0)
    }
    var stream = TextStream(tokenizer)
    #expect(ids.map { stream.append($0) }.joined() + stream.finish() == expected)
  }

  @Test("leaves special tokens out unless they are wanted, and ids of no token always")
  func specialTokens() throws {
    var tokenizer = try TokenizerFixture.tokenizer(merges: [], special: ["</s>"])
    tokenizer.setEndOfText(0)
    var plain = TextStream(tokenizer)
    var full = TextStream(tokenizer, skipsSpecialTokens: false)
    let ids: [UInt32] = [65, 0, 5000]
    #expect(ids.map { plain.append($0) } == ["a", "", ""])
    #expect(ids.map { full.append($0) } == ["a", "</s>", ""])
    #expect(tokenizer.decode(ids, skippingSpecialTokens: true) == Array("a".utf8))
    #expect(tokenizer.decode(ids) == Array("a</s>".utf8))
  }
}
