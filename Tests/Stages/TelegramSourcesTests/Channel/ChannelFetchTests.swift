import FileSupport
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("Fetching a channel page by page") struct ChannelFetchTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private var journal: String { folder.path + "/posts.jsonl.resume" }

  private func fetch(
    _ channel: PlayedChannel, _ bounds: PostSelection = .init()
  ) throws -> (ids: [Int], summary: SourceSummary) {
    var ids: [Int] = []
    let fetch = ChannelFetch(channel, journalPath: journal, selection: bounds)
    let summary = try fetch.forEachPost(progress: { _ in }) { ids.append($0.id) }
    try fetch.removeJournal()
    return (ids, summary)
  }

  @Test("fetches down to the first message and gives the posts in ascending order")
  func wholeChannel() throws {
    let channel = PlayedChannel(1...95)
    channel.service = [1, 50]
    let (ids, summary) = try fetch(channel)
    #expect(ids == (2...95).filter { $0 != 50 })
    #expect(channel.requests == [nil, 86, 76, 66, 56, 46, 36, 26, 16, 6])
    #expect(channel.isClosed)
    #expect(summary.posts == 93)
    #expect(summary.service == 2)
    #expect(summary.missing == 0)
    #expect(summary.chat == "ИГРА")
    #expect(summary.first == .init(id: 2, date: 2000))
    #expect(summary.last == .init(id: 95, date: 95_000))
  }

  @Test("counts ids that belong to no message")
  func gaps() throws {
    let channel = PlayedChannel((1...40).filter { $0 % 10 != 0 })
    #expect(try fetch(channel).summary.missing == 3)
  }

  @Test("resumes after an interruption, with what is new on top", arguments: 0...9)
  func interruption(pages: Int) throws {
    let channel = PlayedChannel(1...95)
    channel.pagesLeft = pages
    #expect(throws: PlayedChannel.Break.self) { try fetch(channel) }
    #expect(channel.isClosed)

    let later = PlayedChannel(1...112)
    let (ids, _) = try fetch(later)
    #expect(ids == Array(1...112))
    // Two pages for what is new, of which the second reaches what is known, and the rest.
    #expect(later.requests.count <= 12 - max(0, pages - 1))
    #expect(!Folder.hasFile(journal))
  }

  @Test("leaves no gap if interrupted while new posts are fetched")
  func interruptedTwice() throws {
    let first = PlayedChannel(1...95)
    first.pagesLeft = 3
    #expect(throws: PlayedChannel.Break.self) { try fetch(first) }
    // Now 96 to 150 are new; two pages of them come through.
    let second = PlayedChannel(1...150)
    second.pagesLeft = 2
    #expect(throws: PlayedChannel.Break.self) { try fetch(second) }
    let third = PlayedChannel(1...151)
    #expect(try fetch(third).ids == Array(1...151))
    // 151 to 142, 131 to 122 … 101 to 92 (66 to 95 are known), 65 to 1.
    #expect(third.requests == [nil, 131, 121, 111, 101, 66, 56, 46, 36, 26, 16, 6])
  }

  @Test("takes the later version of a post that was fetched twice")
  func editedMeanwhile() throws {
    let first = PlayedChannel(1...30)
    first.pagesLeft = 2
    #expect(throws: PlayedChannel.Break.self) { try fetch(first) }
    let second = PlayedChannel(1...30)
    second.edited = [25: 99_000]
    var texts: [String] = []
    _ = try ChannelFetch(second, journalPath: journal).forEachPost(progress: { _ in }) {
      texts.append($0.text)
    }
    #expect(texts[24] == "ПОСТ 25 ИСПРАВЛЕН")
    #expect(texts[4] == "ПОСТ 5")
  }

  @Test("finds nothing above the greatest id that there can be")
  func aboveAll() throws {
    var bounds = PostSelection()
    bounds.above = .max
    let fetch = ChannelFetch(PlayedChannel(1...40), journalPath: nil, selection: bounds)
    var posts: [Post] = []
    _ = try fetch.forEachPost(progress: { _ in }) { posts.append($0) }
    #expect(posts.isEmpty)
  }

  @Test("stops at the id above which posts are wanted")
  func above() throws {
    let channel = PlayedChannel(1...95)
    var bounds = PostSelection()
    bounds.above = 78
    #expect(try fetch(channel, bounds).ids == Array(79...95))
    #expect(channel.requests == [nil, 86])
  }

  @Test("asks once if there is nothing new")
  func nothingNew() throws {
    let channel = PlayedChannel(1...95)
    var bounds = PostSelection()
    bounds.above = 95
    #expect(try fetch(channel, bounds).ids.isEmpty)
    #expect(channel.requests == [nil])
  }

  @Test("stops at the first date and at the number of posts that are wanted")
  func dateAndLimit() throws {
    let channel = PlayedChannel(1...95)
    var bounds = PostSelection()
    bounds.from = 70_000
    _ = try fetch(channel, bounds)
    #expect(channel.requests == [nil, 86, 76])

    let other = PlayedChannel(1...95)
    bounds = .init()
    bounds.limit = 14
    bounds.to = 88_000
    _ = try fetch(other, bounds)
    #expect(other.requests == [nil, 86, 76])
  }

  @Test("drops the end of a journal that was cut off", arguments: [1, 20, 200, 400])
  func cutJournal(bytes: Int) throws {
    let channel = PlayedChannel(1...95)
    channel.pagesLeft = 4
    #expect(throws: PlayedChannel.Break.self) { try fetch(channel) }
    try cutJournal(by: bytes)
    #expect(try fetch(PlayedChannel(1...95)).ids == Array(1...95))
  }

  private func cutJournal(by bytes: Int) throws {
    let file = try AppendFile(path: journal)
    try #require(file.size > bytes)
    try file.truncate(to: file.size - bytes)
  }

  @Test("begins a journal of which not even the first line is whole again")
  func firstLine() throws {
    let line = #"{"dump":"played"}"#
    for count in 1...line.count {
      try folder.write(String(line.prefix(count)), to: "posts.jsonl.resume")
      let channel = PlayedChannel(1...95)
      channel.pagesLeft = 1
      #expect(throws: PlayedChannel.Break.self) { try fetch(channel) }
      #expect(try fetch(PlayedChannel(1...95)).ids == Array(1...95))
    }
  }

  @Test("refuses the journal of another channel, and what is not a journal")
  func foreignJournal() throws {
    let channel = PlayedChannel(1...95)
    channel.pagesLeft = 1
    #expect(throws: PlayedChannel.Break.self) { try fetch(channel) }
    let error = #expect(throws: InputError.self) {
      try fetch(PlayedChannel(1...3, channel: "other"))
    }
    #expect(error?.problem.contains("an interrupted dump of played, not of other") == true)

    try removeFile(at: journal)
    _ = try folder.write("no journal\n", to: "posts.jsonl.resume")
    let noJournal = #expect(throws: InputError.self) { try fetch(channel) }
    #expect(noJournal?.problem.contains("not the journal") == true)
  }

  @Test("refuses a page that is not below what was asked for, or is empty")
  func badPages() throws {
    final class Stuck: PostPages {
      let channel = "stuck"
      let expectedCount: Int? = nil
      var isEmpty = false
      func page(before: Int?) -> PostPage {
        var page = PostPage()
        if !isEmpty { page.posts = [Post(id: 7, date: 7, text: "")] }
        return page
      }
      func close() {}
    }
    let stuck = Stuck()
    let fetch = ChannelFetch(stuck, journalPath: nil)
    var error = #expect(throws: SourceFault.self) {
      try fetch.forEachPost(progress: { _ in }) { _ in }
    }
    #expect(error?.problem == "asked for messages below 7, but the answer holds message 7")
    stuck.isEmpty = true
    error = #expect(throws: SourceFault.self) {
      try fetch.forEachPost(progress: { _ in }) { _ in }
    }
    #expect(error?.kind == .protocolViolation)
  }
}
