import Foundation
import PostFormat
import TextCleaning
import Testing

@Suite("unicode")
struct UnicodeCompositionTests {
  @Test(
    "composes letters and marks",
    arguments: [
      ("КОИ\u{306}КА", "КОЙКА"), ("А\nЕ\u{308}Ж", "А\nЁЖ"), ("cafe\u{301}", "café"),
      ("\u{212B}", "\u{C5}"), ("\u{1100}\u{1161}", "\u{AC00}"), ("\u{2126}", "\u{3A9}"),
      ("\u{2000}А", "\u{2002}А"), ("\u{FB1D}", "\u{5D9}\u{5B4}"),
      ("😂И\u{306}😂", "😂Й😂"), ("a\u{323}\u{307}", "\u{1EA1}\u{307}"),
    ])
  func composes(_ text: String, _ expected: String) throws {
    let result = run(UnicodeRule(), text)
    #expect(result.outcome == .changed)
    #expect(result.text.map { Array($0.utf8) } == Array(expected.utf8))
  }

  @Test(
    "leaves what is composed, emoji, and marks that compose with nothing",
    arguments: [
      "", "КОЙКА — «Ё»…", "café", "👨‍👩‍👧 ❤️ 🇷🇺", "З\u{310}", "\u{10041}\u{301}", "ﬁ", "가", "①½²",
    ])
  func leaves(_ text: String) {
    #expect(run(UnicodeRule(), text) == .unchanged(text))
  }

  @Test("leaves entities where they are: a link behind a composed line is found")
  func entities() throws {
    let link = post("ИИ\u{306}\nВК\nА", [.init(type: "link", offset: 4, length: 2)])
    #expect(try Cleaning([link]).texts == ["ИЙ А"])
  }

  @Test("does to each scalar what Unicode's form NFC does")
  func allScalars() {
    var wrong: [String] = []
    for value in UInt32(0x80)..<0x10000 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      for text in ["А\(scalar)", "А\(scalar)\u{301}"] {
        let expected = text.precomposedStringWithCanonicalMapping
        let composed = run(UnicodeRule(), text).text ?? ""
        if Array(composed.utf8) != Array(expected.utf8) { wrong.append(String(value, radix: 16)) }
      }
    }
    #expect(wrong == [])
  }
}

@Suite("emoji")
struct EmojiTests {
  @Test(
    "cuts runs of the same emoji",
    arguments: [
      ("А😂😂😂😂😂", "А😂😂😂"), ("😂😂😂😂🔥🔥🔥🔥Б", "😂😂😂🔥🔥🔥Б"), ("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", "👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧"),
      ("🇷🇺🇷🇺🇷🇺🇷🇺", "🇷🇺🇷🇺🇷🇺"), ("❤️❤️❤️❤️", "❤️❤️❤️"), ("👍🏽👍🏽👍🏽👍🏽👍🏽", "👍🏽👍🏽👍🏽"), ("А\n☺☺☺☺\nБ", "А\n☺☺☺\nБ"),
      ("А‼️‼️‼️‼️‼️", "А‼️‼️‼️"), ("1️⃣1️⃣1️⃣1️⃣2️⃣", "1️⃣1️⃣1️⃣2️⃣"), ("#⃣#⃣#⃣#⃣", "#⃣#⃣#⃣"),
      ("©️©️©️©️", "©️©️©️"), ("ℹ️ℹ️ℹ️ℹ️", "ℹ️ℹ️ℹ️"), ("㊗️㊗️㊗️㊗️", "㊗️㊗️㊗️"), ("〰️〰️〰️〰️", "〰️〰️〰️"),
      ("⏰⏰⏰⏰", "⏰⏰⏰"),
    ])
  func trims(_ text: String, _ expected: String) {
    #expect(run(EmojiRule(), text) == .changed(expected))
  }

  @Test(
    "leaves short runs, different emoji and what is none",
    arguments: ["", "😂😂😂", "😂🔥😂🔥😂🔥😂🔥", "😂😂 😂😂", "👍👍🏽👍👍🏽", "————", "……", "$$$$", "1111", "↔↔↔↔"])
  func leaves(_ text: String) {
    #expect(run(EmojiRule(), text) == .unchanged(text))
    #expect(run(EmojiRule("treatment=keep"), text + "😂😂😂😂") == .unchanged(text + "😂😂😂😂"))
  }

  @Test("drops all emoji if asked to, and nothing else")
  func drop() {
    #expect(run(EmojiRule("treatment=drop"), "А😂 Б👨‍👩‍👧🇷🇺❤️") == .changed("А Б"))
    #expect(run(EmojiRule("treatment=drop"), "1️⃣А ‼️11 *️⃣©️") == .changed("А 11 "))
    #expect(run(EmojiRule("treatment=drop"), "А — №1 ™ ©") == .unchanged("А — №1 ™ ©"))
  }
}

@Suite("punctuation")
struct RepeatedPunctuationTests {
  @Test(
    "cuts runs of one sign",
    arguments: [
      ("А!!!!", "А!!!"), ("!!!!!!!А", "!!!А"), ("А?!?!!!!!!!", "А?!?!!!"), ("((((", "((("),
      ("А......\nБ------", "А...\nБ---"), ("!!!!????", "!!!???"), ("____~~~~", "___~~~"),
    ])
  func cuts(_ text: String, _ expected: String) {
    #expect(run(PunctuationRule(), text) == .changed(expected))
  }

  @Test(
    "leaves short runs, letters and separators",
    arguments: [
      "", "А!!!", "...", "?!?!?!?!", "ААААА", "aaaaa", "@@@@@", "0000", "!!!\n!!!", "    ",
    ])
  func leaves(_ text: String) {
    #expect(run(PunctuationRule(), text) == .unchanged(text))
  }

  @Test("cuts what is longer than its maximum, wherever it stands", arguments: 1...5)
  func everyPlace(maximum: Int) {
    for (before, length) in (0..<12).flatMap({ before in (0..<12).map { (before, $0) } }) {
      let text = String(repeating: "а", count: before) + String(repeating: "!", count: length)
      let expected = String(text.prefix(before + maximum))
      #expect(run(PunctuationRule("maximum=\(maximum)"), text + "б").text == expected + "б")
    }
  }
}

@Suite("quotes-dashes")
struct QuotesAndDashesTests {
  private let text = "«А» — „Б“ – “В” (‘Г’) КОЕ‑КТО 1–2 \"Д\" - Ё"

  @Test("makes quotation marks and dashes of one kind")
  func unifies() {
    #expect(
      run(QuoteAndDashRule(), text) == .changed("\"А\" - \"Б\" - \"В\" ('Г') КОЕ-КТО 1-2 \"Д\" - Ё")
    )
    #expect(
      run(QuoteAndDashRule("quotes=guillemets", "dashes=em"), text)
        == .changed("«А» — «Б» — «В» ('Г') КОЕ-КТО 1-2 «Д» — Ё"))
    #expect(run(QuoteAndDashRule("quotes=keep", "dashes=keep"), text) == .unchanged(text))
  }

  @Test("is off unless asked for")
  func off() throws {
    #expect(try Cleaning([text]).texts == [text])
    #expect(
      try Cleaning(["«А» – Б"], houseRules("quotes-dashes.dashes=keep")).texts == ["\"А\" – Б"])
  }
}
