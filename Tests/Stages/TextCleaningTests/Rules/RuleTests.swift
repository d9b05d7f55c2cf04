import PostFormat
import TextCleaning
import Testing

@Suite("channel-news")
struct ChannelNewsTests {
  @Test(
    "drops posts whose first visible line begins with the hashtag, in any case",
    arguments: [
      "#БТnews", "#БТnews\nМЫ ПЕРЕЕХАЛИ", "#БТnews: МЫ ПЕРЕЕХАЛИ", "\n \n  #БТnews\nА",
      "\u{200B}\u{FEFF}#БТnews", "#бтNEWS\nА", "\u{A0}#БТnewsА",
    ])
  func drops(_ text: String) {
    #expect(run(ChannelNewsRule(), text) == .dropped)
    #expect(run(ChannelNewsRule("news=keep"), text) == .unchanged(text))
  }

  @Test(
    "keeps posts that have the hashtag elsewhere, or half of it",
    arguments: [
      "", "\n", "ТЕКСТ\n#БТnews", "А #БТnews", "БТnews", "#БТnew", "#БТ", "# БТnews", "#БTnews",
    ])
  func keeps(_ text: String) {
    #expect(run(ChannelNewsRule(), text) == .unchanged(text))
    #expect(run(ChannelNewsRule("news=line"), text) == .unchanged(text))
  }

  @Test(
    "takes only the line away if asked to",
    arguments: [
      ("#БТnews\nА\n@\nБ", "А\n@\nБ"), ("\n#БТnews ВАЖНО\nА", "\nА"), ("#БТnews", ""),
      ("#БТnews\n#БТnews\nА", "#БТnews\nА"),
    ])
  func line(_ text: String, _ expected: String) {
    #expect(run(ChannelNewsRule("news=line"), text) == .changed(expected))
  }
}

@Suite("header")
struct HeaderTests {
  @Test(
    "takes the header off the first visible line",
    arguments: [
      ("БУГУРТ-ТРЕД\nА", "\nА"), ("БУГУРТ ТРЕД\nА", "\nА"), ("бугурт-Тред:\nА", "\nА"),
      ("#БУГУРТ_ТРЕД\nА", "\nА"), ("БУГУРТ – ТРЕД.\nА", "\nА"), ("БУГУРТ\u{2011}ТРЕД \nА", "\nА"),
      ("БУГУРТ\u{A0}ТРЕД!!!\nА", "\nА"), ("  БУГУРТ-ТРЕД  :  \nА", "\nА"),
      ("\n\nБУГУРТ-ТРЕД\nА", "\n\n\nА"),
      ("БУГУРТ-ТРЕД КОГДА А", "КОГДА А"), ("БУГУРТ-ТРЕД: КОГДА А\n@\nБ", "КОГДА А\n@\nБ"),
      ("БУГУРТ-ТРЕД @ А", "@ А"), ("БУГУРТ-ТРЕД🔥\nА", "🔥\nА"), ("БУГУРТ-ТРЕД", ""),
      ("БУГУРТ-ТРЕД-2", "-2"), ("БУГУРТ-ТРЕД\nБУГУРТ-ТРЕД\nА", "\nБУГУРТ-ТРЕД\nА"),
    ])
  func header(_ text: String, _ expected: String) {
    #expect(run(HeaderRule(), text) == .changed(expected))
  }

  @Test(
    "leaves the words where they are part of what is said",
    arguments: [
      "", "А", "ПИШУ В БУГУРТ-ТРЕД", "А\nБУГУРТ-ТРЕД", "БУГУРТ-ТРЕДА НЕ БУДЕТ", "БУГУРТ-ТРЕД2000",
      "БУГУРТТРЕД", "БУГУРТ", "БУГУРТ-ТРЕ", "БУГУРТ @ ТРЕД", "БУГУРТ\nТРЕД", "##БУГУРТ-ТРЕД",
      "BУГУРТ-ТРЕД",
    ])
  func noHeader(_ text: String) {
    #expect(run(HeaderRule(), text) == .unchanged(text))
  }
}

@Suite("links")
struct LinksTests {
  @Test(
    "takes lines with an address away",
    arguments: [
      "https://vk.com/a", "ЖМИ http://a", "HTTPS://A.RU", "(t.me/a)", "T.ME/A", "@t.me/a",
      "смотриt.me/a", "www.a.ru", "А WWW.SYSADMINDAY.RU", "tg://resolve?domain=a",
      "telegram.me/a", "2020https://a", "-t.me/a", "ПРЯМОhttps://a",
    ])
  func addresses(_ line: String) {
    #expect(run(LinkRule(), "А\n@\n\(line)\n@\nБ") == .changed("А\n@\n@\nБ"))
    #expect(run(LinkRule(), line) == .changed(""))
  }

