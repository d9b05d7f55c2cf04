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
