import CorpusFormat
import FileSupport
import TestSupport
import Testing
import TextCleaning

@Suite("joined texts")
struct CorpusJoinTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// Joins texts of these posts, named `0.txt` and so on.
  private func join(
    _ texts: [[String]], _ choices: String...
  ) throws -> (posts: [String], funnel: Funnel) {
    for (index, posts) in texts.enumerated() {
      try folder.write(posts.map { $0 + "\n" }.joined(), to: "\(index).txt")
    }
    var rules = RuleSet(.join)
    for choice in choices { try rules.set(choice) }
    return try join(texts.indices.map { "\($0).txt" }, rules)
  }

  private func join(
    _ names: [String], _ rules: RuleSet = RuleSet(.join)
  ) throws -> (posts: [String], funnel: Funnel) {
    let writer = try CorpusWriter(path: folder.path("joined.txt"))
    let funnel = try CorpusJoin(rules: rules, paths: names.map(folder.path)).run(writer) { _ in }
    try writer.commit()
    let text = try folder.text(of: "joined.txt")
    return (text.split(separator: "\n").map(String.init), funnel)
  }

  private let shop = "КОГДА ПРИШЁЛ В МАГАЗИН ЗА ХЛЕБОМ @ А ОН ЗАКРЫТ ДО САМОГО УТРА"
  private let otherShop = "КОГДА ПРИШЁЛ В МАГАЗИН ЗА ХЛЕБОМ @ А ОН ЗАКРЫТ ДО СЕРОГО УТРА"

  @Test("keep their order, without what an earlier one has word for word or nearly")
  func order() throws {
    let joined = try join([["КОТ", shop, "ПЁС"], ["ЁЖ", "ПЁС", otherShop], ["ЁЖ", "УЖ"]])
    #expect(joined.posts == ["КОТ", shop, "ПЁС", "ЁЖ", "УЖ"])
    let funnel = joined.funnel
    #expect(funnel.recipe == "join" && funnel.isOnePostALine)
    #expect(funnel.postsIn == 8 && funnel.postsOut == 5)
    #expect(funnel.steps.map(\.rule) == ["duplicates", "near-duplicates"])
    #expect(funnel.steps.map(\.dropped) == [2, 1])
    #expect(funnel.bytesOut == joined.posts.reduce(0) { $0 + $1.utf8.count })
    #expect(funnel.charactersOut == joined.posts.reduce(0) { $0 + $1.unicodeScalars.count })
    #expect(funnel.sources.map(\.postsIn) == [3, 3, 2])
    #expect(funnel.sources.map(\.postsOut) == [3, 1, 1])
    #expect(funnel.sources.map(\.bytesOut) == [12 + shop.utf8.count, 4, 4])
    #expect(funnel.sources.map(\.path) == ["0.txt", "1.txt", "2.txt"].map(folder.path))
  }

  @Test("keep what is repeated within one text, because its own rules have left it")
  func repeatsWithin() throws {
    let joined = try join([["КОТ", "КОТ", shop, otherShop], ["ПЁС", "ПЁС", "КОТ"]])
    #expect(joined.posts == ["КОТ", "КОТ", shop, otherShop, "ПЁС", "ПЁС"])
  }

  @Test("compare by the settings of the rules, which can be turned off")
  func settings() throws {
    let texts = [["КОТ", shop], ["КОТ", otherShop]]
    #expect(try join(texts, "near-duplicates=off").posts == ["КОТ", shop, otherShop])
    #expect(
      try join(texts, "near-duplicates.similarity=0.99").posts == ["КОТ", shop, otherShop])
    // What is the same is nearly the same, too.
    #expect(try join(texts, "duplicates=off").funnel.steps.map(\.dropped) == [2])
    #expect(
      try join(texts, "duplicates=off", "near-duplicates=off").posts
        == ["КОТ", shop, "КОТ", otherShop])
    #expect(throws: RuleSet.ChoiceError.self) { try join(texts, "links=off") }
  }

  @Test("find every repetition among many posts, whatever the size of their buffers")
  func many() throws {
    var dice = Dice(seed: 7)
    let words = ["КОТ", "ПЁС", "ЁЖ", "УЖ", "ДОМ", "ЛЕС", "ЧАЙ", "СЫР"]
    let first = (0..<20_000).map { index in
      "\(index) "
        + (0..<12).map { _ in words.randomElement(using: &dice) ?? "" }.joined(separator: " ")
    }
    let second = (0..<5_000).map { "ДРУГОЙ \($0 * $0) \($0 % 7)" }
    let repeated = stride(from: 0, to: 20_000, by: 13).map { first[$0] }
    let joined = try join([first, repeated + second], "near-duplicates=off")
    #expect(joined.posts == first + second)
    #expect(joined.funnel.steps[0].dropped == repeated.count)
  }

  @Test("are refused if a text is of another kind, or there is nothing in any")
  func refused() throws {
    try folder.write(#"{"id":1,"date":"2016-03-01T09:00:00Z","text":"КОТ"}"# + "\n", to: "posts")
    try folder.write("КОТ\nПЁ\u{0}", to: "good.txt")
    try folder.write([0xCA, 0xCE, 0xD2, 0x0A], to: "latin.txt")
    try folder.write("", to: "empty.txt")
    try folder.write("КОТ ПЁС", to: "whole.txt")
    try Funnel(recipe: "original", isOnePostALine: false, steps: []).write(
      to: folder.path("whole.funnel.json"))
    for (names, problem) in [
      (["good.txt", "posts"], "run bugurt-clean first"),
      (["good.txt", "latin.txt"], "is not UTF-8"),
      (["empty.txt", "empty.txt"], "there is no text in it"),
      (["good.txt", "whole.txt"], "its posts cannot be told apart"),
    ] {
      let error = #expect(throws: InputError.self) { try join(names) }
      #expect(error?.description.contains(problem) == true, "\(names): \(error as Any)")
    }
    #expect(throws: FileError.self) { try join(["good.txt", "missing.txt"]) }
    #expect(try join(["empty.txt", "good.txt"]).posts.count == 2)
  }
}
