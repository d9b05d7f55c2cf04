import CorpusFormat
import PostFormat
import TestSupport
import TextCleaning
import TextSupport
import Testing

/// A post of `text` that `views` people saw.
private func post(_ id: Int, _ text: String, views: Int? = nil) -> Post {
  var post = Post(id: id, date: 0, text: text)
  post.views = views
  return post
}

/// The shingles of `text` by the letter: of texts in upper case with blanks and `@` alone.
private func shingles(_ text: String, _ length: Int = 5) -> Set<String> {
  let words = text.lowercased().split { $0 == " " || $0 == "@" || $0 == "\n" }
  let scalars = Array(words.joined(separator: " ").unicodeScalars)
  return Set(
    (0...max(0, scalars.count - length)).map { start in
      scalars[start..<min(scalars.count, start + length)].map(String.init).joined()
    })
}

private func similarity(_ first: String, _ second: String) -> Double {
  let (first, second) = (shingles(first), shingles(second))
  return Double(first.intersection(second).count) / Double(first.union(second).count)
}

/// Texts of which many are one before with a word or two changed.
private func randomTexts(_ count: Int, seed: UInt64) -> [String] {
  var dice = Dice(seed: seed)
  func word() -> String {
    String(
      (0..<Int.random(in: 2...9, using: &dice)).map { _ in
        "АБВГДЕИКЛМНОПРСТУЯ".randomElement(using: &dice) ?? "Ё"
      })
  }
  var texts: [[String]] = []
  for _ in 0..<count {
    if let old = texts.randomElement(using: &dice), Bool.random(using: &dice) {
      var words = old
      for _ in 0..<Int.random(in: 1...3, using: &dice) {
        words[Int.random(in: words.indices, using: &dice)] = word()
      }
      texts.append(words)
    } else {
      texts.append((0..<Int.random(in: 8...40, using: &dice)).map { _ in word() })
    }
  }
  return texts.map { $0.joined(separator: " ") }
}

@Suite("near duplicates")
struct NearDuplicatesTests {
  @Test("are kept unless the rule is on")
  func off() throws {
    let texts = ["КОГДА ПРИШЁЛ ДОМОЙ А ТАМ КОТ", "КОГДА ПРИШЁЛ ДОМОЙ, А ТАМ КОТ!"]
    #expect(try Cleaning(texts).texts == texts)
    #expect(try Cleaning(texts, houseRules("near-duplicates=on")).texts == [texts[0]])
  }

