import CommandLineSupport
import FileSupport
import TelegramSources

/// What a source on the command line is.
enum SourceKind: Equatable {
  case posts(path: String)
  case desktop(path: String)
  case html(path: String)
  case web(ChannelName)
  case live(LiveChannel.Address)

  /// The kind that `text` looks like; with `isLive`, a channel is read with an account.
  ///
  /// - Throws: `UsageError` if it names a channel that cannot be read that way.
  init(_ text: String, isLive: Bool) throws {
    let isPosts = text.hasSuffix(".jsonl") || text.hasSuffix(".jsonl.gz")
    if isLive, !isPosts {
      self = .live(try Self.address(text))
    } else if text.hasPrefix("@") || text.contains("://") || text.hasPrefix("t.me/")
      || text.hasPrefix("telegram.me/")
    {
      guard let link = ChannelLink(text) else {
        throw UsageError(
          "'\(text)' is not a channel; expected @name or a link such as https://t.me/name")
      }
      guard case .named(let name) = link else {
        throw UsageError("'\(text)': \(link.problem ?? "it cannot be read")")
      }
      self = .web(name)
    } else if isPosts {
      self = .posts(path: text)
    } else if HTMLExport.isHTMLExport(text) {
      self = .html(path: text)
    } else {
      self = .desktop(path: text)
    }
  }

  private static func address(_ text: String) throws -> LiveChannel.Address {
    if let id = Int(text), id != 0 { return .id(id) }
    switch ChannelLink(text) {
    case .named(let name): return .username(name.text)
    case .privatePost:
      let parts = text.split(separator: "/")
      if let index = parts.firstIndex(of: "c"), index + 1 < parts.count,
        let id = Int(parts[index + 1].prefix { $0 != "?" })
      {
        return .id(id)
      }
    case .invitation:
      throw UsageError(
        "'\(text)' is an invitation; join the channel in a Telegram app, then give its id")
    case nil: break
    }
    throw UsageError(
      "'\(text)' is not a channel; expected @name, a link such as https://t.me/name, or its id")
  }

  var isChannel: Bool {
    switch self {
    case .web, .live: true
    default: false
    }
  }

  var isStandardInput: Bool { self == .desktop(path: "-") }
}
