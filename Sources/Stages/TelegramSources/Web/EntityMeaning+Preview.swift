import Foundation

extension EntityMeaning {
  /// What the link `element` of the web preview with this `text` is.
  init(previewLink element: HTMLElement, text: ArraySlice<UInt8>) {
    let (address, text) = (element.previewAddress, String(decoding: text, as: UTF8.self))
    // A link with a text of its own asks before it is followed.
    let asks = element["onclick"]?.contains("confirm(") == true
    if address.hasPrefix("?q=") {
      self.init(type: text.hasPrefix("$") ? "cashtag" : "hashtag")
    } else if address == "mailto:" + text {
      self.init(type: "email")
    } else if address.hasPrefix("tel:"), Self.digits(address) == Self.digits(text) {
      self.init(type: "phone")
    } else if address.hasPrefix("tg://user?id=") {
      self.init(type: "mention_name")
    } else if text.hasPrefix("@"), case .named(let name)? = ChannelLink(address),
      name == ChannelName(bare: text.dropFirst())
    {
      self.init(type: "mention")
    } else if !asks, Self.core(address) == Self.core(text) {
      self.init(type: "link")
    } else {
      self.init(type: "text_link", url: address)
    }
  }

  /// What is left of `address` when it is written the way people write addresses.
  private static func core(_ address: String) -> Substring {
    var core = (address.removingPercentEncoding ?? address).lowercased()[...]
    if let scheme = ["https://", "http://"].first(where: { core.hasPrefix($0) }) {
      core = core.dropFirst(scheme.count)
    }
    return core.hasSuffix("/") ? core.dropLast() : core
  }

  private static func digits(_ text: String) -> [UInt8] {
    text.utf8.filter { 0x30...0x39 ~= $0 }
  }
}

extension HTMLElement {
  /// Where a link of the web preview leads; the page escapes the `&` of addresses twice.
  var previewAddress: String {
    var address = self["href"] ?? ""
    for _ in 0..<3 where address.contains("&") {
      for (escape, character) in Self.escapes {
        address = address.replacing(escape, with: character)
      }
    }
    return address
  }

  /// The escapes, with the semicolon: without it they are names of parameters, as in `?a=1&lt=2`.
  private static let escapes = [
    ("&quot;", "\""), ("&#39;", "'"), ("&#039;", "'"), ("&#33;", "!"), ("&#036;", "$"),
    ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"),
  ]
}
