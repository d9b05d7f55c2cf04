import FileSupport
import HTTPSupport
import TextSupport

/// The public preview of a channel, `t.me/s/<name>`, which needs no account.
///
/// A page holds about 20 messages. Pages are fetched one at a time, with a pause between them.
public final class WebPreview: PostPages {
  /// How requests are sent to the server.
  public struct Settings: Equatable, Sendable {
    /// The server; `/s/<name>` is appended.
    public var baseURL = WebAddress(verified: "https://t.me")
    /// How requests are sent.
    public var connection = HTTPClient.Settings(userAgent: "Mozilla/5.0 (compatible; tg-dump)")
    /// The shortest pause between an answer and the next request, in seconds.
    public var delay = 1.0
    /// How often a page is requested.
    public var retries = RetrySchedule(attempts: 7, firstPause: 1, longestPause: 60)

    public init() {
      connection.answerTimeout = 120
    }
  }

  public let channel: String
  /// The id of the newest message: there are at most that many posts.
  public private(set) var expectedCount: Int?

  private let name: ChannelName
  private let settings: Settings
  private let options: SourceOptions
  private let console: any SourceConsole
  private var client: RateLimitedClient?
  /// Whether a page has been received: after that, a redirection says nothing about the channel.
  private var hasSeenPosts = false
  private var hasWarned = false
  /// A page that was fetched before it was requested.
  private var prefetched: (before: Int, history: PreviewHistory)?

  /// The preview of `channel`; nothing is requested yet.
  public init(
    channel: ChannelName, settings: Settings, options: SourceOptions, console: any SourceConsole
  ) {
    self.channel = "t.me/s/\(channel.key)"
    name = channel
    self.settings = settings
    self.options = options
    self.console = console
  }

  public func close() {
    client = nil
  }

  // MARK: - Pages

  public func page(before: Int?) throws -> PostPage {
    if let before, before <= 1 { return Self.beginning }
    let history: PreviewHistory
    if let prefetched, prefetched.before == before {
      history = prefetched.history
    } else if let fetched = try fetch(before: before) {
      history = fetched
    } else {
      return Self.beginning
    }
    prefetched = nil
    var page = history.page
    if before == nil { expectedCount = page.highest }
    if !history.hasOlder, let lowest = page.lowest {
      // The page links to no older ones, so it should be the last. To be sure, the server is asked
      // for older ones anyway: if the page's HTML changed, the history would end early.
      if lowest > 1, let older = try fetch(before: lowest, mayBeEmpty: true) {
        prefetched = (lowest, older)
      } else {
        page.reachesBeginning = true
      }
    }
    return page
  }

  /// An empty page at the beginning of the channel.
  private static var beginning: PostPage {
    var page = PostPage()
    page.reachesBeginning = true
    return page
  }

  /// The messages below `before`; `nil` if there are none.
  ///
  /// The server also says that there are none when it gets too many requests. It is believed only if
  /// a page has said the same before: `mayBeEmpty`.
  private func fetch(before: Int?, mayBeEmpty: Bool = false) throws -> PreviewHistory? {
    let address = address(before.map { "?before=\($0)" } ?? "")
    var saysNoPosts = false
    do {
      return try connection().get(address) { answer in
        if let history = try history(answer, address) { return try below(before, history, address) }
        if mayBeEmpty { return nil }
        saysNoPosts = true
        throw TransientFault(
          before.map { "'No posts found' before \($0), where older posts were expected" }
            ?? "'No posts found': the channel is empty, or too many requests were made",
          remedy: RateLimitedClient.fewerRequestsRemedy)
      }
    } catch let fault as SourceFault where saysNoPosts && fault.kind == .unreachable {
      guard let before, try isBeginning(before) else { throw fault }
      return nil
    }
  }

  /// Whether the page with the messages from `id` on links to no older ones.
  private func isBeginning(_ id: Int) throws -> Bool {
    let address = address("?after=\(id - 1)")
    return try connection().get(address) { answer in
      try history(answer, address)?.hasOlder == false
    }
  }

