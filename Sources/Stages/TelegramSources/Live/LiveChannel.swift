import FileSupport
import Foundation
import JSONSupport
import PostFormat
import TextSupport

/// A channel read live, with an account, through TDLib.
///
///     let channel = try LiveChannel(
///       channel: .username("durov"), library: TDLibrary(), configuration: configuration,
///       sessionFolder: SessionFolder(path: path), console: console)
///     defer { channel.close() }
///     let newest = try channel.page(before: nil)
///
/// There may be only one in the process at a time, and all calls must come from one thread. The first
/// page logs in, which may ask the user through the console.
///
/// **The end of the process.** TDLib's threads can abort a process that returns from `main` after
/// the client has been closed. A program that has used a channel finishes its output (flushes and
/// synchronizes all files), calls ``close()``, and ends through `_exit`, in this order.
public final class LiveChannel: PostPages {
  /// How a channel is identified.
  public enum Address: Equatable, Sendable {
    /// By its public name, with or without `@`.
    case username(String)
    /// By its id, bare (1006503122) or as bots know it (-1001006503122): for channels without a name
    /// that the account is in.
    case id(Int)
  }

  public let channel: String
  /// How many posts the channel is likely to have; `nil` before the first page.
  ///
  /// TDLib gives no count. This is the id of the newest message, times the fraction of ids that were
  /// posts in the pages so far.
  public private(set) var expectedCount: Int?

  let address: Address
  let session: LiveSession
  private let options: SourceOptions
  private var chat: LiveChat?
  private var unknownTypes: Set<String> = []
  public private(set) var richMessages = RichMessageNotes()
  /// The id of the newest message, and how many posts were among how many ids.
  private var newest = 0
  private var seen = (posts: 0, ids: 0)

  /// Prepares to read a channel; nothing is sent yet.
  ///
  /// - Parameters:
  ///   - channel: Which channel.
  ///   - library: TDLib.
  ///   - configuration: The key of the application and the phone number.
  ///   - sessionFolder: Where the login is kept.
  ///   - options: What is wanted of the posts.
  ///   - console: Asks the user, reports waits and stops the work.
  ///   - limits: How long to wait for what.
  public init(
    channel: Address, library: TDLibrary, configuration: LiveConfiguration,
    sessionFolder: SessionFolder, options: SourceOptions = SourceOptions(),
    console: any SourceConsole, limits: LiveTimeLimits = LiveTimeLimits()
  ) {
    switch channel {
    case .username(let name):
      let name = name.hasPrefix("@") ? String(name.dropFirst()) : name
      address = .username(name)
      self.channel = "t.me/" + name.lowercased()
    case .id(let id):
      let bare = LiveChat.bareID(id)
      address = .id(bare)
      self.channel = "t.me/c/\(bare)"
    }
    self.options = options
    session = LiveSession(
      library: library, configuration: configuration, folder: sessionFolder, console: console,
      limits: limits)
  }

  /// Logs in, unless the folder holds a login, and finds the channel; without this call, the first
  /// page does so.
  ///
  /// - Throws: ``SourceFault``; `FileError`; what the console throws.
  public func connect() throws {
    _ = try findChat()
  }

  public func close() {
    session.close()
    chat = nil
  }

  /// Ends the login at the server and removes it from the session folder.
  ///
  /// Returns `false` if there was no login. The channel can be connected again, with a new login.
  ///
  /// - Throws: ``SourceFault``; `FileError`; what the console throws.
  @discardableResult
  public func logOut() throws -> Bool {
    let isLoggedIn = try session.start()
    do {
      try session.sendLogOut()
    } catch let error as TDError {
      throw SourceFault(.refused, LiveSession.source, "logging out failed: \(error.text)")
    } catch let fault as SourceFault where fault.kind == .unreachable {
      throw SourceFault(
        .unreachable, LiveSession.source,
        "\(fault.problem); the login can also be ended in an app of Telegram: Settings, Devices")
    }
    chat = nil
    try session.folder.forgetChannels()
    return isLoggedIn
  }

  // MARK: - Pages

  public func page(before: Int?) throws -> PostPage {
    let chat = try findChat()
    var page = PostPage()
    page.title = chat.title
    // 0 asks for the newest messages.
    var below = before.map { TDMessageID.whole($0) } ?? 0
    var wasEmpty = false
    while before ?? .max > 1 {
      let messages = try history(of: chat, below: below)
      if messages.isEmpty {
        // An empty list is the end. It is requested twice, since posts missed here are lost.
        if wasEmpty { break }
        wasEmpty = true
        continue
      }
      wasEmpty = false
      guard let lowest = messages.compactMap({ $0.whole("id") }).min(), below == 0 || lowest < below
      else {
        throw SourceFault(
          .protocolViolation, channel,
          "TDLib returned messages other than those below \(below >> TDMessageID.shift)")
      }
      for message in messages where below == 0 || message.whole("id") ?? 0 < below {
        try add(message, of: chat, to: &page)
      }
      below = lowest
      guard let lowest = page.lowest else { continue }
      page.sort()
      page.reachesBeginning = lowest <= 1
      count(page, below: before)
      return page
    }
    page.reachesBeginning = true
    return page
  }

