import HTTPSupport
import PostFormat

/// A channel that is fetched page by page, from its newest messages to its oldest.
///
/// Such sources are slow and may fail; ``ChannelFetch`` keeps what they have returned and resumes
/// from there.
public protocol PostPages: AnyObject {
  /// The name of the channel in this source, the same in every run, such as `t.me/s/durov`.
  var channel: String { get }

  /// The approximate number of posts in the channel; `nil` while it is unknown.
  var expectedCount: Int? { get }

  /// What is doubtful about the rich messages on the pages so far.
  var richMessages: RichMessageNotes { get }

  /// The messages immediately below the id `before`, or the newest ones if it is `nil`.
  ///
  /// The call includes pauses, retries after transient faults, and waits that a server asks for.
  ///
  /// - Throws: ``SourceFault`` if the source cannot be reached or does not answer as it should;
  ///   what ``SourceConsole/check()`` throws.
  func page(before: Int?) throws -> PostPage

  /// Ends the connection; no page is requested afterwards.
  func close()
}

extension PostPages {
  public var richMessages: RichMessageNotes { RichMessageNotes() }
}

/// A part of a channel: all of its messages from ``lowest`` up to the bound that was requested.
public struct PostPage: Equatable, Sendable {
  /// The posts, in ascending order of id.
  public var posts: [Post] = []
  /// The ids of service messages, such as "photo changed".
  public var service: [Int] = []
  /// The ids of messages whose content the source does not show.
  public var unsupported: [Int] = []
  /// The ids of messages that are part of a post of the page, such as the other pictures of an album.
  public var parts: [Int] = []
  /// Whether the channel has no message before these.
  public var reachesBeginning = false
  /// The title of the channel, if the page holds it.
  public var title: String?

  public init() {}

  /// The lowest id of a message on the page; `nil` if there is none.
  public var lowest: Int? {
    [posts.first?.id, service.min(), unsupported.min(), parts.min()].compactMap { $0 }.min()
  }

  /// The highest id of a message on the page; `nil` if there is none.
  public var highest: Int? {
    [posts.last?.id, service.max(), unsupported.max(), parts.max()].compactMap { $0 }.max()
  }
}

/// Why a source that is not a file returns nothing, or nothing more.
public struct SourceFault: Error, CustomStringConvertible {
  /// What kind of fault it is.
  public enum Kind: Equatable, Sendable {
    /// There is no such channel, or it cannot be read this way.
    case noSuchChannel
    /// The network or the server failed repeatedly.
    case unreachable
    /// The answer could not be understood.
    case protocolViolation
    /// The server refuses: the login, the key, the account.
    case refused
  }

  public let kind: Kind
  /// What was requested, such as an address.
  public let source: String
  /// What is wrong, what was expected and, where there is one, the remedy.
  public let problem: String

  public init(_ kind: Kind, _ source: String, _ problem: String) {
    self.kind = kind
    self.source = source
    self.problem = problem
  }

  public var description: String { "\(source): \(problem)" }
}

/// How a slow source communicates with the user.
public protocol SourceConsole: AnyObject {
  /// Reports what is happening, such as a wait that the server asked for.
  func info(_ message: String)

  /// Reports what the user should know.
  func warning(_ message: String)

  /// Throws if the work is to stop; called at least every tenth of a second.
  func check() throws

  /// Asks the user; a secret is not echoed. Returns `nil` if nobody is there to answer.
  func ask(_ question: String, isSecret: Bool) throws -> String?
}

extension SourceConsole {
  /// Waits for `seconds`, or until the work is to stop.
  ///
  /// - Throws: What ``check()`` throws.
  func wait(_ seconds: Double) throws {
    try RetrySchedule.wait(seconds, check: check)
  }
}
