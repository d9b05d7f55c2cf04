import Foundation
import HTTPSupport
import PostFormat
import TelegramSources
import TestSupport
import Testing

@Suite("WebPreview, transient faults")
struct WebPreviewRepetitionTests {
  private let channel = PreviewChannel.sample(count: 60)

  private static let courses: [(String, @Sendable (HTTPReply) -> HTTPReply, String)] = [
    ("HTTP 500", { _ in HTTPReply(500, "oops") }, "HTTP status 500"),
    ("HTTP 502", { _ in HTTPReply(502, "<html></html>") }, "HTTP status 502"),
    ("HTTP 503", { _ in HTTPReply(503, "") }, "HTTP status 503"),
    ("HTTP 429", { _ in HTTPReply(429, "") }, "HTTP status 429"),
    ("a cut answer", { with($0, .cut(after: 3000)) }, "transfer closed"),
    ("a connection that ends at once", { with($0, .cut(after: 0)) }, "transfer closed"),
    (
      "a cut answer of unknown length",
      {
        var reply = with($0, .cut(after: $0.body.count - 1000))
        reply.tellsLength = false
        return reply
      }, "the page is cut off before its end"
    ),
    (
      "a cut packed answer", { with((try? $0.packed()) ?? $0, .cut(after: 900)) }, "transfer closed"
    ),
    (
      "bytes that are not what they are said to be",
      {
        var reply = $0
        reply.fields.append("Content-Encoding: gzip")
        return reply
      }, "unencoding"
    ),
    (
      "no posts",
      { _ in HTTPReply(200, PreviewChannel().emptyPage) },
      "'No posts found' before"
    ),
    (
      "a redirect in the middle of the history",
      { _ in
        var reply = HTTPReply(302, "")
        reply.fields.append("Location: https://t.me/bugurttest")
        return reply
      }, "redirected to https://t.me/bugurttest in the middle of the history"
    ),
  ]

  private static func with(_ reply: HTTPReply, _ course: HTTPReply.Course) -> HTTPReply {
    var reply = reply
    reply.course = course
    return reply
  }

  @Test("are survived, because the page is requested again", arguments: courses.indices)
  func survived(_ index: Int) throws {
    let (_, fault, problem) = Self.courses[index]
    let server = try PreviewServer(channel) { $0.number == 2 ? fault($1) : $1 }
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console)
    let pages = try pages(preview)
    #expect(pages.flatMap { $0.posts.map(\.id) + $0.service + $0.parts }.sorted() == channel.ids)
    #expect(console.infos.count == 1)
    #expect(console.infos.first?.contains(problem) == true)
    #expect(console.infos.first?.hasSuffix(" s (attempt 2 of 3)") == true)
    #expect(server.targets[1] == server.targets[2])
  }

  @Test("end the work when they persist", arguments: courses.indices)
  func lasting(_ index: Int) throws {
    let (_, course, problem) = Self.courses[index]
    let server = try PreviewServer(channel) {
      $0.number > 1 && $0.number("after") == nil ? course($1) : $1
    }
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console)
    let page = try preview.page(before: nil)
    let fault = fault { try preview.page(before: page.lowest) }
    #expect(fault?.kind == .unreachable)
    #expect(fault?.source == server.address + server.targets[1])
    #expect(fault?.problem.contains(problem) == true)
    #expect(fault?.problem.contains("; gave up after 3 attempts; ") == true)
    #expect(fault?.problem.contains("try again later") == true)
    #expect(server.targets.count { $0 == server.targets[1] } == 3)
    #expect(console.infos.count == 2)
  }

  @Test("include silence in the middle of an answer")
  func silence() throws {
    let server = try PreviewServer(channel) {
      $0.number == 2 ? Self.with($1, .stalled(after: 100, seconds: 600)) : $1
    }
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console) {
      $0.connection.stallTimeout = 0.4
      $0.retries.attempts = 10
    }
    let pages = try pages(preview)
    #expect(pages.flatMap { $0.posts.map(\.id) + $0.service + $0.parts }.sorted() == channel.ids)
    #expect(console.infos.contains { $0.contains("no answer for 0.4 s; trying again in") })
  }

  @Test("are repeated as often as is set")
  func attempts() throws {
    let server = try PreviewServer(channel) { _, _ in HTTPReply(500, "") }
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console) { $0.retries.attempts = 5 }
    #expect(fault { try preview.page(before: nil) }?.kind == .unreachable)
    #expect(server.requests.count == 5)
    #expect(console.infos.count == 4)
  }

  @Test("include a server that does not run")
  func refused() throws {
    let address = try HTTPServer.deafAddress()
    let fault = fault { try preview(address).page(before: nil) }
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("Failed to connect") == true)
  }

  @Test("include a server that does not encrypt as it should")
  func encryption() throws {
    let server = try PreviewServer(channel)
    let address = server.address.replacing("http://", with: "https://")
    let fault = fault { try preview(address).page(before: nil) }
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("SSL") == true)
  }

  @Test("include an answer that comes too slowly")
  func slow() throws {
    let server = try PreviewServer(channel) {
      Self.with($1, .slow(bytes: 10, seconds: 0.01))
    }
    let preview = try preview(server.address) {
      $0.connection.answerTimeout = 0.2
      $0.retries.attempts = 1
    }
    let fault = fault { try preview.page(before: nil) }
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("timed out") == true)
  }

  @Test("do not include an answer that is slow but continues")
  func slowEnough() throws {
    let server = try PreviewServer(channel) {
      Self.with($1, .slow(bytes: 2000, seconds: 0.002))
    }
    let console = RecordingConsole()
    #expect(try preview(server.address, console: console).page(before: nil).posts.count > 5)
    #expect(console.infos.isEmpty)
  }
}

