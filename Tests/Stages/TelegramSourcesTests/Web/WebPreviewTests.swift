import Foundation
import HTTPSupport
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("WebPreview")
struct WebPreviewTests {
  private let channel = PreviewChannel.sample(count: 210)

  @Test("reads a channel page by page, from its newest message to its first")
  func wholeChannel() throws {
    let server = try PreviewServer(channel)
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console)
    let pages = try pages(preview)
    #expect(pages.count > 12)
    #expect(pages.map(\.reachesBeginning) == pages.dropLast().map { _ in false } + [true])
    #expect(pages.allSatisfy { $0.title == channel.title })
    for (newer, older) in zip(pages, pages.dropFirst()) {
      #expect(try #require(older.highest) < #require(newer.lowest))
    }
    let found = pages.flatMap { $0.posts.map(\.id) + $0.service + $0.unsupported + $0.parts }
    #expect(found.sorted() == channel.ids)
    #expect(pages.flatMap(\.service) == [1])
    for post in pages.flatMap(\.posts) where !post.text.isEmpty {
      #expect(post.text == PreviewChannel.sampleText(post.id))
      #expect(post.views == 1200)
      #expect(post.date == 1_456_822_800 + post.id * 3600)
    }
    #expect(
      pages.flatMap(\.posts).count { $0.text.isEmpty } == channel.messages.count { $0.id % 13 == 3 }
    )
    #expect(console.infos.isEmpty && console.warnings.isEmpty)
    // Each page is asked for once, and the first message has the number 1: nothing is below it.
    #expect(server.targets.count == pages.count)
    #expect(
      server.targets.prefix(2) == [
        "/s/bugurttest", "/s/bugurttest?before=\(try #require(pages[0].lowest))",
      ])
    #expect(preview.channel == "t.me/s/bugurttest")
    #expect(preview.expectedCount == channel.ids.last)
  }

  @Test("asks over one connection, under its name, for packed pages")
  func connection() throws {
    let server = try PreviewServer(channel) { (try? $1.packed()) ?? $1 }
    let preview = try preview(server.address) { $0.connection.userAgent = "tester/1" }
    let newest = try preview.page(before: nil)
    let below = try preview.page(before: newest.lowest)
    #expect(newest.posts.count + below.posts.count > 20)
    #expect(server.requests.map(\.connection) == [1, 1])
    #expect(server.requests.map { $0.fields["user-agent"] } == ["tester/1", "tester/1"])
    #expect(server.requests.allSatisfy { $0.fields["accept-encoding"]?.contains("gzip") == true })
  }

  @Test("ends the history if a page links to no older ones and there are none")
  func end() throws {
    var channel = channel
    channel.messages.removeFirst(5)
    let server = try PreviewServer(channel)
    let pages = try pages(preview(server.address))
    #expect(pages.flatMap { $0.posts.map(\.id) + $0.parts }.min() == channel.ids.first)
    // The last request is that for what is below the first message.
    #expect(server.targets.count == pages.count + 1)
    #expect(server.targets.last == "/s/bugurttest?before=\(channel.ids[0])")
  }

  @Test("continues if pages link to no older ones although there are some")
  func missingLinks() throws {
    let server = try PreviewServer(channel) { _, reply in
      var reply = reply
      let html = String(decoding: reply.body, as: UTF8.self)
        .replacing(#"rel="prev""#, with: "").replacing("data-before=", with: "x=")
      reply.body = Array(html.utf8)
      return reply
    }
    let pages = try pages(preview(server.address))
    let found = pages.flatMap { $0.posts.map(\.id) + $0.service + $0.parts }
    #expect(found.sorted() == channel.ids)
    #expect(Set(server.targets).count == server.targets.count)
  }

  @Test("begins below any id, and knows that nothing is below the first one")
  func middle() throws {
    let server = try PreviewServer(channel)
    let preview = try preview(server.address)
    #expect(try preview.page(before: 60).highest == channel.ids.last { $0 < 60 })
    #expect(preview.expectedCount == nil)
    let page = try preview.page(before: 1)
    #expect(page.reachesBeginning)
    #expect(page.lowest == nil)
    #expect(server.targets == ["/s/bugurttest?before=60"])
  }

  @Test("is resumed where a fetch was interrupted")
  func resumption() throws {
    let folder = try TemporaryFolder()
    let journal = folder.path("journal")
    func fetch(_ server: PreviewServer) throws -> (posts: [Post], summary: SourceSummary) {
      let fetch = ChannelFetch(try preview(server.address), journalPath: journal)
      var posts: [Post] = []
      let summary = try fetch.forEachPost(progress: { _ in }) { posts.append($0) }
      return (posts, summary)
    }
    let failing = try PreviewServer(channel) { $0.number > 5 ? HTTPReply(500, "") : $1 }
    #expect(throws: SourceFault.self) { try fetch(failing) }
    let server = try PreviewServer(channel)
    let (posts, summary) = try fetch(server)
    #expect(posts.map(\.id) == channel.messages.filter { !$0.isService }.map(\.id))
    #expect(summary.service == 1)
    // Members of albums are not missing, deleted messages are.
    let found = Set(channel.ids)
    #expect(summary.missing == (2...(channel.ids.last ?? 0)).count { !found.contains($0) })
    // What the journal holds is not asked for again.
    #expect(Set(failing.targets.dropFirst().prefix(4)).isDisjoint(with: server.targets))
  }

  @Test("has the texts of polls if they are wanted")
  func polls() throws {
    let poll = PreviewMessage(1, PreviewHTML.poll("Кто?", ["кот"]))
    let server = try PreviewServer(PreviewChannel([poll]))
    var options = SourceOptions()
    options.includesPolls = true
    let page = try preview(server.address, options: options).page(before: nil)
    #expect(page.posts.map(\.text) == ["Кто?\n– кот"])
  }

  @Test("pauses between two requests")
  func delay() throws {
    let server = try PreviewServer(channel)
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console) { $0.delay = 3600 }
    let page = try preview.page(before: nil)
    var checks = 0
    console.stops = { _ in
      checks += 1
      return checks == 3
    }
    #expect(throws: RecordingConsole.Stop.self) { try preview.page(before: page.lowest) }
    #expect(server.requests.count == 1)
  }

  @Test("can be stopped in the middle of an answer")
  func interruption() throws {
    let server = try PreviewServer(channel) {
      var reply = $1
      reply.course = .stalled(after: 1000, seconds: 600)
      return reply
    }
    let console = RecordingConsole()
    console.stops = { _ in !server.requests.isEmpty }
    let preview = try preview(server.address, console: console)
    #expect(throws: RecordingConsole.Stop.self) { try preview.page(before: nil) }
  }

  @Test("warns once about messages without an id")
  func unnumbered() throws {
    let server = try PreviewServer(channel) { request, reply in
      var reply = reply
      let html = String(decoding: reply.body, as: UTF8.self)
      if let range = html.range(of: "data-post=") {
        reply.body = Array(html.replacingCharacters(in: range, with: "data-x=").utf8)
      }
      return reply
    }
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console)
    let page = try preview.page(before: nil)
    _ = try preview.page(before: page.lowest)
    #expect(
      console.warnings == [
        "\(server.address)/s/bugurttest: 1 message without an id was left out; t.me may have "
          + "changed"
      ])
  }
}
