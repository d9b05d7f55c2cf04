/// A server that shows a ``PreviewChannel`` as t.me does, with faults on demand.
public final class PreviewServer: Sendable {
  /// What the name belongs to according to the page `/<name>`, if there is no preview.
  public struct Contact: Sendable {
    public var title: String
    public var extra: [String]

    public init(title: String, extra: [String] = []) {
      self.title = title
      self.extra = extra
    }
  }

  private let server: HTTPServer

  /// The address to give as base URL.
  public var address: String { server.address }
  /// The requests so far.
  public var requests: [HTTPRequest] { server.requests }
  /// The targets of the requests so far.
  public var targets: [String] { server.requests.map(\.target) }

  /// Shows `channel`, or redirects to the page of `contact`.
  ///
  /// `fault` gets each request with the usual reply, and returns the reply to send.
  public init(
    _ channel: PreviewChannel, contact: Contact? = nil,
    fault: @escaping @Sendable (HTTPRequest, HTTPReply) -> HTTPReply = { $1 }
  ) throws {
    server = try HTTPServer { request in
      fault(request, Self.reply(request, channel, contact))
    }
  }

  private static func reply(
    _ request: HTTPRequest, _ channel: PreviewChannel, _ contact: Contact?
  ) -> HTTPReply {
    let parts = request.path.split(separator: "/")
    guard parts.first == "s", let name = parts.dropFirst().first else {
      let name = parts.first ?? ""
      let page = contact ?? Contact(title: "Telegram: Contact @\(name)")
      return HTTPReply(200, PreviewChannel.contactPage(title: page.title, extra: page.extra))
    }
    guard contact == nil, name.lowercased() == channel.name.lowercased() else {
      var reply = HTTPReply(302, "")
      reply.fields.append("Location: /\(name)")
      return reply
    }
    return HTTPReply(
      200, channel.page(before: request.number("before"), after: request.number("after")))
  }
}
