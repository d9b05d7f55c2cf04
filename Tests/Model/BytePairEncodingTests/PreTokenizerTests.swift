import BytePairEncoding
import Foundation
import Testing

@Suite struct PreTokenizerTests {
  func pieces(_ text: String) throws -> [String] {
    try PreTokenizer().pieces(of: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(
    "leaves the last white space character before a word to that word",
    arguments: [
      ("a  b", ["a", " ", " b"]), ("a \n b", ["a", " \n", " b"]),
      ("a\n\nb", ["a", "\n", "\n", "b"]), ("a  ", ["a", "  "]), ("\n a", ["\n", " a"]),
      ("\n\n a", ["\n\n", " a"]), ("a\r\r\nb", ["a", "\r\r", "\n", "b"]),
      ("a \u{A0}b", ["a", " ", "\u{A0}", "b"]), (" \u{A0} x", [" \u{A0}", " x"]),
      (" ", [" "]), ("", []), ("a\tb", ["a", "\t", "b"]),
    ])
  func whiteSpace(text: String, expected: [String]) throws {
    #expect(try pieces(text) == expected)
  }

  @Test("keeps CR and LF as two characters")
  func lineEnds() throws {
    #expect(try pieces("a\r\nb") == ["a", "\r", "\n", "b"])
    #expect(try pieces("a\r\n\r\nb") == ["a", "\r\n\r", "\n", "b"])
  }

  @Test(
    "cuts English contractions off, in lower case and where a piece begins",
    arguments: [
      ("don't", ["don", "'t"]), ("DON'T", ["DON", "'", "T"]), ("об'ект", ["об", "'", "ект"]),
      ("rock'n'roll", ["rock", "'", "n", "'", "roll"]), ("''s", ["''", "s"]),
      (" 's", [" '", "s"]), ("5's", ["5", "'s"]), ("I'll've", ["I", "'ll", "'ve"]),
      ("'re'r", ["'re", "'", "r"]), ("'", ["'"]), ("'l", ["'", "l"]),
      ("don\u{2019}t", ["don", "\u{2019}", "t"]),
    ])
  func contractions(text: String, expected: [String]) throws {
    #expect(try pieces(text) == expected)
  }

  @Test(
    "takes letters, numbers and all else apart",
    arguments: [
      ("Привет, мир!", ["Привет", ",", " мир", "!"]), ("<s>", ["<", "s", ">"]),
      ("x²½Ⅷ①٣y", ["x", "²½Ⅷ①٣", "y"]), ("ªº\u{3164}a", ["ªº\u{3164}a"]),
      ("замо\u{301}к", ["замо", "\u{301}", "к"]), ("1\u{FE0F}\u{20E3}", ["1", "\u{FE0F}\u{20E3}"]),
      (" 😀!", [" 😀!"]), ("a\u{200B}b", ["a", "\u{200B}", "b"]),
      ("a\u{1C}b", ["a", "\u{1C}", "b"]), ("日本語ไท", ["日本語ไท"]),
    ])
  func classes(text: String, expected: [String]) throws {
    #expect(try pieces(text) == expected)
  }

  @Test("has the classes of Unicode 16.0")
  func counts() throws {
    var (letters, numbers, spaces) = (0, 0, 0)
    for code in UInt32(0)..<0x110000 {
      guard let scalar = Unicode.Scalar(code) else { continue }
      let character = Character(scalar)
      // What joins a letter is a letter, what joins a digit a number, what joins '!' neither.
      if try pieces("a\(character)a").count == 1 {
        letters += 1
      } else if try pieces("1\(character)1").count == 1 {
        numbers += 1
      } else if try pieces("!\(character)!").count != 1 {
        spaces += 1
      }
    }
    #expect(letters == 141_028)
    #expect(numbers == 1_911)
    #expect(spaces == 25)
  }

  @Test("cuts as the regular expression does")
  func regularExpression() throws {
    let expression = try NSRegularExpression(
      pattern: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+")
    var generator = FixedGenerator(state: 1)
    let parts = [
      "a", "s", "Ж", "ё", "é", "9", "٣", " ", "  ", "\n", "\t", "\u{A0}", "\u{2003}", "'", "'s",
      "'re", "'ll", "'", "!", "—", "😀", "\u{301}", "\u{200D}", "漢", "𝒳",
    ]
    for _ in 0..<4000 {
      let text = generator.text(of: parts, upTo: 30)
      let matches = expression.matches(
        in: text, range: NSRange(location: 0, length: text.utf16.count))
      let expected = matches.map { (text as NSString).substring(with: $0.range) }
      #expect(try pieces(text) == expected)
    }
  }

  @Test(
    "names the byte where text is not UTF-8",
    arguments: [
      ([0x61, 0xFF], 1), ([0x80], 0), ([0xC0, 0xAF], 0), ([0xD0], 0), ([0x20, 0xD0, 0x20], 1),
      ([0xE0, 0x9F, 0xBF], 0), ([0xED, 0xA0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0),
      ([0xF0, 0x9F, 0x98], 0), ([0x61, 0x62, 0xE2, 0x82], 2), ([0xF5, 0x80, 0x80, 0x80], 0),
    ] as [([UInt8], Int)])
  func invalid(bytes: [UInt8], offset: Int) {
    #expect(throws: InvalidUTF8(offset: offset)) { try PreTokenizer().pieces(of: bytes) }
  }

  @Test("reads long words of one script and of several as it reads short ones")
  func longWords() throws {
    for count in 1...40 {
      let word = String(repeating: "Ёж", count: count)
      for end in ["", " ", "é", "z", "ԑ", "9", "!", "\u{301}", "漢", "😀"] {
        let joins = ["é", "z", "ԑ", "漢"].contains(end)
        let expected = joins || end.isEmpty ? [word + end] : [word, end]
        #expect(try pieces(word + end) == expected)
        #expect(try pieces(" " + word + end) == [" " + expected[0]] + expected.dropFirst())
      }
    }
  }

  @Test(
    "may be cut where the class changes behind what is not white space",
    arguments: [
      ("кот и кит", "кот и"), ("кот", nil), ("", nil), (" ", nil), ("кот ", "кот"), ("a\n\n", "a"),
      ("a \n", "a"), ("a1", "a"), ("a!b", "a!"), ("a'b", "a"), ("'ll", nil), ("x'll", "x"),
      ("a'1", "a'"), ("!a", "!"), ("  a", nil), ("a\u{A0}b", "a"), ("漢1", "漢"), ("a😀", "a"),
    ] as [(String, String?)])
  func cuts(_ text: String, _ expected: String?) {
    let bytes = Array(text.utf8)
    let cut = bytes.withUnsafeBytes { PreTokenizer().lastCut(in: $0) }
    #expect(cut.map { String(decoding: bytes[..<$0], as: UTF8.self) } == expected)
  }

  @Test("has the pieces of the whole on both sides of every cut")
  func cutPieces() throws {
    var generator = FixedGenerator(state: 4)
    let parts = [
      "a", "s", "Ж", "9", " ", "  ", "\n", "\u{A0}", "'", "'s", "'re", "'ll", "l", "!", "😀",
      "\u{301}", "漢",
    ]
    var count = 0
    for _ in 0..<2000 {
      let text = Array(generator.text(of: parts, upTo: 30).utf8)
      let whole = try PreTokenizer().pieces(of: text).map(\.endIndex)
      for end in 1...text.count {
        // What follows the text must not matter, so the search sees only its beginning.
        guard let cut = text[..<end].withUnsafeBytes({ PreTokenizer().lastCut(in: $0) }) else {
          continue
        }
        count += 1
        let first = try PreTokenizer().pieces(of: Array(text[..<cut])).map(\.endIndex)
        let second = try PreTokenizer().pieces(of: Array(text[cut...])).map { $0.endIndex + cut }
        #expect(first + second == whole)
      }
    }
    #expect(count > 10_000)
  }
}
