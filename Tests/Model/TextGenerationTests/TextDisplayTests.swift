import BytePairEncoding
import Testing
import TextGeneration

@Suite("TextDisplay")
struct TextDisplayTests {
  /// A tokenizer that was trained on a few words.
  private static func makeTokenizer() throws -> Tokenizer {
    var words = WordCounts()
    for line in ["КОТ КОТ КОТ", "ДОМ @ КОТ"] { try words.add(Array(line.utf8)) }
    return try BPETrainer(vocabularySize: 270).train(on: words)
  }

  private static func tokens(_ text: String, _ tokenizer: Tokenizer) throws -> [Int32] {
    var encoder = Encoder(tokenizer)
    return try encoder.encode(text).map { Int32($0) }
  }

  @Test("a token that ends within a letter waits for the rest of it")
  func wholeCharacters() throws {
    let tokenizer = try Self.makeTokenizer()
    let tokens = try Self.tokens("КОТ @ Ё", tokenizer)
    var display = TextDisplay(tokenizer, .original)
    var pieces = tokens.map { display.append([$0]) }
    pieces.append(display.finish())
    #expect(pieces.joined() == "КОТ\n@\nЁ")
    #expect(!pieces.joined().contains("\u{FFFD}"))
    // Ё is two bytes, which no merge of the tokenizer joins.
    #expect(pieces.contains(""))
    var cut = TextDisplay(tokenizer, .original)
    let shown = tokens.dropLast().map { cut.append([$0]) }.joined()
    #expect(shown == "КОТ")
    #expect(cut.finish() == "")
  }

  @Test("bytes that are no character are left out, in every format", arguments: TextFormat.allCases)
  func brokenCharacters(format: TextFormat) throws {
    let tokenizer = try Self.makeTokenizer()
    func byte(_ byte: UInt8) throws -> Int32 {
      Int32(try #require((0..<UInt32(tokenizer.count)).first { tokenizer.bytes(of: $0) == [byte] }))
    }
    let (kot, dom) = (try Self.tokens("КОТ", tokenizer), try Self.tokens(" ДОМ", tokenizer))
    // A letter without its end, an end without its letter, and a whole U+FFFD.
    for broken: [UInt8] in [[0xD0], [0x90], [0xEF, 0xBF, 0xBD], [0xFF, 0xC0]] {
      let tokens = try kot + broken.map(byte) + dom + broken.map(byte)
      #expect(TextDisplay.text(of: tokens, tokenizer, format) == "КОТ ДОМ")
    }
  }

  @Test("raw shows special tokens, the others do not")
  func specialTokens() throws {
    let tokenizer = try Self.makeTokenizer()
    let end = try #require(tokenizer.endOfText.map { Int32($0) })
    let tokens = [end] + (try Self.tokens("КОТ", tokenizer)) + [end]
    #expect(TextDisplay.text(of: tokens, tokenizer, .raw) == "</s>КОТ</s>")
    #expect(TextDisplay.text(of: tokens, tokenizer, .plain) == "КОТ")
  }
}
