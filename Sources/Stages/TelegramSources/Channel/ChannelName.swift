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
