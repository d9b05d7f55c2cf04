import TextCleaning
import Testing

@Suite("TextStatistics")
struct TextStatisticsTests {
  /// The statistics of `text`, which comes in parts of `size` bytes.
  private func statistics(_ text: String, size: Int = .max) -> TextStatistics {
    var statistics = TextStatistics()
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let part = rest.prefix(size)
      statistics.add(part.span)
      rest = rest.dropFirst(size)
    }
    statistics.finish()
    return statistics
  }

  @Test("counts posts, words and characters; separators are not words")
  func counts() {
    let statistics = statistics("КОТ @ КИТ\nCAT 12!\n🐈 ЁЖ\n")
    #expect(statistics.posts == 3)
    #expect(statistics.words == 6)
    #expect(statistics.characters == 9 + 7 + 4)
    #expect(statistics.count(of: .cyrillic) == 8)
    #expect(statistics.count(of: .latin) == 3)
    #expect(statistics.count(of: .digits) == 2)
    #expect(statistics.count(of: .punctuation) == 1)
    #expect(statistics.count(of: .pictures) == 1)
    #expect(statistics.lengths.reduce(0, +) == 3)
  }

  @Test("does not depend on how the text is cut", arguments: [1, 2, 3, 7, 20])
  func parts(size: Int) {
    let text = "КОТ @ КИТ\n\nCAT 12!\r\n🐈 ЁЖ\nНЕТ КОНЦА"
    #expect(statistics(text, size: size) == statistics(text))
    #expect(statistics(text).posts == 4)
    #expect(statistics(text) == statistics(text + "\n"))
  }

  @Test("reports how posts begin, the most frequent first")
  func firstWords() {
    let statistics = statistics("КОГДА А\nКОГДА Б\nЯ\n@ ОН\n")
    #expect(statistics.commonFirstWords.map(\.word) == ["КОГДА", "ОН", "Я"])
    #expect(statistics.commonFirstWords.map(\.count) == [2, 1, 1])
  }

  @Test("is shown as a table whose bars are as long as the classes are large")
  func table() {
    let lines = statistics(
      String(repeating: "КОТ\n", count: 3) + String(repeating: "Щ", count: 60) + "\n"
    ).table.split(separator: "\n")
    #expect(lines[0] == "posts                    4  of 1.0 words, 17 characters each")
    #expect(lines[1] == "  up to 25 characters    3   75.0 %  ########################")
    #expect(lines[2] == "  up to 100 characters   1   25.0 %  ########")
    #expect(lines.contains { $0.hasPrefix("first words") && $0.hasSuffix("75.0 %  КОТ") })
  }
}
