import CorpusFormat
import FileSupport
import PostFormat
import TestSupport
import TextCleaning
import Testing

@Suite("inspection")
struct InspectionTests {
  private let posts = [
    post("БУГУРТ-ТРЕД\nА\n@\nБ", id: 3), post("", id: 5), post("А\n@\nБ", id: 8),
    post("В", id: 9), post("#БТnews\nВ", id: 12),
  ]

  private func explain(_ id: Int) throws -> Explanation? {
    try Cleaning(posts) { $0.explainedID = id }.result.explanation
  }

  @Test("explains what each rule did to a post, up to the one that dropped it")
  func explanation() throws {
    let kept = try #require(try explain(3))
    #expect(kept.line == 1)
    #expect(kept.text == "БУГУРТ-ТРЕД\nА\n@\nБ")
    #expect(kept.steps.map(\.rule) == RuleSet(.house).active.map(\.name))
    let changes = kept.steps.filter { $0.outcome != .unchanged }
    #expect(changes.map(\.rule) == ["header", "join-lines"])
    #expect(changes.first?.text == "\nА\n@\nБ")
    #expect(kept.steps.last?.text == "А @ Б")

    let twice = try #require(try explain(8))
    let last = try #require(twice.steps.last)
    #expect(last.rule == "duplicates" && last.outcome == .dropped && last.text == "А @ Б")
    let news = try #require(try explain(12))
    #expect(news.steps.last?.rule == "channel-news")
    #expect(news.steps.filter { $0.outcome != .unchanged }.map(\.outcome) == [.dropped])
    #expect(try explain(4) == nil)
  }

  @Test("reports each dropped post with the rule that dropped it, in the order of the file")
  func rejects() throws {
    let rejects = try Cleaning(posts).rejects
    #expect(rejects.map(\.id) == [5, 8, 12])
    #expect(rejects.map(\.rule) == ["empty", "duplicates", "channel-news"])
    #expect(rejects[1].text == "А\n@\nБ")
  }

  @Test("draws posts by lot, the same ones each time, whatever the threads")
  func samples() throws {
    let many = (1...5000).map { post("ПОСТ\n@\nНОМЕР \($0)", id: $0) }
    func draw(_ seed: UInt64, threads: Int) throws -> [PostSampler.Sample] {
      try Cleaning(many) {
        $0.sampler = PostSampler(count: 20, seed: seed)
        $0.threads = threads
      }.result.samples
    }
    let drawn = try draw(1, threads: 1)
    #expect(drawn.count == 20)
    #expect(drawn.map(\.id) == drawn.map(\.id).sorted())
    #expect(drawn.allSatisfy { $0.after == "ПОСТ @ НОМЕР \($0.id)" })
    #expect(try draw(1, threads: 3) == drawn)
    #expect(try draw(2, threads: 1).map(\.id) != drawn.map(\.id))
    // They come from everywhere.
    #expect(drawn.contains { $0.id < 2500 } && drawn.contains { $0.id > 2500 })
    let all = try Cleaning(posts) { $0.sampler = PostSampler(count: 100) }.result.samples
    #expect(all.map(\.id) == [3, 9])
  }

  @Test("tolerates as many bad lines as it is asked to, and names the one too many")
  func badLines() throws {
    let folder = try TemporaryFolder()
    let good = #"{"id":%,"date":"2016-03-01T09:00:00Z","text":"ПОСТ %"}"#
    func line(_ id: Int) -> String { good.replacing("%", with: "\(id)") }
    let path = try folder.write(
      [line(1), "no post", line(2), line(2), line(3), "{}", line(4)].joined(separator: "\n"),
      to: "posts.jsonl")
    let cleaning = try Cleaning(path: path) { $0.toleratedBadLines = 3 }
    #expect(cleaning.texts == ["ПОСТ 1", "ПОСТ 2", "ПОСТ 3", "ПОСТ 4"])
    let problems = cleaning.badLines
    #expect(problems.count == 3)
    #expect(cleaning.funnel.badLines == 3)
    #expect(cleaning.funnel.postsIn == 4)
    #expect(problems[0].contains("posts.jsonl: line 2: expected "))
    #expect(problems[1].hasSuffix("line 4: post 2 is already on line 3; ids must be unique"))
    #expect(problems[2].hasSuffix("line 6: 'id' is missing"))
    let error = #expect(throws: InputError.self) {
      try Cleaning(path: path) { $0.toleratedBadLines = 2 }
    }
    #expect(
      error?.description.hasSuffix(
        "line 6: 'id' is missing; --skip-bad 2 skips 2 such lines, and this is one more")
        == true)
  }

  /// So many posts that they are cleaned in several blocks.
  private let manyPosts = (1...5000).map { id in
    #"{"id":\#(id),"date":"2016-03-01T09:00:00Z","text":"ПОСТ НОМЕР \#(id), КАК ВСЕГДА НЕ СМЕШНОЙ"}"#
  }

  @Test("passes over ids that do not ascend, wherever they are", arguments: [1, 3])
  func unorderedIDs(_ threads: Int) throws {
    // The last id comes first, so that no line after it is a post.
    let lines = manyPosts[4999...] + manyPosts
    let folder = try TemporaryFolder()
    let path = try folder.write(lines.joined(separator: "\n") + "\n", to: "posts.jsonl")
    let cleaning = try Cleaning(path: path) {
      $0.toleratedBadLines = 5000
      $0.threads = threads
    }
    #expect(cleaning.texts == ["ПОСТ НОМЕР 5000, КАК ВСЕГДА НЕ СМЕШНОЙ"])
    #expect(cleaning.funnel.badLines == 5000)
    #expect(cleaning.funnel.postsIn == 1)
    #expect(cleaning.rejects.isEmpty)
    #expect(
      cleaning.badLines[4998]
        == "\(path): line 5000: post 4999 follows post 5000 on line 1; ids must ascend")
    #expect(
      cleaning.badLines.last
        == "\(path): line 5001: post 5000 is already on line 1; ids must be unique")
  }

  @Test("reports the line of an explained post, wherever it is")
  func lineOfExplanation() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "\n\n" + manyPosts.joined(separator: "\n") + "\n", to: "posts.jsonl")
    #expect(
      try Cleaning(path: path) { $0.explainedID = 4900 }.result.explanation?.line == 4902)
  }
}
