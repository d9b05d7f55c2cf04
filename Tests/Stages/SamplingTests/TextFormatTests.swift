import BytePairEncoding
import Sampling
import Testing

extension TextFormat {
  /// All of `text` in this format, as its definition reads.
  fileprivate func text(of text: String) -> String {
    if self == .raw { return text }
    let words = text.unicodeScalars.split { " \n\t\r".unicodeScalars.contains($0) }.map(String.init)
    if self == .plain { return words.joined(separator: " ") }
    return words.split(separator: "@").map { $0.joined(separator: " ") }.joined(separator: "\n@\n")
  }
}

@Suite("TextFormat")
struct TextFormatTests {
  @Test(
    "original has a line for each part that has words, and @ between",
    arguments: [
      ("ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ", "ПРИШЁЛ\n@\nУВИДЕЛ\n@\nУСНУЛ"),
      ("  ПРИШЁЛ   ДОМОЙ  @  СПАТЬ ", "ПРИШЁЛ ДОМОЙ\n@\nСПАТЬ"),
      ("@ ПРИШЁЛ @ @ СПАТЬ @", "ПРИШЁЛ\n@\nСПАТЬ"), ("", ""), ("@", ""), (" @ @ ", ""),
      ("@БОТ @@ Б@К @", "@БОТ @@ Б@К"), ("А\n@\nБ\tВ", "А\n@\nБ В"),
    ])
  func original(_ text: String, _ shown: String) {
    #expect(TextFormat.original.text(of: text) == shown)
  }

  @Test("plain has all on a line, with single spaces; raw changes nothing")
  func plainAndRaw() {
    let text = " @ ПРИШЁЛ \n @  @ СПАТЬ\r\n"
    #expect(TextFormat.plain.text(of: text) == "@ ПРИШЁЛ @ @ СПАТЬ")
    #expect(TextFormat.raw.text(of: text) == text)
  }

  @Test("what is shown of the pieces of a text is what is shown of the whole, wherever it is cut")
  func cuts() {
    let texts = [
      "ПРИШЁЛ @ УВИДЕЛ @ УСНУЛ", "@", "@ @А @ Б", "  А@ @@ @  @\n@ Б ", "А @", "А @ ", "@@ @",
      "Е\u{301} @ \u{301}Ж\u{A0}З",
    ]
    for (format, text) in TextFormat.allCases.flatMap({ format in texts.map { (format, $0) } }) {
      let scalars = Array(text.unicodeScalars)
      func string(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(scalars[range]))
      }
      let whole = Array(format.text(of: text).utf8)
      for first in 0...scalars.count {
        for second in first...scalars.count {
          var stream = FormatStream(format)
          let shown = [0..<first, first..<second, second..<scalars.count]
            .map { stream.append(string($0)) }
          #expect(Array(shown.joined().utf8) == whole, "\(format) of '\(text)': \(shown)")
        }
      }
      var stream = FormatStream(format)
      let shown = scalars.indices.map { stream.append(string($0..<$0 + 1)) }
      #expect(Array(shown.joined().utf8) == whole)
    }
  }

  @Test("a token that ends within a letter waits for the rest of it")
  func wholeCharacters() throws {
    let tokenizer = try SmallTokenizer.make()
    let tokens = try SmallTokenizer.tokens("КОТ @ Ё", tokenizer)
    var display = TextDisplay(tokenizer, .original)
    var pieces = tokens.map { display.append([$0]) }
    pieces.append(display.finish())
    #expect(pieces.joined() == "КОТ\n@\nЁ")
    #expect(!pieces.joined().contains("\u{FFFD}"))
    // Ё is two bytes, which no merge of the small tokenizer joins.
    #expect(pieces.contains(""))
    var cut = TextDisplay(tokenizer, .original)
    let shown = tokens.dropLast().map { cut.append([$0]) }.joined()
    #expect(shown == "КОТ")
    #expect(cut.finish() == "\n@\n\u{FFFD}")
  }

  @Test("raw shows special tokens, the others do not")
  func specialTokens() throws {
    let tokenizer = try SmallTokenizer.make()
    let end = try #require(tokenizer.endOfText.map { Int32($0) })
    let tokens = [end] + (try SmallTokenizer.tokens("КОТ", tokenizer)) + [end]
    #expect(TextDisplay.text(of: tokens, tokenizer, .raw) == "</s>КОТ</s>")
    #expect(TextDisplay.text(of: tokens, tokenizer, .plain) == "КОТ")
  }
}
