import CorpusFormat
import FileSupport
import JSONSupport
import PostFormat
import TestSupport
import Testing
import TextCleaning
import TextSupport

@Suite("Cleaner")
struct CleanerTests {
  private let texts = [
    "БУГУРТ-ТРЕД\nКОГДА А\n@\nБ", "", "#БТnews\nМЫ ПЕРЕЕХАЛИ", "КОГДА А\n@\nБ\n@\nhttps://vk.com/a",
    "https://vk.com/a", "В", "@\n@", "В ",
  ]

  @Test("runs the rules of the house in their order, and counts what each did")
  func house() throws {
    let cleaning = try Cleaning(texts)
    #expect(cleaning.texts == ["КОГДА А @ Б", "В"])
    let dropped = ["channel-news": 1, "empty": 3, "duplicates": 2]
    let changed = ["header": 1, "links": 2, "join-lines": 4]
    var expected = Funnel(
      recipe: "house",
      steps: RuleSet(.house).active.map { rule in
        Funnel.Step(
          rule: rule.name, settings: rule.settings.json, dropped: dropped[rule.name] ?? 0,
          changed: changed[rule.name] ?? 0)
      })
    expected.postsIn = 8
    expected.charactersIn = texts.reduce(0) { $0 + $1.unicodeScalars.count }
    expected.bytesIn = texts.reduce(0) { $0 + $1.utf8.count }
    expected.postsOut = 2
    expected.charactersOut = 12
    expected.bytesOut = 20
    #expect(cleaning.funnel == expected)
  }

  @Test("has rules of the house that are on, those on posts first, duplicates last")
  func order() {
    #expect(
      RuleSet(.house).active.map(\.name) == [
        "forwards", "polls", "unicode", "channel-news", "adverts", "header", "boilerplate",
        "links", "mentions", "hashtags", "alphabet", "separators", "punctuation", "emoji",
        "join-lines", "empty", "duplicates",
      ])
    #expect(
      RuleSet(.house).declarations.filter { !$0.isOn }.map(\.name)
        == ["replies", "upper-case", "quotes-dashes", "length", "near-duplicates"])
  }

  private func step(_ rule: String, _ cleaning: Cleaning) -> Funnel.Step? {
    cleaning.funnel.steps.first { $0.rule == rule }
  }

  @Test("keeps news, or only their text, if asked to")
  func news() throws {
    let texts = ["#БТnews\nМЫ ПЕРЕЕХАЛИ"]
    let kept = try Cleaning(texts, houseRules("channel-news.news=keep"))
    #expect(kept.texts == ["#БТnews МЫ ПЕРЕЕХАЛИ"])
    #expect(
      step("channel-news", kept)
        == Funnel.Step(rule: "channel-news", settings: [.init("news", "keep")]))
    let lines = try Cleaning(texts, houseRules("channel-news.news=line"))
    #expect(lines.texts == ["МЫ ПЕРЕЕХАЛИ"])
    #expect(
      step("channel-news", lines)
        == Funnel.Step(rule: "channel-news", settings: [.init("news", "line")], changed: 1))
  }

  @Test("says that there were no posts, or which rules left nothing")
  func nothingLeft() throws {
    func problem(_ texts: [String], _ rules: RuleSet = RuleSet(.house)) -> String? {
      #expect(throws: InputError.self) {
        try Cleaning(texts, rules).result.funnel.checkText(of: "posts.jsonl")
      }?.problem
    }
    #expect(problem([]) == "there are no posts; expected one JSON object per line")
    #expect(
      problem(["", "#БТnews", "@", "https://a"])
        == "nothing is left of 4 posts after cleaning: channel-news dropped 1, empty dropped 3")
    #expect(
      problem(["", "#БТnews"], RuleSet(.original))
        == "nothing is left of 2 posts after cleaning: no text")
  }

  @Test("runs rules of any making")
  func otherRules() throws {
    struct Shout: CleaningRule {
      static let declaration = RuleDeclaration(Self.self, "shout", "for a test")
      init(_ settings: RuleSettings) {}
      func apply(to draft: inout Draft) -> RuleOutcome {
        if draft.string.contains("тихо") { return .dropped }
        for index in draft.lines.indices {
          let line = draft.withLine(index) { $0.string }
          draft.replaceLine(index, with: Array(line.uppercased().utf8))
        }
        return .changed
      }
    }
    let rules = RuleSet(.house, declarations: [Shout.declaration, JoinLinesRule.declaration])
    let cleaning = try Cleaning(["а\nб", "тихо", "в"], rules)
    #expect(cleaning.texts == ["А Б", "В"])
    #expect(
      cleaning.funnel.steps == [
        Funnel.Step(rule: "shout", dropped: 1, changed: 2),
        Funnel.Step(rule: "join-lines", changed: 1),
      ])
  }

  @Test("lists rules by names in lower case with hyphens, each with a reason of one line")
  func declarations() {
    for recipe in Recipe.allCases {
      let rules = recipe.rules
      #expect(Set(rules.map(\.name)).count == rules.count)
      for rule in rules {
        #expect(rule.name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
        #expect((20...80).contains(rule.reason.count) && !rule.reason.contains("\n"))
      }
    }
  }

  @Test("makes of nasty texts lines that the format takes, whatever the order of their pieces")
  func nastyTexts() throws {
    var dice = Dice(seed: 5)
    let pieces = [
      "БУГУРТ-ТРЕД", "#БТnews", "https://a", "@", "\n", "\n@\n", " ", "А", "\u{85}", "\u{2028}",
      "\u{0}", "\u{200D}", "👨", "\u{FEFF}", "t.me/", ".", ":", "БУГУРТ", "\u{10FFFF}",
    ]
    let posts = (1...5000).map { id in
      let text = (0..<Int.random(in: 0...10, using: &dice))
        .map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
      let entity = Post.Entity(
        type: "text_link", offset: Int.random(in: 0...8, using: &dice),
        length: Int.random(in: 0...4, using: &dice))
      return post(text, id % 3 == 0 ? [entity] : [], id: id)
    }
    let cleaning = try Cleaning(posts, houseRules("channel-news.news=line"))
    let texts = cleaning.texts
    #expect(texts.count == cleaning.funnel.postsOut)
    #expect(texts.count > 900)
    #expect(Set(texts.map { Array($0.utf8) }).count == texts.count)
    let untidy = texts.filter { post in
      let words = post.split(separator: " ", omittingEmptySubsequences: false)
      let parts = words.split(separator: "@", omittingEmptySubsequences: false)
      return words.contains("") || parts.contains([]) || post.contains("https:")
    }
    #expect(untidy == [])
  }

  @Test("makes the same of a large file with any number of threads")
  func threads() throws {
    var dice = Dice(seed: 3)
    let words = ["КОТ", "@", "ДОМ", "\n", "https://a.ru", "ЧАЙ", "\n@\n", "БУГУРТ-ТРЕД"]
    let posts = (1...20_000).map { id in
      post(
        (0..<Int.random(in: 0...12, using: &dice))
          .map { _ in words.randomElement(using: &dice) ?? "" }.joined(separator: " "), id: id)
    }
    let one = try Cleaning(posts)
    for threads in 2...4 {
      let other = try Cleaning(posts) { $0.threads = threads }
      #expect(other.texts == one.texts)
      #expect(other.funnel == one.funnel)
    }
  }
}