  @Test(
    "leaves what only resembles an address",
    arguments: [
      "", "HTTP, FTP, TCP/IP", "WWW: ОДИН КЛАДЁТ", "www.", "www...", "www. а", "awww.ru",
      "start.me/a", "tt.me/a", "t.men", "t.me", "http:/a", "abctg://a", "https", "А.ME/a",
      "СПРОСИ У Т.МЕ/А", "://", ".me/", ":", ".",
    ])
  func noAddresses(_ line: String) {
    #expect(run(LinkRule(), line) == .unchanged(line))
  }

  @Test("takes lines away that belong to a link by the post's entities")
  func entities() {
    func result(_ text: String, _ type: String, _ offset: Int, _ length: Int) -> Result {
      run(LinkRule(), text, [Post.Entity(type: type, offset: offset, length: length)])
    }
    #expect(result("А\nvk.com\nБ", "link", 2, 6) == .changed("А\nБ"))
    #expect(result("А\nЖми сюда\nБ", "text_link", 6, 4) == .changed("А\nБ"))
    // Units of UTF-16: the emoji counts for two.
    #expect(result("👍\nЖми\nБ", "text_link", 3, 3) == .changed("👍\nБ"))
    #expect(result("А\nБ\nВ\nГ", "text_link", 2, 3) == .changed("А\nГ"))
    // It ends with the newline of the line before, or begins there.
    #expect(result("А\nБ\nВ", "text_link", 0, 2) == .changed("Б\nВ"))
    #expect(result("А\nБ\nВ", "text_link", 1, 2) == .changed("А\nВ"))
    #expect(result("А", "text_link", 0, .max) == .changed(""))
  }

  @Test("leaves lines with other entities, with hidden links and with links beyond the text")
  func otherEntities() {
    func result(_ text: String, _ type: String, _ offset: Int, _ length: Int) -> Result {
      run(LinkRule(), text, [Post.Entity(type: type, offset: offset, length: length)])
    }
    #expect(result("А\nБ", "bold", 0, 1) == .unchanged("А\nБ"))
    #expect(result("@a\nБ", "mention", 0, 2) == .unchanged("@a\nБ"))
    #expect(result("\u{200B}А\nБ", "text_link", 0, 1) == .unchanged("\u{200B}А\nБ"))
    #expect(result("А \nБ", "text_link", 1, 1) == .unchanged("А \nБ"))
    #expect(result("А\nБ", "link", 3, 5) == .unchanged("А\nБ"))
    #expect(result("А\nБ", "link", .max, .max) == .unchanged("А\nБ"))
    #expect(result("А\nБ", "link", 0, 0) == .unchanged("А\nБ"))
    #expect(result("", "link", 0, 3) == .unchanged(""))
  }

  @Test("finds the lines of entities after rules before it have taken others away")
  func afterOtherRules() {
    var draft = Draft(
      post(
        "#БТnews\nБУГУРТ-ТРЕД КОГДА\nЖми\nБ",
        [Post.Entity(type: "text_link", offset: 26, length: 3)]))
    #expect(ChannelNewsRule("news=line").apply(to: &draft) == .changed)
    #expect(HeaderRule().apply(to: &draft) == .changed)
    #expect(LinkRule().apply(to: &draft) == .changed)
    #expect(draft.string == "КОГДА\nБ")
  }
}

@Suite("join-lines")
struct JoinLinesTests {
  @Test(
    "makes one tidy line",
    arguments: [
      ("А\n@\nБ", "А @ Б"), ("А\n\n\nБ", "А Б"), ("  А \t Б  ", "А Б"), ("А\r\nБ", "А Б"),
      ("\u{A0}А\u{3000}\u{2003}\u{1680}\u{85}\u{2028}Б\u{202F}", "А Б"), ("А\u{B}\u{C}Б", "А Б"),
      ("\u{FEFF}А\u{200B}Б\u{AD}В\u{2060}", "АБВ"), ("А \u{200B} Б", "А Б"),
      ("А\u{0}Б\u{7F}", "АБ"),
      ("\u{200E}А\u{202C}", "А"), ("\u{61C}А\u{34F}\u{FFF9}\u{180F} ا\u{301}", "А ا\u{301}"),
      ("А\u{115F}\u{1160}\u{FFA0}Б", "А Б"), ("АБВГДЕ\u{61C}ЖЗИЙК\u{34F}Л", "АБВГДЕЖЗИЙКЛ"),
      ("А\u{3164}\u{2800}Б", "А Б"), ("\n", ""),
      (" \u{200B}\n ", ""),
    ])
  func whiteSpace(_ text: String, _ expected: String) {
    #expect(run(JoinLinesRule(), text) == .changed(expected))
  }

