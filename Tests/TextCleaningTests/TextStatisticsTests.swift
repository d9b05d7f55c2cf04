import TestSupport
import TextCleaning
import Testing

@Suite("TextStatistics")
struct TextStatisticsTests {
  private func statistics(_ text: String) throws -> TextStatistics {
    let folder = try TemporaryFolder()
    return try TextStatistics(path: folder.write(text, to: "posts.txt")) { _ in }
  }

  @Test("counts posts, words and characters; separators are no words")
  func counts() throws {
    let statistics = try statistics("КОТ @ КИТ\nCAT 12!\n🐈 ЁЖ\n")
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

  @Test("tells how posts begin, the most frequent first")
  func firstWords() throws {
    let statistics = try statistics("КОГДА А\nКОГДА Б\nЯ\n@ ОН\n")
    #expect(statistics.commonFirstWords.map(\.word) == ["КОГДА", "ОН", "Я"])
    #expect(statistics.commonFirstWords.map(\.count) == [2, 1, 1])
  }

  @Test("is shown as a table whose bars are as long as the classes are large")
  func table() throws {
    let lines = try statistics(
      String(repeating: "КОТ\n", count: 3) + String(repeating: "Щ", count: 60) + "\n"
    ).lines
    #expect(lines[0] == "posts                    4  of 1.0 words, 17 characters each")
    #expect(lines[1] == "  up to 25 characters    3   75.0 %  ########################")
    #expect(lines[2] == "  up to 100 characters   1   25.0 %  ########")
    #expect(lines.contains { $0.hasPrefix("first words") && $0.hasSuffix("75.0 %  КОТ") })
  }
}
