import FileSupport
import Testing

@Suite("TextEncoding")
struct TextEncodingTests {
  /// `text` in an encoding whose capital and small letters in the order of `letters` begin at these bytes.
  private func encoded(
    _ text: String, _ letters: String = "абвгдежзийклмнопрстуфхцчшщъыьэюя", upper: [UInt8],
    lower: [UInt8]
  ) -> [UInt8] {
    let letters = Array(letters)
    return text.map { character in
      if let ascii = character.asciiValue { return ascii }
      let index = letters.firstIndex(of: Character(character.lowercased())) ?? 0
      return character.isLowercase ? lower[index] : upper[index]
    }
  }

  private func range(_ bytes: ClosedRange<UInt8>...) -> [UInt8] { bytes.flatMap { Array($0) } }

  private let texts = [
    "КОГДА ПРИШЕЛ ДОМОЙ", "привет, как дела? все хорошо", "Вчера утром мама купила молока",
    "@ НИКОГО НЕТ @ 123", "ПЕРЕХОД, ВЫХОД 24/7 and some English",
  ]

  @Test("recognizes encodings of Russian by the letters")
  func russian() {
    for text in texts {
      for (name, bytes) in [
        ("CP1251", encoded(text, upper: range(0xC0...0xDF), lower: range(0xE0...0xFF))),
        (
          "KOI8-R",
          encoded(
            text, "юабцдефгхийклмнопярстужвьызшэщчъ", upper: range(0xE0...0xFF),
            lower: range(0xC0...0xDF))
        ),
        (
          "CP866",
          encoded(text, upper: range(0x80...0x9F), lower: range(0xA0...0xAF, 0xE0...0xEF))
        ),
        ("ISO-8859-5", encoded(text, upper: range(0xB0...0xCF), lower: range(0xD0...0xEF))),
      ] {
        #expect(
          TextEncoding.remedy(for: bytes, in: "a b.txt")
            == "; it looks like \(name), which is a guess based on its letters: if all of the "
            + "file is in it, convert the file (iconv -f \(name) -t UTF-8 'a b.txt' > 'a b.utf8.txt')",
          "\(text)")
      }
    }
  }

  @Test("guesses nothing if nothing stands out")
  func nothing() {
    let others: [[UInt8]] = [
      [], [0xFF], [0xC0, 0x80], Array("КОТ".utf8) + [0xD0],
      Array("КОТ ПЁС ДОМ".utf8) + [0xFF, 0xFE],
      Array("caf".utf8) + [0xE9], Array("Gr".utf8) + [0xF6, 0xDF] + Array("e f".utf8) + [0xFC],
      Array(0x80...0xFF), [0xFF, 0xFE, 0xFD, 0xFC, 0xFB],
    ]
    for bytes in others { #expect(TextEncoding.remedy(for: bytes, in: "x") == "", "\(bytes)") }
  }

  @Test("names a command that a shell can run")
  func commands() {
    let bytes = encoded(texts[0], upper: range(0xC0...0xDF), lower: [])
    func command(_ path: String) -> String {
      String(TextEncoding.remedy(for: bytes, in: path).split(separator: "(").last?.dropLast() ?? "")
    }
    #expect(command("-") == "… | iconv -f CP1251 -t UTF-8 | …")
    #expect(command("it's") == #"iconv -f CP1251 -t UTF-8 'it'\''s' > 'it'\''s.utf8'"#)
    #expect(command("a.b/.c") == "iconv -f CP1251 -t UTF-8 'a.b/.c' > 'a.b/.c.utf8'")
    #expect(
      command("a.txt.gz") == "gzip -dc 'a.txt.gz' | iconv -f CP1251 -t UTF-8 > 'a.utf8.txt'")
  }
}