  @Test(
    "leaves one separator where something is parted, none elsewhere",
    arguments: [
      ("@\nА", "А"), ("А\n@", "А"), ("А\n@\n@\nБ", "А @ Б"), ("@\n@", ""), ("А @@ Б", "А @ Б"),
      ("А @ @@@ @ Б\n@", "А @ Б"), ("А\n@\u{200B}\nБ", "А @ Б"), ("А\n\u{200B}@\nБ", "А @ Б"),
      ("@  А", "А"),
    ])
  func separators(_ text: String, _ expected: String) {
    #expect(run(JoinLinesRule(), text) == .changed(expected))
  }

  @Test(
    "leaves what is tidy as it is",
    arguments: [
      "", "А", "А @ Б", "А Б В @ Г Д", "a@b.ru", "@user А", "А@ Б", "@@А", "👨‍👩‍👧 🤦‍♂️ 🇷🇺",
      "А\u{301}", "中文 §—«»", "❤️‍🔥", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
      "1️⃣ #️⃣ ©️ ‼️ ☺\u{FE0E} 👍🏽",
    ])
  func tidy(_ text: String) {
    #expect(run(JoinLinesRule(), text) == .unchanged(text))
  }

  @Test(
    "keeps a joiner between pictographs only",
    arguments: [
      ("А\u{200D}Б", "АБ"), ("👨\u{200D}", "👨"), ("\u{200D}👨", "👨"), ("👨\u{200D} 👩", "👨 👩"),
      ("А\u{200D}👩", "А👩"), ("❤\u{200D}\u{FE0F}", "❤"), ("❤\u{200D}\u{E0062}", "❤"),
    ])
  func joiners(_ text: String, _ expected: String) {
    #expect(run(JoinLinesRule(), text) == .changed(expected))
  }

  @Test(
    "keeps selectors and tags in emoji only",
    arguments: [
      ("А\u{FE0F}Б", "АБ"), ("\u{FE0F}А", "А"), ("1\u{FE0F}2", "12"), ("А \u{E0041}", "А"),
      ("А\u{E0041}\u{E0042}", "А"), ("👍\u{E0041}", "👍"), ("А\u{FE00}\u{E0100}", "А"),
      ("А\u{1D173}\u{17B4}Б", "АБ"),
    ])
  func selectors(_ text: String, _ expected: String) {
    #expect(run(JoinLinesRule(), text) == .changed(expected))
  }

  @Test("has nothing to do with its own work")
  func idempotent() {
    var dice = Dice(seed: 3)
    let pieces = [
      "А", "слово", "@", "@@", " ", "  ", "\n", "\t", "\u{A0}", "\u{200B}", "\u{200D}", "👨", "❤️",
      "x",
      "\u{FEFF}",
    ]
    var changedCount = 0
    for _ in 0..<3000 {
      let text = (0..<Int.random(in: 0...12, using: &dice))
        .map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
      let once = run(JoinLinesRule(), text)
      guard let line = once.text else { continue }
      #expect(run(JoinLinesRule(), line) == .unchanged(line))
      #expect(line == expectedJoin(text), "\(text.debugDescription)")
      if once.outcome == .changed { changedCount += 1 }
    }
    #expect((1000..<3000).contains(changedCount))
  }

  /// The rule once more, slowly, over arrays of scalars.
  private func expectedJoin(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    func isPictograph(_ index: Int) -> Bool {
      scalars.indices.contains(index) && ["👨", "❤", "\u{FE0F}"].contains(scalars[index])
    }
    var visible = String.UnicodeScalarView()
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\u{200B}", "\u{FEFF}": break
      case "\u{200D}" where !isPictograph(index - 1) || !isPictograph(index + 1): break
      default: visible.append(scalar)
      }
    }
    let words = visible.split { $0.properties.isWhitespace }.map { String($0) }
      .map { $0.allSatisfy { $0 == "@" } ? "@" : $0 }
    var kept: [String] = []
    for word in words where word != "@" || (kept.last ?? "@") != "@" { kept.append(word) }
    if kept.last == "@" { kept.removeLast() }
    return kept.joined(separator: " ")
  }
}

@Suite("empty")
struct EmptyPostsTests {
  @Test(
    "drops posts with nothing to see but separators", arguments: ["", " ", "@", "\n@ @\n\u{200B}"])
  func drops(_ text: String) {
    #expect(run(EmptyRule(), text) == .dropped)
  }

  @Test("keeps all others", arguments: ["А", "@а", "\n\n.", "🔥"])
  func keeps(_ text: String) {
    #expect(run(EmptyRule(), text) == .unchanged(text))
  }
}
