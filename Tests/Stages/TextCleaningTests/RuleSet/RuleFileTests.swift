import FileSupport
import PostFormat
import TestSupport
import TextCleaning
import Testing

@Suite("Files of rules")
struct RuleFileTests {
  private func read(_ text: String, _ recipe: Recipe = .house) throws -> RuleSet {
    let folder = try TemporaryFolder()
    var rules = RuleSet(recipe)
    try rules.read(path: try folder.write(text, to: "rules.ini"))
    return rules
  }

  private func list(_ rules: RuleSet, _ rule: String, _ setting: String) -> [String]? {
    rules[rule]?.settings.list(setting)
  }

  @Test("turn rules on and off, and set their settings")
  func choices() throws {
    let rules = try read(
      """
      # ours
      [links]
      on = no
      [length]
      minimum: 20
      [upper-case]
      on = no
      minimum = 0.5
      [boilerplate]
      heads = Анекдот | №  1
      tails =
          | Наш чат | Все посты
          | #юмор

          Конец
      """)
    #expect(rules["links"]?.isOn == false)
    #expect(rules["length"]?.isOn == true)
    #expect(rules["length"]?.settings.count("minimum") == 20)
    #expect(rules["length"]?.settings.count("maximum") == 4096)
    #expect(rules["upper-case"]?.isOn == false)
    #expect(rules["upper-case"]?.settings.fraction("minimum") == 0.5)
    #expect(list(rules, "boilerplate", "heads") == ["Анекдот", "№  1"])
    #expect(list(rules, "boilerplate", "tails") == ["Наш чат | Все посты", "#юмор", "Конец"])
    #expect(rules["header"]?.isOn == true)
  }

  @Test("a section without a key, or an empty file, changes nothing")
  func nothing() throws {
    #expect(try read("").text == RuleSet(.house).text)
    #expect(try read("[replies]\n[links]\n").text == RuleSet(.house).text)
  }

  @Test(
    "report unknown rules, settings and values with the line",
    arguments: [
      ("\n[lniks]\non = no", 2, "there is no rule 'lniks' in the recipe house; it has forwards, "),
      ("[lniks]\n", 1, "there is no rule 'lniks'"),
      ("[links]\non = no\nshare = 2", 3, "the rule links has no setting 'share'; it has none"),
      ("[length]\n\nminimum = -1", 3, "'-1' for length.minimum: expected a whole number of at"),
      ("[links]\non = maybe", 2, "'maybe' for the rule links: expected on or off"),
      ("on = no", 1, "expected a section"),
    ])
  func mistakes(_ text: String, _ line: Int, _ message: String) {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description.contains("rules.ini: line \(line): \(message)") == true)
  }

  @Test("are written so that reading them gives the same rules", arguments: Recipe.allCases)
  func roundTrip(_ recipe: Recipe) throws {
    var rules = RuleSet(recipe)
    if recipe == .house {
      for choice in [
        "links=off", "replies=on", "length.minimum=7", "alphabet.minimum-cyrillic=0.25",
        "boilerplate.tails=#a\n|b | c\n;d\n[e]", "adverts.phrases=", "channel-news.news=line",
      ] {
        try rules.set(choice)
      }
      #expect(list(rules, "boilerplate", "tails") == ["#a", "b | c", ";d", "[e]"])
    }
    let again = try read(rules.text, recipe)
    #expect(again.text == rules.text)
    for rule in rules.declarations {
      #expect(again[rule.name]?.isOn == rule.isOn)
      #expect(again[rule.name]?.settings == rule.settings)
    }
  }

  @Test("are written with each rule's reason and the help of its settings")
  func text() throws {
    let text = try houseRules("length.minimum=7").text
    #expect(
      text.contains(
        """

        # posts too short say nothing, those too long are not bugurts
        [length]
        on = yes
        # the fewest characters a post may have (a whole number of at least 0; default: 1)
        minimum = 7
        # the most characters a post may have; Telegram allows 4096 (a whole number of at least 0)
        maximum = 4096

        """))
  }
}

@Suite("BoilerplateSuggestion")
struct BoilerplateSuggestionTests {
  private func suggestion(
    _ texts: [String], _ rules: RuleSet = RuleSet(.house), fraction: Double = 0.05
  ) throws -> BoilerplateSuggestion {
    let folder = try TemporaryFolder()
    let path = folder.path("posts.jsonl")
    let writer = try PostWriter(path: path)
    for (index, text) in texts.enumerated() { try writer.write(post(text, id: index + 1)) }
    try writer.commit()
    return try BoilerplateSuggestion(path: path, rules: rules, fraction: fraction)
  }

  @Test("finds lines that head or end enough posts, in any case, with their counts")
  func finds() throws {
    let texts = (0..<100).map { index in
      (index % 10 == 0 ? "Анекдот дня\n" : "") + "КОТ \(index)\n@\nДОМ \(index)"
        + (index % 20 == 0
          ? "\n Наш ЧАТ | все посты \n" : index % 20 == 1 ? "\nНАШ чат | ВСЕ посты" : "")
        + (index % 25 == 2 ? "\nРЕДКО" : "")
    }
    let found = try suggestion(texts)
    #expect(found.postCount == 100)
    #expect(found.heads.map(\.text) == ["анекдот дня"])
    #expect(found.tails.map(\.text) == ["наш чат | все посты"])
    #expect((found.heads + found.tails).map(\.count) == [10, 10])
    #expect(
      found.text == """
        [boilerplate]
        heads =
            | анекдот дня
        tails =
            | наш чат | все посты

        """)
    #expect(try suggestion(texts, fraction: 0.11).text == nil)
    #expect(try suggestion(texts, fraction: 0.04).tails.count == 2)
  }

  @Test("what it writes takes the lines away, and is then found no more")
  func isTakenAway() throws {
    let texts = (0..<40).map { "#Юмор и #бугурт\nКОТ \($0)\n@\nДОМ \($0)\n; конец" }
    let folder = try TemporaryFolder()
    let text = try #require(try suggestion(texts).text)
    var rules = RuleSet(.house)
    try rules.read(path: try folder.write(text, to: "rules.ini"))
    #expect(try Cleaning(texts, rules).texts.first == "КОТ 0 @ ДОМ 0")
    #expect(try suggestion(texts, rules).text == nil)
  }

  @Test("does not suggest what other rules take away, separators, or posts of one line")
  func others() throws {
    let texts = (0..<40).map { "БУГУРТ-ТРЕД\nКОТ \($0)\n@\nhttps://vk.com/bugurt\n#юмор" }
    let found = try suggestion(texts + ["#БТnews"])
    #expect(found.postCount == 40)
    #expect(found.text == nil)
    #expect(try suggestion(Array(repeating: "КОТ", count: 9)).text == nil)
  }
}
