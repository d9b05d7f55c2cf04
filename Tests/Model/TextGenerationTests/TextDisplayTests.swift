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
    #expect(cut.finish() == "\n@\n\u{FFFD}")
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