@Suite("WebPreview, a server that asks to wait")
struct WebPreviewWaitTests {
  private func server(_ status: Int, retryAfter: String) throws -> PreviewServer {
    try PreviewServer(PreviewChannel.sample(count: 30)) { request, reply in
      guard request.number == 1 else { return reply }
      var busy = HTTPReply(status, "")
      busy.fields.append("Retry-After: \(retryAfter)")
      return busy
    }
  }

  private static func date(in seconds: Double) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.string(from: Date().addingTimeInterval(seconds))
  }

  @Test("is asked again afterwards", arguments: [429, 503])
  func short(_ status: Int) throws {
    let server = try server(status, retryAfter: "1")
    let console = RecordingConsole()
    let preview = try preview(server.address, console: console)
    #expect(try preview.page(before: nil).posts.count > 5)
    let told = try #require(console.infos.first)
    #expect(
      told.hasPrefix("\(server.address)/s/bugurttest: HTTP status \(status); waiting 1 s, until 20")
    )
    #expect(told.hasSuffix("Z, as the server asks (attempt 2 of 3)"))
  }

  @Test("is not asked before, whether it sends seconds or a date", arguments: [false, true])
  func long(_ isDate: Bool) throws {
    let server = try server(429, retryAfter: isDate ? Self.date(in: 600) : "600")
    let console = RecordingConsole()
    var checks = 0
    console.stops = { console in
      checks += console.infos.isEmpty ? 0 : 1
      return checks == 3
    }
    let preview = try preview(server.address, console: console)
    #expect(throws: RecordingConsole.Stop.self) { try preview.page(before: nil) }
    #expect(server.requests.count == 1)
    let told = try #require(console.infos.first)
    #expect(["600", "599", "598"].contains { told.contains("waiting \($0) s, until ") })
  }

  @Test("for longer than a day is not waited for")
  func days() throws {
    let server = try server(429, retryAfter: Self.date(in: 200_000))
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .unreachable)
    #expect(fault?.problem.contains("the server asks to wait") == true)
    #expect(fault?.problem.contains("try again after 20") == true)
  }

  @Test("until a time that has passed is asked after the usual pause", arguments: [-600.0, nil])
  func past(_ seconds: Double?) throws {
    let server = try server(429, retryAfter: seconds.map(Self.date(in:)) ?? "soon")
    let console = RecordingConsole()
    #expect(try preview(server.address, console: console).page(before: nil).posts.count > 5)
    #expect(console.infos.first?.contains("HTTP status 429; trying again in 0.0 s") == true)
  }
}
