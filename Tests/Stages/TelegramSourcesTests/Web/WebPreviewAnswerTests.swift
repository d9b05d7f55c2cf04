import TelegramSources
import TestSupport
import Testing

@Suite("WebPreview, answers that are not a history")
struct WebPreviewAnswerTests {
  private let channel = PreviewChannel.sample(count: 60)

  @Test(
    "says why there is no preview",
    arguments: [
      (
        PreviewServer.Contact(title: "Telegram: Contact @bugurttest"),
        "there is no public channel @bugurttest; check the name; only --live reads private channels"
      ),
      (
        PreviewServer.Contact(title: "Telegram: View @bugurttest", extra: ["1 234 subscribers"]),
        "@bugurttest is a channel (1 234 subscribers), but t.me shows no preview of it: it is "
          + "switched off or restricted; read the channel with --live"
      ),
      (
        PreviewServer.Contact(title: "Telegram: View @x", extra: ["12 members, 3 online"]),
        "@bugurttest is a group (12 members, 3 online), and groups have no preview; export it from "
          + "Telegram Desktop"
      ),
      (
        PreviewServer.Contact(title: "X", extra: ["@bugurttest", "7 monthly users"]),
        "@bugurttest is a bot (7 monthly users), not a channel"
      ),
      (
        PreviewServer.Contact(title: "X", extra: ["@bugurttest"]),
        "@bugurttest is a person or a bot, not a channel"
      ),
      (
        PreviewServer.Contact(title: "X"),
        "t.me shows no preview of @bugurttest: there is no such channel, or it is private, or its "
          + "preview is switched off; check the name, or read the channel with --live"
      ),
    ])
  func contacts(_ contact: PreviewServer.Contact, _ problem: String) throws {
    let server = try PreviewServer(channel, contact: contact)
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .noSuchChannel)
    #expect(fault?.source == "\(server.address)/s/bugurttest")
    #expect(fault?.problem == problem)
    #expect(server.targets == ["/s/bugurttest", "/bugurttest"])
  }

  @Test("recognises a contact page that comes at once")
  func contactAtOnce() throws {
    let server = try PreviewServer(channel) { _, _ in
      HTTPReply(200, PreviewChannel.contactPage(title: "Telegram: Contact @x", extra: []))
    }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .noSuchChannel)
    #expect(server.targets == ["/s/bugurttest"])
  }

  @Test("says what it knows if there is no contact page", arguments: [200, 302, 404])
  func strangeContact(_ status: Int) throws {
    let server = try PreviewServer(channel) { request, _ in
      var reply = HTTPReply(request.path.hasPrefix("/s/") ? 302 : status, "<html>?</html>")
      reply.fields.append("Location: https://telegram.org/")
      return reply
    }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .noSuchChannel)
    #expect(fault?.problem.hasPrefix("t.me shows no preview of @bugurttest: ") == true)
    #expect(server.targets == ["/s/bugurttest", "/bugurttest"])
  }

  @Test("follows no redirect to another preview, but names it")
  func moved() throws {
    let server = try PreviewServer(channel) { _, _ in
      var reply = HTTPReply(301, "")
      reply.fields.append("Location: https://t.me/s/other")
      return reply
    }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.hasPrefix("the preview has moved to https://t.me/s/other,") == true)
    #expect(server.targets == ["/s/bugurttest"])
  }

  @Test(
    "refuses what is not the preview of a channel, at the first time",
    arguments: [
      (
        HTTPReply(200, "{\"ok\": true}", type: "application/json"),
        "found an answer of type 'application/json'"
      ),
      (HTTPReply(200, ""), "found an answer of type 'text/html; charset=utf-8'"),
      (
        HTTPReply(200, [0x89, 0x50, 0x4E, 0x47, 0, 1, 2, 255], type: "image/png"),
        "found an answer of type 'image/png'"
      ),
      (
        HTTPReply(200, "<html><head><title>Blocked by X</title></head></html>"),
        "found a page titled 'Blocked by X'"
      ),
      (
        HTTPReply(200, #"<html><section class="tgme_channel_history"></section></html>"#),
        "found an answer of type 'text/html"
      ),
      (HTTPReply(404, "no"), "HTTP status 404, expected a page (200)"),
      (HTTPReply(403, "no"), "HTTP status 403, expected a page (200)"),
      (HTTPReply(204, ""), "HTTP status 204, expected a page (200)"),
    ])
  func others(_ reply: HTTPReply, _ problem: String) throws {
    let server = try PreviewServer(channel) { _, _ in reply }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.contains(problem) == true)
    #expect(server.requests.count == 1)
  }

  @Test("refuses an answer of more than 20 MB, packed or not", arguments: [false, true])
  func large(_ isPacked: Bool) throws {
    let large = HTTPReply(200, Array(repeating: 0x20, count: 20_000_001))
    let reply = isPacked ? try large.packed() : large
    let server = try PreviewServer(channel) { _, _ in reply }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.hasPrefix("the answer is longer than 20000000 bytes") == true)
    #expect(server.requests.count == 1)
  }

  @Test("refuses messages that were not asked for")
  func sameAgain() throws {
    let newest = HTTPReply(200, channel.page())
    let server = try PreviewServer(channel) { _, _ in newest }
    let preview = try preview(server.address)
    let page = try preview.page(before: nil)
    let lowest = try #require(page.lowest)
    let fault = fault { try preview.page(before: lowest) }
    #expect(fault?.kind == .protocolViolation)
    #expect(
      fault?.problem.hasPrefix("expected messages with ids below \(lowest), found none") == true
    )
  }

  @Test("refuses a page whose messages have no ids")
  func noNumbers() throws {
    let html = channel.page().replacing("data-post=", with: "data-x=")
    let server = try PreviewServer(channel) { _, _ in HTTPReply(200, html) }
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .protocolViolation)
    #expect(fault?.problem.hasPrefix("expected messages with ids, found none") == true)
  }
}

@Suite("WebPreview, 'No posts found'")
struct WebPreviewEmptinessTests {
  @Test("counts as a fault of the newest page, for a channel has a first message")
  func newest() throws {
    let server = try PreviewServer(PreviewChannel())
    let fault = fault { try preview(server.address).page(before: nil) }
    #expect(fault?.kind == .unreachable)
    #expect(
      fault?.problem.hasPrefix(
        "'No posts found': the channel is empty, or too many requests were made") == true)
    #expect(server.requests.count == 3)
  }

  @Test("is believed below an id from which on no page links to older messages")
  func deletedMeanwhile() throws {
    var channel = PreviewChannel.sample(count: 60)
    channel.messages.removeFirst(20)
    let first = channel.ids[0]
    let server = try PreviewServer(channel)
    let page = try preview(server.address).page(before: first)
    #expect(page.reachesBeginning)
    #expect(page.lowest == nil)
    let below = "/s/bugurttest?before=\(first)"
    #expect(server.targets == [below, below, below, "/s/bugurttest?after=\(first - 1)"])
  }

  @Test("is not believed if that page says so too")
  func everywhere() throws {
    let empty = HTTPReply(200, PreviewChannel().emptyPage)
    let server = try PreviewServer(PreviewChannel.sample(count: 60)) { _, _ in empty }
    let fault = fault { try preview(server.address).page(before: 30) }
    #expect(fault?.kind == .unreachable)
    #expect(server.targets.last == "/s/bugurttest?after=29")
  }
}