  @Test("differ in more than case, punctuation and separators")
  func folded() throws {
    let texts = ["КОГДА А\n@\nПРИШЁЛ Б", "когда а — «пришёл» б…", "КОГДА А ПРИШЁЛ Б 2"]
    #expect(
      try Cleaning(texts, houseRules("near-duplicates.similarity=1")).texts == [
        "КОГДА А @ ПРИШЁЛ Б", "КОГДА А ПРИШЁЛ Б 2",
      ])
  }

  @Test("are found as comparing all pairs finds them", arguments: [0.5, 0.8, 0.9])
  func bruteForce(_ threshold: Double) throws {
    let texts = randomTexts(400, seed: 7)
    let cleaning = try Cleaning(
      texts,
      houseRules("near-duplicates.similarity=\(threshold)", "near-duplicates.keep=earliest"))
    let sets = texts.map { shingles($0) }
    func isNear(_ first: Int, _ second: Int) -> Bool {
      let shared = sets[first].intersection(sets[second]).count
      return Double(shared) / Double(sets[first].count + sets[second].count - shared) >= threshold
    }
    var expected: [Int] = []
    for text in texts.indices where !expected.contains(where: { isNear($0, text) }) {
      expected.append(text)
    }
    #expect(expected.count < 390, "the texts try nothing")
    // Whatever was dropped is nearly equal to something kept.
    let keptTexts = Set(cleaning.texts)
    let kept = texts.indices.filter { keptTexts.contains(texts[$0]) }
    for text in texts.indices where !keptTexts.contains(texts[text]) {
      #expect(kept.contains { isNear($0, text) })
    }
    let found = Double(texts.count - cleaning.texts.count)
    #expect(found >= 0.98 * Double(texts.count - expected.count))
  }

  @Test("give way to the one with the most views, of equals the earliest")
  func views() throws {
    let text = "КОГДА ВЕСЬ ДЕНЬ ИСКАЛ ОЧКИ А ОНИ БЫЛИ НА НОСУ У ТВОЕГО БРАТА"
    let posts = [
      post(1, text + " А", views: 5), post(2, text + " Б"), post(3, text + " В", views: 9),
      post(4, text + " Г", views: 9), post(5, "СОВСЕМ ДРУГОЙ ТЕКСТ О ДРУГОМ"),
    ]
    let byViews = try Cleaning(posts, houseRules("near-duplicates=on"))
    #expect(byViews.texts == [text + " В", posts[4].text])
    let earliest = try Cleaning(posts, houseRules("near-duplicates.keep=earliest"))
    #expect(earliest.texts == [text + " А", posts[4].text])
    #expect(earliest.funnel.steps.last?.rule == "near-duplicates")
    #expect(earliest.funnel.steps.last?.dropped == 3)
    #expect(earliest.funnel.postsOut == 2)
    #expect(earliest.funnel.bytesOut == (text + " А").utf8.count + posts[4].text.utf8.count)
  }

  @Test("do not take away, by a chain of small changes, what is like nothing that is left")
  func chains() throws {
    let words = (0..<24).map { "СЛОВО\($0 * 7919)" }
    // Each text has one word less at its beginning and one more at its end.
    let texts = (0..<8).map { words[$0..<($0 + 16)].joined(separator: " ") }
    let kept = try Cleaning(texts, houseRules("near-duplicates=on")).texts
    #expect(kept.count > 1)
    for text in texts {
      #expect(kept.contains { similarity($0, text) >= 0.8 })
    }
  }

  @Test("of texts shorter than a shingle, or without letters, are only the same texts")
  func short() throws {
    let texts = ["ДА", "ДА!", "НЕТ", "?!", "!!!", "…", "🙂", "🙂🙂", "а", "А"]
    #expect(
      try Cleaning(texts, houseRules("near-duplicates=on")).texts == [
        "ДА", "НЕТ", "?!", "!!!", "…", "🙂", "🙂🙂", "а",
      ])
  }

  @Test("of ten megabytes are found")
  func long() throws {
    var dice = Dice(seed: 3)
    var text = String((0..<5_000_000).map { _ in "АБВГДЕЖЗ ".randomElement(using: &dice) ?? "Ё" })
    text = "Ю" + text.split(separator: " ").joined(separator: " ") + "Ю"
    let other = text.replacing("АБВ", with: "ВБА")
    let posts = [
      post(1, text), post(2, "КОРОТКИЙ ТЕКСТ"), post(3, other), post(4, "КОРОТКИЙ ТЕКСТ."),
    ]
    #expect(
      try Cleaning(posts, houseRules("near-duplicates.similarity=0.7")).texts == [
        text, "КОРОТКИЙ ТЕКСТ",
      ])
  }

  @Test("are the same whatever the number of threads", arguments: [2, 3, 8])
  func threads(_ threads: Int) throws {
    var dice = Dice(seed: 11)
    let posts = randomTexts(6000, seed: 5).enumerated().map {
      post($0 + 1, $1, views: Int.random(in: 0..<50, using: &dice))
    }
    func clean(_ threads: Int) throws -> Cleaning {
      try Cleaning(posts, houseRules("near-duplicates=on")) {
        $0.threads = threads
        $0.sampler = PostSampler(count: 20)
      }
    }
    let (one, several) = (try clean(1), try clean(threads))
    #expect(one.texts == several.texts)
    #expect(one.funnel == several.funnel)
    #expect(one.rejects == several.rejects)
    #expect(one.result.samples == several.result.samples)
    #expect(one.texts.count < 5000)
  }

  @Test("are reported with the post that is kept")
  func reported() throws {
    let text = "КОГДА ВЕСЬ ДЕНЬ ИСКАЛ ОЧКИ А ОНИ БЫЛИ НА НОСУ У ТВОЕГО БРАТА"
    let posts = [post(3, "БУГУРТ-ТРЕД\n" + text), post(5, text), post(8, text + "ХХХ", views: 2)]
    for explained in [3, 8] {
      let cleaning = try Cleaning(posts, houseRules("near-duplicates=on")) {
        $0.sampler = PostSampler(count: 3)
        $0.explainedID = explained
      }
      let (rejects, result) = (cleaning.rejects, cleaning.result)
      #expect(rejects.map(\.id) == [3, 5])
      #expect(rejects.map(\.rule) == ["near-duplicates", "duplicates"])
      #expect(rejects.map(\.keptInstead) == [8, nil])
      #expect(rejects.first?.text == posts[0].text)
      #expect(result.samples.map(\.id) == [8])
      #expect(result.samples.first?.before == text + "ХХХ")
      let step = try #require(result.explanation?.steps.last)
      #expect(step.rule == "near-duplicates")
      #expect(step.outcome == (explained == 3 ? .dropped : .unchanged))
      #expect(step.keptInstead == (explained == 3 ? 8 : nil))
      #expect(step.text == (explained == 3 ? text : text + "ХХХ"))
    }
  }

  @Test("are reported among the posts that other rules dropped, in the order of the file")
  func rejects() throws {
    let text = "КОГДА ВЕСЬ ДЕНЬ ИСКАЛ ОЧКИ А ОНИ БЫЛИ НА НОСУ У ТВОЕГО БРАТА"
    let posts = [
      post(1, "#БТnews\nМЫ"), post(2, text), post(3, ""), post(4, text + "!"), post(5, text),
      post(6, text + " Я"), post(7, "@"),
    ]
    let rejects = try Cleaning(posts, houseRules("near-duplicates=on")).rejects
    #expect(rejects.map(\.id) == [1, 3, 4, 5, 6, 7])
    #expect(
      rejects.map(\.rule) == [
        "channel-news", "empty", "near-duplicates", "duplicates", "near-duplicates", "empty",
      ])
    #expect(rejects.map(\.keptInstead) == [nil, nil, 2, nil, 2, nil])
    #expect(rejects.map(\.text) == [0, 2, 3, 4, 5, 6].map { posts[$0].text })
  }

  @Test("are found among many posts that share most of their text")
  func sharedBoilerplate() throws {
    var dice = Dice(seed: 9)
    func words(_ count: Int) -> String {
      randomTexts(1, seed: dice.next())[0].split(separator: " ").prefix(count)
        .joined(separator: " ")
    }
    let boilerplate = (0..<50).map { "СЛОВО\($0 * 7919 % 1000)" }.joined(separator: " ")
    let own = (0..<400).map { _ in words(5) + " " + words(5) }
    let first = own.map { boilerplate + " " + $0 }
    #expect(similarity(first[0], first[1]) < 0.8, "they are nearly equal as they are")
    #expect(similarity(first[0], first[1]) > 0.6, "they share too little")
    // Each comes again with another last letter.
    let again = first.map { String($0.dropLast()) + "Ж" }
    let kept = try Cleaning(first + again, houseRules("near-duplicates=on")).texts
    #expect(kept.count >= 400 && kept.count <= 404)
  }

  @Test("settings are checked")
  func settings() {
    #expect(throws: RuleSet.ChoiceError.self) {
      try houseRules("near-duplicates.similarity=0.2")
    }
    #expect(throws: RuleSet.ChoiceError.self) { try houseRules("near-duplicates.shingle=0") }
    #expect(throws: RuleSet.ChoiceError.self) { try houseRules("near-duplicates.keep=latest") }
  }

  @Test(
    "the bands bring texts of the similarity together with odds of 0.995, in a signature of 128 rows",
    arguments: [0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1])
  func bands(_ similarity: Double) {
    let bands = SignatureBands(similarity: similarity)
    #expect(bands.recall(at: similarity) >= 0.995)
    #expect(bands.count * bands.rows <= 128)
    #expect(bands.recall(at: similarity / 4) < 0.6)
  }
}

