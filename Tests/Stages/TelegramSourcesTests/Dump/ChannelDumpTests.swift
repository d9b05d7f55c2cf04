import FileSupport
import Glibc
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("Dumping to a file") struct ChannelDumpTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private var output: String { folder.path + "/posts.jsonl" }

  @discardableResult
  private func dump(
    _ sources: [ChannelDump.Source], _ change: (inout ChannelDump) -> Void = { _ in }
  ) throws -> ChannelDump.Result {
    var dump = ChannelDump(sources, output: output)
    change(&dump)
    return try dump.run { _ in }
  }

  private func posts(_ path: String? = nil) throws -> [Post] {
    var posts: [Post] = []
    try PostReader.forEach(path: path ?? output) { posts.append($1) }
    return posts
  }

  private func export(_ messages: String) throws -> ChannelDump.Source {
    .export(try DesktopExport(path: try folder.write(channel(messages), to: "result.json")))
  }

  private func message(_ id: Int, _ text: String, edited: Int? = nil) -> String {
    let edit = edited.map { #", "edited_unixtime": "\#($0)""# } ?? ""
    return
      #"{"id": \#(id), "type": "message", "date_unixtime": "\#(1000 * id)"\#(edit), "text": "\#(text)"}"#
  }

  @Test("refuses the second of two dumps to one file before it fetches anything")
  func locked() throws {
    try folder.write("kept", to: "posts.jsonl.resume")
    let first = try OutputFile(path: output)
    let channel = PlayedChannel(1...40)
    #expect(throws: OutputBusy.self) { try dump([.channel(channel)]) }
    #expect(channel.requests.isEmpty)
    #expect(try folder.text(of: "posts.jsonl.resume") == "kept")
    try first.commit()
  }

  @Test("leaves the file as it is if nothing changes, and says so")
  func unchanged() throws {
    #expect(try !dump([.channel(PlayedChannel(1...40))]).isUnchanged)
    var (before, after) = (stat(), stat())
    #expect(stat(output, &before) == 0)
    #expect(try dump([.channel(PlayedChannel(1...40))]).isUnchanged)
    #expect(stat(output, &after) == 0 && after.st_ino == before.st_ino)
    #expect(try folder.names() == ["posts.jsonl"])
  }

  @Test("keeps temporary files private")
  func privateFiles() throws {
    try folder.write("", to: "posts.jsonl")
    #expect(chmod(output, 0o600) == 0)
    let channel = PlayedChannel(1...40)
    channel.pagesLeft = 2
    let sources = [try export(message(1, "А")), .channel(channel)]
    var modes: [String: mode_t] = [:]
    var dump = ChannelDump(sources, output: output)
    dump.refreshed = 1
    #expect(throws: PlayedChannel.Break.self) {
      try dump.run { _ in
        for name in try folder.names() where name.hasPrefix("posts.jsonl.") {
          var status = stat()
          #expect(lstat(folder.path(name), &status) == 0)
          modes[name] = status.st_mode & 0o777
        }
      }
    }
    let partial = "posts.jsonl.\(getpid())"
    #expect(
      modes == [
        "\(partial).partial": 0o600, "\(partial)-1.partial": 0o700, "posts.jsonl.resume": 0o600,
      ])
    #expect(try folder.names() == ["posts.jsonl", "posts.jsonl.resume", "result.json"])
  }

  // MARK: - Going on

  @Test("fetches only new posts in a second dump of a channel, and keeps the others")
  func incremental() throws {
    try dump([.channel(PlayedChannel(1...40))])
    let later = PlayedChannel(1...55)
    later.edited = [30: 90_000, 50: 90_000]
    let result = try dump([.channel(later)])
    #expect(later.requests == [nil, 46])
    #expect(try posts().map(\.id) == Array(1...55))
    // Nobody asked for 30 again.
    #expect(try posts()[29].edited == nil)
    #expect(try posts()[49].edited == 90_000)
    #expect(result.changes == .init(kept: 40, changed: 0, added: 15))
    #expect(result.written.posts == 55)
  }

  @Test("repairs and counts posts with half of an emoji, wherever they are")
  func loneSurrogates() throws {
    func line(_ id: Int, _ text: String) -> String {
      #"{"id":\#(id),"date":"2016-03-01T09:00:00Z","text":"\#(text)","own":1}"# + "\n"
    }
    let broken = line(1, #"a\ud83d"#) + line(2, "b")
    let mended =
      "{\"id\":1,\"date\":\"2016-03-01T09:00:00Z\",\"text\":\"a\u{FFFD}\"}\n" + line(2, "b")
    let path = try folder.write(broken, to: "broken.jsonl")
    #expect(try dump([.posts(path: path)]).found[0].repaired == 1)
    #expect(try folder.text(of: "posts.jsonl") == mended)
    let other = try folder.write(line(3, "c"), to: "other.jsonl")
    try folder.write(broken, to: "posts.jsonl")
    let result = try dump([.posts(path: path), .posts(path: other)])
    #expect(result.written.repaired == 2)
    #expect(try folder.text(of: "posts.jsonl") == mended + line(3, "c"))
  }

  @Test("fetches the last posts again with --refresh")
  func refresh() throws {
    try dump([.channel(PlayedChannel(1...40))])
    let later = PlayedChannel(1...42)
    later.edited = [25: 90_000, 26: 90_000]
    let result = try dump([.channel(later)]) { $0.refreshed = 15 }
    #expect(try posts().filter { $0.edited != nil }.map(\.id) == [26])
    #expect(result.changes == .init(kept: 39, changed: 1, added: 2))
  }

  @Test("fetches all posts if more are to be refreshed than there are")
  func refreshAll() throws {
    try dump([.channel(PlayedChannel(1...40))])
    let later = PlayedChannel(1...40)
    later.edited = [1: 90_000]
    try dump([.channel(later)]) { $0.refreshed = 100 }
    #expect(try posts()[0].edited == 90_000)
  }

  @Test("adds new posts of a new export, and takes over edits")
  func exportAgain() throws {
    try dump([try export(message(1, "раз") + "," + message(2, "два"))])
    let result = try dump([
      try export(message(2, "ДВА", edited: 5000) + "," + message(3, "три"))
    ])
    #expect(try posts().map(\.text) == ["раз", "ДВА", "три"])
    #expect(result.changes == .init(kept: 1, changed: 1, added: 1))
  }

  @Test("keeps a line that does not change byte for byte, with keys of other tools")
  func unknownKeys() throws {
    let line = #"{"id":1, "date":"1970-01-01T00:16:40Z", "text":"раз", "mood":{"good":true}}"#
    _ = try folder.write(line + "\r\n", to: "posts.jsonl")
    try dump([try export(message(1, "раз") + "," + message(2, "два"))])
    let text = try folder.text(of: "posts.jsonl")
    #expect(text.split(separator: "\n").first.map(String.init) == line)
  }

  @Test("replaces the file with the posts of the source on request")
  func replaces() throws {
    try dump([try export(message(1, "раз"))])
    let result = try dump([try export(message(2, "два"))]) { $0.replaces = true }
    #expect(try posts().map(\.id) == [2])
    #expect(result.changes == nil)
  }

  @Test("refuses to update a file of another channel")
  func anotherChannel() throws {
    try dump([try export(message(200, "раз"))])
    let before = try folder.bytes(of: "posts.jsonl")
    let error = #expect(throws: InputError.self) {
      try dump([
        try export(#"{"id": 200, "type": "message", "date_unixtime": "900000", "text": "два"}"#)
      ])
    }
    #expect(error?.problem.contains("not from the same channel") == true)
    #expect(try folder.bytes(of: "posts.jsonl") == before)
  }

  @Test("leaves the file as it was when interrupted, with a journal to resume from")
  func interrupted() throws {
    let channel = PlayedChannel(1...95)
    channel.pagesLeft = 5
    #expect(throws: PlayedChannel.Break.self) { try dump([.channel(channel)]) }
    #expect(!Folder.hasFile(output))
    #expect(Folder.hasFile(output + ChannelDump.journalSuffix))
    let later = PlayedChannel(1...95)
    try dump([.channel(later)])
    #expect(try posts().map(\.id) == Array(1...95))
    #expect(later.requests == [nil, 46, 36, 26, 16, 6])
    #expect(!Folder.hasFile(output + ChannelDump.journalSuffix))
  }

  @Test("keeps the journal while it holds posts that a dump with bounds did not want")
  func bounded() throws {
    let channel = PlayedChannel(1...95)
    channel.pagesLeft = 5
    #expect(throws: PlayedChannel.Break.self) { try dump([.channel(channel)]) }
    let bounded = try dump([.channel(PlayedChannel(1...95))]) { $0.selection.limit = 4 }
    #expect(try posts().map(\.id) == Array(92...95))
    #expect(bounded.unfinished == 40)
    // An ordinary dump adds what is new; the older ones are still not in the file.
    #expect(try dump([.channel(PlayedChannel(1...97))]).unfinished == 46)
    #expect(try posts().map(\.id) == Array(92...97))
    let whole = PlayedChannel(1...97)
    #expect(try dump([.channel(whole)]) { $0.replaces = true }.unfinished == 0)
    #expect(try posts().map(\.id) == Array(1...97))
    #expect(whole.requests == [nil, 46, 36, 26, 16, 6])
    #expect(!Folder.hasFile(output + ChannelDump.journalSuffix))
  }

  @Test("keeps the journal if posts in it are below the id that a dump begins at")
  func since() throws {
    try dump([.channel(PlayedChannel(1...40))]) { $0.selection.limit = 1 }
    let broken = PlayedChannel(1...70)
    broken.pagesLeft = 2
    #expect(throws: PlayedChannel.Break.self) { try dump([.channel(broken)]) }
    let since = try dump([.channel(PlayedChannel(1...70))]) { $0.selection.above = 65 }
    #expect(since.unfinished == 15)
    #expect(try posts().map(\.id) == [40] + (66...70))
  }

  // MARK: - Merging

  @Test("prefers the post edited last, or else that of the second file")
  func mergedFiles() throws {
    let a = try folder.write(
      """
      {"id":1,"date":"1970-01-01T00:16:40Z","text":"из первого"}
      {"id":3,"date":"1970-01-01T00:50:00Z","text":"позже","edited":"1980-01-01T00:00:00Z"}
      {"id":4,"date":"1970-01-01T01:06:40Z","text":"раньше"}

      """, to: "a.jsonl")
    let b = try folder.write(
      """
      {"id":2,"date":"1970-01-01T00:33:20Z","text":"из второго"}
      {"id":3,"date":"1970-01-01T00:50:00Z","text":"раньше","edited":"1979-01-01T00:00:00Z"}
      {"id":4,"date":"1970-01-01T01:06:40Z","text":"второй"}

      """, to: "b.jsonl")
    try dump([.posts(path: a), .posts(path: b)])
    #expect(try posts().map(\.text) == ["из первого", "из второго", "позже", "второй"])
  }

  @Test("fills in what one source lacks from another with the same text")
  func completed() throws {
    let a = try folder.write(
      #"{"id":1,"date":"1970-01-01T00:16:40Z","text":"раз","views":7}"# + "\n", to: "a.jsonl")
    try dump([
      .posts(path: a),
      try export(
        #"{"id": 1, "type": "message", "date_unixtime": "1000", "text": "раз", "photo": "x"}"#),
    ])
    let post = try #require(posts().first)
    #expect(post.views == 7)
    #expect(post.media == "photo")
    #expect(!(try folder.names()).contains { $0.hasPrefix("posts.jsonl.") })
  }

  // MARK: - Choosing

  @Test("chooses posts by dates, ids and a limit")
  func selection() throws {
    let source = try export((1...9).map { message($0, "пост") }.joined(separator: ","))
    func ids(_ change: (inout PostSelection) -> Void) throws -> [Int] {
      try dump([source]) {
        $0.replaces = true
        change(&$0.selection)
      }
      return try posts().map(\.id)
    }
    #expect(try ids { $0.above = 7 } == [8, 9])
    #expect(try ids { ($0.from, $0.to) = (3000, 5000) } == [3, 4, 5])
    #expect(try ids { $0.limit = 2 } == [8, 9])
    #expect(try ids { ($0.to, $0.limit) = (5000, 3) } == [3, 4, 5])
    #expect(try ids { $0.limit = 100 } == Array(1...9))
  }

  @Test("omits fields from all lines")
  func omitted() throws {
    let source = try export(
      #"{"id": 1, "type": "message", "date_unixtime": "1000", "text": "раз", "photo": "x", "reply_to_message_id": 5}"#
    )
    try dump([source]) { $0.omitted = [.media] }
    let post = try #require(posts().first)
    #expect(post.media == nil)
    #expect(post.replyTo == 5)
  }

  @Test("packs a file whose name ends in .gz, with the same bytes each time, and updates it")
  func packed() throws {
    func run(_ channel: PlayedChannel) throws -> [UInt8] {
      let dump = ChannelDump([.channel(channel)], output: output + ".gz")
      _ = try dump.run { _ in }
      return try folder.bytes(of: "posts.jsonl.gz")
    }
    let first = try run(PlayedChannel(1...40))
    #expect(first.starts(with: [0x1F, 0x8B]))
    #expect(try run(PlayedChannel(1...40)) == first)
    _ = try run(PlayedChannel(1...50))
    #expect(try posts(output + ".gz").map(\.id) == Array(1...50))
  }
}
