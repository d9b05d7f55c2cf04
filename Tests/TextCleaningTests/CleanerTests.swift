import CorpusFormat
import FileSupport
import PostFormat
import TestSupport
import TextCleaning
import Testing

@Suite("Cleaner")
struct CleanerTests {
  private let texts = [
    "БУГУРТ-ТРЕД\nКОГДА А\n@\nБ", "", "#БТnews\nМЫ ПЕРЕЕХАЛИ", "КОГДА А\n@\nБ\n@\nhttps://vk.com/a",
    "https://vk.com/a", "В", "@\n@", "В ",
  ]

  @Test("runs the rules of the house in their order, and counts what each did")
  func house() throws {
    let (cleaned, cleaner) = clean(texts)
    #expect(cleaned == ["КОГДА А @ Б", "В"])
    var expected = Funnel(
      recipe: "house",
      steps: [
        Funnel.Step(rule: "channel-news", settings: [.init("news", "post")], dropped: 1),
        Funnel.Step(rule: "header", changed: 1), Funnel.Step(rule: "links", changed: 2),
        Funnel.Step(rule: "join-lines", changed: 4), Funnel.Step(rule: "empty", dropped: 3),
        Funnel.Step(rule: "duplicates", dropped: 2),
      ])
    expected.postsIn = 8
    expected.charactersIn = texts.reduce(0) { $0 + $1.unicodeScalars.count }
    expected.bytesIn = texts.reduce(0) { $0 + $1.utf8.count }
    expected.postsOut = 2
    expected.charactersOut = 12
    expected.bytesOut = 20
    #expect(try cleaner.finish(input: "posts.jsonl") == expected)
  }

  @Test("keeps news, or only their text, if asked to")
  func news() {
    let texts = ["#БТnews\nМЫ ПЕРЕЕХАЛИ"]
    let (kept, keeper) = clean(texts, news: .keep)
    #expect(kept == ["#БТnews МЫ ПЕРЕЕХАЛИ"])
    #expect(
      keeper.funnel.steps[0] == Funnel.Step(rule: "channel-news", settings: [.init("news", "keep")])
    )
    let (lines, cutter) = clean(texts, news: .line)
    #expect(lines == ["МЫ ПЕРЕЕХАЛИ"])
    #expect(
      cutter.funnel.steps[0]
        == Funnel.Step(rule: "channel-news", settings: [.init("news", "line")], changed: 1))
  }

  @Test("says that there were no posts")
  func noPosts() {
    let error = #expect(throws: InputError.self) {
      try Cleaner(.house).finish(input: "posts.jsonl")
    }
    #expect(
      error?.description == "posts.jsonl: there are no posts; expected one JSON object a line")
  }

  @Test("says which rules left nothing")
  func nothingLeft() {
    let (_, cleaner) = clean(["", "#БТnews", "@", "https://a"])
    let error = #expect(throws: InputError.self) { try cleaner.finish(input: "posts.jsonl") }
    #expect(
      error?.description == "posts.jsonl: nothing is left of 4 posts after cleaning: "
        + "channel-news dropped 1, empty dropped 3")
    let (_, original) = clean(["", "#БТnews"], .original)
    let originalError = #expect(throws: InputError.self) { try original.finish(input: "-") }
    #expect(originalError?.description == "-: nothing is left of 2 posts after cleaning: no text")
  }

  @Test("runs rules of any making, and passes on what the receiver throws")
  func otherRules() {
    struct Shout: CleaningRule {
      let name = "shout"
      let reason = "for a test"
      func apply(to draft: inout Draft) -> RuleOutcome {
        let text = draft.withText { String(decoding: $0, as: UTF8.self) }
        if text.contains("тихо") { return .dropped }
        for index in draft.lines.indices {
          let line = draft.withLine(index) { String(decoding: $0, as: UTF8.self) }
          draft.replaceLine(index, with: Array(line.uppercased().utf8))
        }
        return .changed
      }
    }
    var cleaner = Cleaner(recipe: "test", layout: .onePostALine, rules: [Shout(), JoinLines()])
    var cleaned: [String] = []
    for text in ["а\nб", "тихо", "в"] {
      cleaner.clean(post(text)) { cleaned.append(String(decoding: $0, as: UTF8.self)) }
    }
    #expect(cleaned == ["А Б", "В"])
    #expect(
      cleaner.funnel.steps == [
        Funnel.Step(rule: "shout", dropped: 1, changed: 2),
        Funnel.Step(rule: "join-lines", changed: 1),
      ])
    struct Full: Error {}
    #expect(throws: Full.self) { try cleaner.clean(post("а")) { _ in throw Full() } }
  }

  @Test("lists rules by names in lower case with hyphens, each with a reason of one line")
  func declarations() {
    for recipe in Recipe.allCases {
      let rules = recipe.rules()
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
    let folder = try TemporaryFolder()
    let writer = try CorpusWriter(path: folder.path("posts.txt"))
    var cleaner = Cleaner(.house, news: .line)
    for id in 1...5000 {
      let text = (0..<Int.random(in: 0...10, using: &dice))
        .map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
      let entity = Post.Entity(
        type: "text_link", offset: Int.random(in: 0...8, using: &dice),
        length: Int.random(in: 0...4, using: &dice))
      try cleaner.clean(post(text, id % 3 == 0 ? [entity] : [], id: id)) { try writer.write($0) }
    }
    try writer.commit()
    var posts: [String] = []
    try CorpusReader.forEachPost(path: folder.path("posts.txt")) { _, post in
      posts.append(String(decoding: post, as: UTF8.self))
    }
    #expect(posts.count == cleaner.funnel.postsOut)
    #expect(posts.count > 900)
    #expect(Set(posts.map { Array($0.utf8) }).count == posts.count)
    let untidy = posts.filter { post in
      let words = post.split(separator: " ", omittingEmptySubsequences: false)
      let parts = words.split(separator: "@", omittingEmptySubsequences: false)
      return words.contains("") || parts.contains([]) || post.contains("https:")
    }
    #expect(untidy == [])
  }
}