@Suite("shingles")
struct ShingleSetTests {
  @Test("are counted once each, and shared ones too", arguments: [1, 2, 5, 9])
  func counts(_ length: Int) {
    var set = ShingleSet(shingleLength: length)
    let texts = randomTexts(60, seed: 2) + ["АААААААААААА", "А", "АБ"]
    for text in texts {
      set.load(text.utf8.span)
      #expect(set.hashes.count == shingles(text, length).count)
      for other in texts {
        let shared = set.countShared(with: other.utf8.span)
        #expect(shared == shingles(text, length).intersection(shingles(other, length)).count)
      }
    }
  }

  @Test("of a long text are all found, and the next text is a short one")
  func growth() {
    var set = ShingleSet(shingleLength: 5)
    var dice = Dice(seed: 1)
    let long = (0..<200_000).map { _ in UInt8.random(in: 0x61...0x7A, using: &dice) }
    set.load(long.span)
    #expect(set.hashes.count == Set((0..<199_996).map { Array(long[$0..<$0 + 5]) }).count)
    #expect(set.countShared(with: long.span) == set.hashes.count)
    let short = "abcdef"
    set.load(short.utf8.span)
    #expect(set.hashes.count == 2)
  }

  @Test(
    "are of letters, digits and pictographs in lower case, separated by single spaces",
    arguments: [
      (" «Ёж», — сказал\u{00A0}он… ", "ёж сказал он"), ("А @ Б", "а б"), ("2×2=4", "2 2 4"),
      ("🙂☺\u{FE0F}", "🙂☺"), ("\u{AB}\u{2026}", ""), ("ÀЇ", "àї"),
    ])
  func folding(_ text: String, _ expected: String) {
    var folded = FoldedText()
    folded.load(text.utf8.span)
    #expect(folded.scalars == expected.unicodeScalars.map(\.value))
  }
}
