/// The public name of a channel, such as `bugurtthread`.
///
/// The case of letters does not matter.
public struct ChannelName: Hashable, Sendable, CustomStringConvertible {
  /// The name as it was written, without `@`.
  public let text: String

  /// The name in `text`: `@name`, or a link such as `t.me/name` or `https://t.me/s/name/17?single`.
  ///
  /// `nil` if there is none, as in a link to a private channel; ``ChannelLink`` says which.
  public init?(_ text: String) {
    guard case .named(let name)? = ChannelLink(text) else { return nil }
    self = name
  }

  /// The name `text`; `nil` if it is not a valid name.
  init?(bare text: some StringProtocol) {
    guard
      let first = text.utf8.first, Self.isLetter(first), 2...32 ~= text.utf8.count,
      text.utf8.allSatisfy({ Self.isLetter($0) || 0x30...0x39 ~= $0 || $0 == 0x5F })
    else { return nil }
    self.text = String(text)
  }

  private static func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 }

  /// The name in lowercase, the same for all spellings.
  var key: String { text.lowercased() }

  public var description: String { "@" + text }

  public static func == (one: ChannelName, other: ChannelName) -> Bool { one.key == other.key }

  public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// What a text that should name a channel refers to.
public enum ChannelLink: Equatable, Sendable {
  /// A public channel: `@name`, `t.me/name`, `https://t.me/s/name`; the id of a post and a query
  /// after it do not matter.
  case named(ChannelName)
  /// An invitation to a private channel: `t.me/+…`, `t.me/joinchat/…`.
  case invitation
  /// A post of a private channel: `t.me/c/…`.
  case privatePost

  /// Reads `text`; `nil` if it is neither `@name` nor a link to a channel.
  public init?(_ text: String) {
    if text.hasPrefix("@") {
      guard let name = ChannelName(bare: text.dropFirst()) else { return nil }
      self = .named(name)
      return
    }
    guard let path = Self.path(of: text) else { return nil }
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    // `t.me/s/name` is the preview of the channel.
    if parts.first == "s" { parts.removeFirst() }
    guard let first = parts.first else { return nil }
    if first.hasPrefix("+") || first.lowercased() == "joinchat" {
      self = .invitation
    } else if first == "c", parts.count > 1 {
      self = .privatePost
    } else if let name = ChannelName(bare: first), !Self.reservedNames.contains(name.key) {
      self = .named(name)
    } else {
      return nil
    }
  }

  /// Why the posts cannot be read without an account, and the remedy; `nil` if they can.
  public var problem: String? {
    switch self {
    case .named: nil
    case .invitation:
      "this is an invitation to a private channel, which has no web preview; only --live reads "
        + "private channels"
    case .privatePost:
      "this is a link into a private channel, which has no web preview; only --live reads private "
        + "channels"
    }
  }

  /// The first path component of links to something other than a channel.
  private static let reservedNames: Set<String> = [
    "addemoji", "addlist", "addstickers", "addtheme", "bg", "boost", "confirmphone", "contact",
    "giftcode", "invoice", "iv", "login", "nft", "proxy", "setlanguage", "share", "socks",
  ]

  /// The path of a Telegram link: what is between the host and the query.
  private static func path(of text: String) -> Substring? {
    var rest = text[...]
    for scheme in ["https://", "http://"] where rest.lowercased().hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
      break
    }
    guard let slash = rest.firstIndex(of: "/") else { return nil }
    guard ["t.me", "telegram.me"].contains(rest[..<slash].lowercased()) else { return nil }
    return rest[rest.index(after: slash)...].prefix { $0 != "?" && $0 != "#" }
  }
}
