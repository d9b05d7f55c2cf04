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
/// There may be one in the process at a time, and all calls must come from one thread. The first
/// page logs in, which may ask the user through the console.
///
/// **The end of the process.** TDLib's threads can abort a process that returns from `main` after
/// they were closed. A program that has used a channel does, in this order: finishes its output
/// (flushes and synchronizes all files), calls ``close()``, and leaves through `_exit`.
public final class LiveChannel: PostPages {
  /// Which channel.
  public enum Address: Equatable, Sendable {
    /// By its public name, with or without `@`.
    case username(String)
    /// By its id, bare (1006503122) or as bots have it (-1001006503122): for channels without a
    /// name that the account is in.
    case id(Int)
  }

  public let channel: String
  /// How many posts the channel is likely to have; `nil` before the first page.
  ///
  /// TDLib tells no number. This is the number of the newest message, less a share of gaps as it
  /// was found in the pages so far.
  public private(set) var expectedCount: Int?

  let address: Address
  let session: LiveSession
  private let options: SourceOptions
  private var chat: LiveChat?
  private var unknownTypes: Set<String> = []
  public private(set) var richMessages = RichMessageNotes()
  /// The number of the newest message, and the posts in how many numbers were seen.
  private var newest = 0
  private var seen = (posts: 0, numbers: 0)

  /// Prepares the reading of a channel; nothing is sent yet.
  ///
  /// - Parameters:
  ///   - channel: Which channel.
  ///   - library: TDLib.
  ///   - configuration: The key of the application and the phone number.
  ///   - sessionFolder: Where the login is kept.
  ///   - options: What is wanted of the posts.
  ///   - console: Asks the user, tells of waits, stops the work.
  ///   - limits: How long is waited for what.
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

  /// Logs in, unless the folder holds a login, and finds the channel.
  ///
  /// The first page does the same.
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
      throw SourceFault(.refused, LiveSession.source, "logging out failed: \(error.words)")
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
    var isDoubted = false
    while before ?? .max > 1 {
      let messages = try history(of: chat, below: below)
      if messages.isEmpty {
        // Only an empty list is the end. It is asked for twice: what is missed here is missed.
        if isDoubted { break }
        isDoubted = true
        continue
      }
      isDoubted = false
      guard let lowest = messages.compactMap({ $0.whole("id") }).min(), below == 0 || lowest < below
      else {
        throw SourceFault(
          .protocolViolation, channel,
          "TDLib gave other messages than those below \(below >> TDMessageID.shift)")
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
          "TDLib gave no list of messages but '\(excerpt(answer.type))'")
      }
      // A place of a message that is gone holds null.
      return messages.filter { $0 != .null }
    } catch let error as TDError {
      throw SourceFault(
        error.code == 403 || error.message.contains("access") || error.message == "CHANNEL_PRIVATE"
          ? .noSuchChannel : .refused, channel,
        "the messages cannot be read: \(error.words)")
    }
  }

  private func add(_ message: JSONValue, of chat: LiveChat, to page: inout PostPage) throws {
    guard let wholeID = message.whole("id"), let id = TDMessageID.number(wholeID) else { return }
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
      // What is not whole was reported where it was asked for.
      richMessages.count(reader.unknownKinds, isPartial: false)
    }
    guard case .unknown(let type) = reader.kind, unknownTypes.insert(type).inserted else { return }
    session.console.warning(
      "\(channel): post \(id) is of a type that is not known (\(type)); such posts are kept, without "
        + "what is special to them")
  }

  /// `message` with all of its blocks if it is a rich one of which there is only the beginning.
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
        "\(channel): post \(wholeID >> TDMessageID.shift) is not whole: \(error.words)")
      return message
    }
  }

  private func count(_ page: PostPage, below before: Int?) {
    guard let lowest = page.lowest, let highest = page.highest else { return }
    newest = max(newest, highest, chat?.newest ?? 0)
    seen.posts += page.posts.count
    seen.numbers += min(before ?? .max, newest + 1) - lowest
    guard seen.numbers > 0 else { return }
    // A few numbers tell nothing of the others.
    let share = seen.numbers < 50 ? 1 : Double(seen.posts) / Double(seen.numbers)
    expectedCount = max(Int((Double(newest) * share).rounded()), seen.posts)
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

/// The ids of messages in TDLib: the number in the channel, followed by bits for local messages.
enum TDMessageID {
  static let shift = 20

  /// The id of the message with `number`; the highest for numbers that no message has.
  static func whole(_ number: Int) -> Int {
    min(max(number, 0), Int(Int32.max)) << shift
  }

  /// The number of a message in its channel; `nil` for a local one, which has none.
  static func number(_ id: Int) -> Int? {
    id > 0 && id & (1 << shift - 1) == 0 ? id >> shift : nil
  }
}

extension PostPage {
  /// Brings the posts and the ids into ascending order, each once.
  fileprivate mutating func sort() {
    var ids: Set<Int> = []
    posts = posts.filter { ids.insert($0.id).inserted }.sorted { $0.id < $1.id }
    service = Set(service).sorted()
    unsupported = Set(unsupported).sorted()
  }
}

extension JSONValue {
  /// The object with another value under `key`.
  fileprivate func replacing(_ key: String, by value: JSONValue) -> JSONValue {
    guard let members else { return self }
    return .object(members.filter { $0.key != key } + [Member(key, value)])
  }
}
