import TextCleaning
import Testing

@Suite("WordDiff")
struct WordDiffTests {
  @Test(
    "shows word by word what was removed and added",
    arguments: [
      ("", "", ""), ("А Б", "А Б", "А Б"), ("А Б В", "А В", "А [-Б-] В"),
      ("А В", "А Б В", "А {+Б+} В"), ("А Б", "А В", "А [-Б-] {+В+}"),
      ("БУГУРТ-ТРЕД\nА\n@\nБ", "А @ Б", "[-БУГУРТ-ТРЕД ⏎-] А [-⏎-] @ [-⏎-] Б"),
      ("А", "", "[-А-]"), ("", "А", "{+А+}"), ("й", "и\u{306}", "[-й-] {+и\u{306}+}"),
    ])
  func marks(_ before: String, _ after: String, _ expected: String) {
    let text = WordDiff(before, after).text(hasColor: false)
    #expect(text.utf8.elementsEqual(expected.utf8), "\(text)")
  }

  @Test(
    "what is the same and what was removed are the text before, with what was added the text after")
  func completeness() {
    var dice = Dice(seed: 9)
    for _ in 0..<300 {
      func text() -> [String] {
        (0..<Int.random(in: 0...12, using: &dice)).map { _ in
          ["А", "Б", "В"].randomElement(using: &dice) ?? ""
        }
      }
      let (a, b) = (text(), text())
      let parts = WordDiff(a.joined(separator: " "), b.joined(separator: " ")).parts
      #expect(parts.filter { $0.change != .added }.flatMap(\.words) == a)
      #expect(parts.filter { $0.change != .removed }.flatMap(\.words) == b)
      #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.change != $1.change })
    }
  }

  @Test("a long text without common words is replaced as a whole, in no time")
  func long() {
    let a = (0..<20_000).map { "а\($0)" }.joined(separator: " ")
    let b = (0..<20_000).map { "б\($0)" }.joined(separator: " ")
    #expect(
      WordDiff("X " + a + " Y", "X " + b + " Y").parts.map(\.change) == [
        .same, .removed, .added, .same,
      ])
  }
}
