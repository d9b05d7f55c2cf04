import TextCleaning
import Testing

@Suite("boilerplate")
struct BoilerplateTests {
  private let rule = BoilerplateRule(
    "heads=Анекдот дня | № 1", "tails=\n| Наш чат | Все посты")

  @Test(
    "takes lines of the lists off the head and the end, in any case, several in a row",
    arguments: [
      ("АНЕКДОТ ДНЯ\nА\n@\nБ", "А\n@\nБ"), ("\n  анекдот дня \n№ 1\n\nА", "\nА"),
      ("А\nнаш чат | все посты", "А"), ("А\nНаш чат | Все посты\n \nНАШ ЧАТ | ВСЕ ПОСТЫ\n", "А"),
      ("№ 1", ""),
    ])
  func removes(_ text: String, _ expected: String) {
    #expect(run(rule, text) == .changed(expected))
  }

  @Test(
    "leaves them elsewhere, and lines that say more",
    arguments: [
      "", "А\nАНЕКДОТ ДНЯ\nБ", "АНЕКДОТ ДНЯ: А", "А\nАНЕКДОТ ДНЯ", "НАШ ЧАТ | ВСЕ ПОСТЫ\nА",
    ])
  func leaves(_ text: String) {
    #expect(run(rule, text) == .unchanged(text))
    #expect(run(BoilerplateRule(), text) == .unchanged(text))
  }
}

@Suite("mentions")
struct MentionsTests {
  @Test(
    "takes lines of nothing but names and invitations away",
    arguments: [
      ("А\n@bugurt_thread", "А"), ("@some_name, @other\nА", "А"), ("А\n👉 @bugurt 👈\nБ", "А\nБ"),
      ("А\n@bugurt | t.me/+abc", "А"), ("(@bugurt)", ""),
    ])
  func removes(_ text: String, _ expected: String) {
    #expect(run(MentionRule(), text) == .changed(expected))
  }

  @Test(
    "leaves what says more, and what is no name",
    arguments: [
      "", "А\n@\nБ", "@ПИВО", "@bugurt ШУТИТ", "СПРОСИ @bugurt", "a@example.org", "@abc", "@1234",
      "LATIN\n@", "@bugurtЫ", "@bugurt https://vk.com/bugurt", "https://vk.com/@bugurt",
    ])
  func leaves(_ text: String) {
    #expect(run(MentionRule(), text) == .unchanged(text))
  }
}

@Suite("hashtags")
struct HashtagsTests {
  @Test(
    "takes lines of nothing but hashtags away",
    arguments: [
      ("А\n#юмор", "А"), ("#юмор #бугурт_2020\nА", "А"), ("А\n #юмор#ещё \nБ", "А\nБ"), ("#a1", ""),
    ])
  func removes(_ text: String, _ expected: String) {
    #expect(run(HashtagRule(), text) == .changed(expected))
  }

  @Test(
    "leaves what says more, numbers, and the hashtags it is told to keep",
    arguments: ["", "#13", "#", "##", "#юмор ЭТО", "А #юмор", "#!", "#бтNEWS", "#юмор #БТnews"])
  func leaves(_ text: String) {
    #expect(run(HashtagRule(), text) == .unchanged(text))
  }

  @Test("keeps hashtags of the user's")
  func keep() {
    #expect(run(HashtagRule("keep=#Юмор"), "#ЮМОР\n#БТnews") == .changed("#ЮМОР"))
  }
}

@Suite("separators")
struct SeparatorsTests {
  @Test(
    "makes @ of separators of other shapes",
    arguments: [
      ("А\n\"@\"\nБ", "А\n@\nБ"), ("А\n«@»\nБ", "А\n@\nБ"), ("А\n@ @\nБ", "А\n@\nБ"),
      ("А\n＠\nБ", "А\n@\nБ"), ("А\n ﹫ \nБ", "А\n@\nБ"), ("А ＠ Б ﹫ В", "А @ Б @ В"),
      ("А\n@@\nБ", "А\n@\nБ"),
    ])
  func unifies(_ text: String, _ expected: String) {
    #expect(run(SeparatorRule(), text) == .changed(expected))
  }

  @Test(
    "leaves separators as they should be, and other text",
    arguments: ["", "А\n@\nБ", "А\n @ \nБ", "\"@ПИВО\"", "\"\"", "А @ Б", "（Ａ）", "\"А @ Б\""])
  func leaves(_ text: String) {
    #expect(run(SeparatorRule(), text) == .unchanged(text))
  }
}