  private func history(of chat: LiveChat, below: Int) throws -> [JSONValue] {
    do {
      let answer = try session.request(.history(chat: chat.id, below: below))
      guard let messages = answer["messages"]?.elements else {
        throw SourceFault(
          .protocolViolation, channel,
          "TDLib returned '\(excerpt(answer.type))' instead of a list of messages")
      }
      // Messages that are gone are null.
      return messages.filter { $0 != .null }
    } catch let error as TDError {
      throw SourceFault(
        error.code == 403 || error.message.contains("access") || error.message == "CHANNEL_PRIVATE"
          ? .noSuchChannel : .refused, channel,
        "the messages cannot be read: \(error.text)")
    }
  }

  private func add(_ message: JSONValue, of chat: LiveChat, to page: inout PostPage) throws {
    guard let wholeID = message.whole("id"), let id = TDMessageID.id(wholeID) else { return }
    let reader = LiveMessage(
      id: id, chatID: chat.id, json: try completed(message, wholeID, chat),
      forwardedFrom: session.names.source(of: message["forward_info"]), options: options)
    switch reader.kind {
    case .service: page.service.append(id)
    case .unsupported: page.unsupported.append(id)
    case .post, .unknown:
      guard let post = reader.post else {
        page.unsupported.append(id)
        session.console.warning("\(channel): message \(id) has no date; it is left out")
        return
      }
      page.posts.append(post)
      // An incomplete message was reported when it was fetched.
      richMessages.count(reader.unknownKinds, isPartial: false)
    }
    guard case .unknown(let type) = reader.kind, unknownTypes.insert(type).inserted else { return }
    session.console.warning(
      "\(channel): post \(id) is of an unknown type (\(type)); such posts are kept, without what is "
        + "special about them")
  }

  /// `message`, with all of its blocks if it is a rich message of which this is only the beginning.
  private func completed(_ message: JSONValue, _ wholeID: Int, _ chat: LiveChat) throws -> JSONValue
  {
    guard let content = message["content"], content.type == "messageRichMessage",
      content["message"]?["is_full"]?.boolean == false
    else { return message }
    do {
      let whole = try session.request(.richMessage(chat: chat.id, messageID: wholeID))
      return message.replacing(
        "content", by: .object([.init("@type", "messageRichMessage"), .init("message", whole)]))
    } catch let error as TDError {
      session.console.warning(
        "\(channel): post \(wholeID >> TDMessageID.shift) is incomplete: \(error.text)")
      return message
    }
  }

  private func count(_ page: PostPage, below before: Int?) {
    guard let lowest = page.lowest, let highest = page.highest else { return }
    newest = max(newest, highest, chat?.newest ?? 0)
    seen.posts += page.posts.count
    seen.ids += min(before ?? .max, newest + 1) - lowest
    guard seen.ids > 0 else { return }
    // A few ids say little about the others.
    let fraction = seen.ids < 50 ? 1 : Double(seen.posts) / Double(seen.ids)
    expectedCount = max(Int((Double(newest) * fraction).rounded()), seen.posts)
  }

  // MARK: - The chat

  private func findChat() throws -> LiveChat {
    if let chat { return chat }
    try session.logIn()
    let found = try LiveChatSearch(session: session, channel: channel).find(address)
    chat = found
    return found
  }
}

/// The ids of messages in TDLib: the id in the channel, followed by bits for local messages.
enum TDMessageID {
  static let shift = 20

  /// The id in TDLib of the message `id`; the highest for ids that no message has.
  static func whole(_ id: Int) -> Int {
    min(max(id, 0), Int(Int32.max)) << shift
  }

  /// The id in its channel of the message `whole`; `nil` for a local one, which has none.
  static func id(_ whole: Int) -> Int? {
    whole > 0 && whole & (1 << shift - 1) == 0 ? whole >> shift : nil
  }
}

extension PostPage {
  /// Sorts the posts and the ids, and removes duplicates.
  fileprivate mutating func sort() {
    var ids: Set<Int> = []
    posts = posts.filter { ids.insert($0.id).inserted }.sorted { $0.id < $1.id }
    service = Set(service).sorted()
    unsupported = Set(unsupported).sorted()
  }
}

extension JSONValue {
  /// The object with `value` under `key`.
  fileprivate func replacing(_ key: String, by value: JSONValue) -> JSONValue {
    guard let members else { return self }
    return .object(members.filter { $0.key != key } + [Member(key, value)])
  }
}
