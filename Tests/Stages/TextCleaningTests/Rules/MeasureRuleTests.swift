import TextCleaning
import Testing

@Suite("rules that measure a post")
struct MeasureRuleTests {
  @Test("length keeps posts from its minimum to its maximum of characters, ends included")
  func length() throws {
    for (text, isKept) in [("ЁЖ", false), ("ЁЖИ", true), ("ЁЖИК😂", true), ("ЁЖИК😂!", false)] {
      #expect(
        run(LengthRule("minimum=3", "maximum=5"), text) == (isKept ? .unchanged(text) : .dropped))
    }
    #expect(try Cleaning(["А \n @ \n Б", "АБ"], houseRules("length.minimum=5")).texts == ["А @ Б"])
  }

  @Test("alphabet drops posts with too few Cyrillic letters, and keeps those without letters")
  func alphabet() {
    for text in [
      "", "12 + 30 = ?", "ЁЖ", "АБВab", "АБВ\nab", "WINDOWS — ВИРУС", "😂", "ДА 😂 — «ВОТ» ёѝҐ",
    ] {
      #expect(run(AlphabetRule(), text) == .unchanged(text))
    }
    for text in ["HELLO", "Аabc", "А\nabc", "日本語", "Ελλάς", "А日本語", "аééé"] {
      #expect(run(AlphabetRule(), text) == .dropped)
    }
    #expect(run(AlphabetRule("minimum-cyrillic=0.6"), "АБab") == .dropped)
    #expect(run(AlphabetRule("minimum-cyrillic=0.5"), "АБab") == .unchanged("АБab"))
    #expect(run(AlphabetRule("minimum-cyrillic=0"), "HELLO") == .unchanged("HELLO"))
  }

  @Test("alphabet does not count the letters of links that are gone")
  func links() throws {
    #expect(try Cleaning(["ДА\nhttps://example.org/abcdef"]).texts == ["ДА"])
  }

  @Test("upper-case drops what is not in upper case, and is off unless asked for")
  func upperCase() throws {
    for text in ["", "12 @", "КОГДА ЁЖ", "АБВГДЕЖЗИк", "HELLO É"] {
      #expect(run(UpperCaseRule(), text) == .unchanged(text))
    }
    for text in ["Когда ёж", "АБВГДЕЖЗик", "hello", "é"] {
      #expect(run(UpperCaseRule(), text) == .dropped)
    }
    #expect(run(UpperCaseRule("minimum=0.5"), "АБаб") == .unchanged("АБаб"))
    #expect(try Cleaning(["когда ёж"]).texts == ["когда ёж"])
  }
}
