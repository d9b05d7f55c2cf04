import Foundation

/// What a link in a text of the web preview is.
struct PreviewLink {
  let type: String
  /// Where it leads, for a `text_link`.
  private(set) var url: String?

  /// Tells by its address what the link `element` with this `text` is.
  init(_ element: HTMLElement, text: String) {
    let address = Self.address(of: element)
    // A link with a text of its own asks before it is followed.
    let asks = element.attributes["onclick"]?.contains("confirm(") == true
    if address.hasPrefix("?q=") {
      type = text.hasPrefix("$") ? "cashtag" : "hashtag"
    } else if address == "mailto:" + text {
      type = "email"
    } else if address.hasPrefix("tel:"), Self.digits(address) == Self.digits(text) {
      type = "phone"
    } else if address.hasPrefix("tg://user?id=") {
      type = "mention_name"
    } else if text.hasPrefix("@"), case .named(let name)? = ChannelLink(address),
      name == ChannelName(bare: text.dropFirst())
    {
      type = "mention"
    } else if !asks, Self.isSame(address, text) {
      type = "link"
    } else {
      type = "text_link"
      url = address
    }
  }

  /// Where `element` leads; the page escapes the `&` of addresses twice.
  static func address(of element: HTMLElement) -> String {
    var address = element.attributes["href"] ?? ""
    for _ in 0..<3 where address.contains("&") {
      for (escape, character) in escapes {
        address = address.replacing(escape, with: character)
      }
    }
    return address
  }

  /// What is escaped; without the semicolon it would be the name of a value, as in `?a=1&lt=2`.
  private static let escapes = [
    ("&quot;", "\""), ("&#39;", "'"), ("&#039;", "'"), ("&#33;", "!"), ("&#036;", "$"),
    ("&lt;", "<"),
    ("&gt;", ">"), ("&amp;", "&"),
  ]

  /// Whether `text` is an `address` as people write it.
  private static func isSame(_ address: String, _ text: String) -> Bool {
    core(address) == core(text)
  }

  private static func core(_ address: String) -> Substring {
    let plain = (address.removingPercentEncoding ?? address).lowercased()
    var core = plain[...]
    for scheme in ["https://", "http://"] where core.hasPrefix(scheme) {
      core = core.dropFirst(scheme.count)
      break
    }
    return core.hasSuffix("/") ? core.dropLast() : core
  }

  private static func digits(_ text: String) -> [UInt8] {
    text.utf8.filter { 0x30...0x39 ~= $0 }
  }
}
