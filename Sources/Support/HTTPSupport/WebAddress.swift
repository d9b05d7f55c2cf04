/// The address of a web server, such as `https://t.me` or `http://127.0.0.1:8080`.
public struct WebAddress: Equatable, Sendable, CustomStringConvertible {
  /// The address without a trailing slash.
  public let text: String

  /// The address `text`: `http` or `https`, a host, perhaps a port and a path; `nil` if it is not one.
  public init?(_ text: String) {
    guard
      let scheme = ["https://", "http://"].first(where: text.lowercased().hasPrefix),
      let host = text.utf8.dropFirst(scheme.utf8.count).first,
      Self.isNameByte(host) || host == 0x5B,
      text.utf8.allSatisfy({ Self.isNameByte($0) || Self.marks.contains($0) })
    else { return nil }
    self.init(verified: text)
  }

  /// The address `text` in the source code, which is not checked.
  public init(verified text: StaticString) {
    self.init(verified: "\(text)")
  }

  private init(verified text: String) {
    self.text = String(text.reversed().drop { $0 == "/" }.reversed())
  }

  private static let marks = Set("-._~:/[]%".utf8)

  private static func isNameByte(_ byte: UInt8) -> Bool {
    0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte
  }

  public var description: String { text }
}