  private func address(_ query: String) -> String {
    "\(settings.baseURL)/s/\(name.text)\(query)"
  }

  private func connection() throws -> RateLimitedClient {
    let client = try client ?? RateLimitedClient(settings, console: console)
    self.client = client
    return client
  }

  // MARK: - Answers

  /// The messages in `answer`; `nil` if it says that none were found.
  private func history(_ answer: HTTPAnswer, _ address: String) throws -> PreviewHistory? {
    guard !(300...399).contains(answer.status) else {
      try explainMissing(redirectedTo: answer.location ?? "", address)
    }
    guard answer.status == 200 else {
      throw SourceFault(
        .protocolViolation, address, "HTTP status \(answer.status), expected a page (200)")
    }
    switch PreviewPage(answer.body, of: name, options: options) {
    case .history(let history):
      hasSeenPosts = true
      return history
    case .noPosts: return nil
    case .contact(let page): throw fault(page, address)
    case .cut:
      throw TransientFault(
        "the page is cut off before its end", remedy: RateLimitedClient.networkRemedy)
    case .other(let title):
      let what =
        title.map { "a page titled '\(excerpt($0))'" }
        ?? "an answer of type '\(excerpt(answer.type))'"
      throw SourceFault(
        .protocolViolation, address,
        "expected the web preview of a channel, found \(what); t.me may have changed: look at the "
          + "address in a browser")
    }
  }

  /// The messages of `history` that are below `before`.
  private func below(
    _ before: Int?, _ history: PreviewHistory, _ address: String
  ) throws -> PreviewHistory {
    let history = history.below(before ?? .max)
    guard history.page.lowest != nil else {
      throw SourceFault(
        .protocolViolation, address,
        "expected messages with ids\(before.map { " below \($0)" } ?? ""), found none; t.me "
          + "may have changed: look at the address in a browser")
    }
    if history.unnumbered > 0, !hasWarned {
      hasWarned = true
      let count = history.unnumbered
      console.warning(
        "\(address): \(count) \(count == 1 ? "message" : "messages") without an id "
          + "\(count == 1 ? "was" : "were") left out; t.me may have changed")
    }
    return history
  }

  /// Throws the reason why the server redirects to `location` instead of showing the channel.
  private func explainMissing(redirectedTo location: String, _ address: String) throws -> Never {
    if hasSeenPosts {
      throw TransientFault(
        "redirected to \(location) in the middle of the history",
        remedy: RateLimitedClient.fewerRequestsRemedy)
    }
    let contact = "\(settings.baseURL)/\(name.text)"
    guard !location.contains("/s/") else {
      throw SourceFault(
        .protocolViolation, address,
        "the preview has moved to \(location), which is not followed; give the new address "
          + "(--base-url)")
    }
    let page = try connection().get(contact) { answer -> ContactPage? in
      guard case .contact(let page) = PreviewPage(answer.body, of: name, options: options) else {
        return nil
      }
      return page
    }
    throw fault(page, address)
  }

  /// Why there is no preview, according to the page about the name.
  private func fault(_ page: ContactPage?, _ address: String) -> SourceFault {
    let audience = page?.audience.map { " (\($0))" } ?? ""
    let problem =
      switch page?.owner {
      case .channel:
        "\(name) is a channel\(audience), but t.me shows no preview of it: it is switched off or "
          + "restricted; read the channel with --live"
      case .group:
        "\(name) is a group\(audience), and groups have no preview; export it from Telegram Desktop"
      case .bot: "\(name) is a bot\(audience), not a channel"
      case .person: "\(name) is a person or a bot, not a channel"
      case .nobody:
        "there is no public channel \(name); check the name; only --live reads private channels"
      case .unknown, nil:
        "t.me shows no preview of \(name): there is no such channel, or it is private, or its "
          + "preview is switched off; check the name, or read the channel with --live"
      }
    return SourceFault(.noSuchChannel, address, problem)
  }
}
