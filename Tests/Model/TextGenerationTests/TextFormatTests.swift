import Testing
import TextGeneration

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
}
