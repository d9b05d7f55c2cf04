import Testing
import TextSupport

@Suite("Excerpts of names from outside")
struct ExcerptTests {
  @Test("keeps a short name and shortens a long one")
  func length() {
    #expect(excerpt("") == "")
    #expect(excerpt("КОТ 🐈‍⬛ é") == "КОТ 🐈‍⬛ é")
    let full = String(repeating: "я", count: 80)
    #expect(excerpt(full) == full)
    #expect(excerpt(full + "я") == full + "…")
    #expect(excerpt(String(repeating: "a", count: 1_000_000)).count == 81)
    #expect(excerpt("abcdef", limit: 3) == "abc…")
    // Marks that pile up on one letter are shortened too.
    #expect(excerpt("a" + String(repeating: "\u{301}", count: 1000)).unicodeScalars.count == 81)
  }

  @Test("escapes what moves the cursor, or colors or reverses text")
  func control() {
    #expect(
      excerpt("a\u{1B}[31mb\nc\td\0\u{7F}\u{9B}2J") == #"a\u{1B}[31mb\nc\td\0\u{7F}\u{009B}2J"#)
    #expect(excerpt("\u{202E}abc\u{2066}\u{2028}") == #"\u{202E}abc\u{2066}\u{2028}"#)
  }
}
