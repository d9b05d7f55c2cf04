import FileSupport

/// What a marked part of a text is: the type of its entity, and the address of a link whose text
/// does not show it.
struct EntityMeaning {
  var type: String
  var url: String?

  init(type: String, url: String? = nil) {
    self.type = type
    self.url = url
  }

  /// A link to `address` with this `text`, which distinguishes links that Telegram found in the
  /// text from those with a text of their own; `nil` for a link within the message, which leads
  /// nowhere outside it.
  init?(linkTo address: String, text: ArraySlice<UInt8>) {
    // The line ends of the text have already been unified.
    var target = Array(address.utf8)
    target.normalizeLineEnds()
    func isText(_ text: ArraySlice<UInt8>, after prefix: String) -> Bool {
      target.starts(with: prefix.utf8) && target.dropFirst(prefix.utf8.count) == text
    }
    if isText(text, after: "") {
      self.init(type: "link")
    } else if isText(text, after: "mailto:") {
      self.init(type: "email")
    } else if isText(text, after: "tel:") {
      self.init(type: "phone")
    } else if text.first == UInt8(ascii: "@"), isText(text.dropFirst(), after: "https://t.me/") {
      self.init(type: "mention")
    } else if address.hasPrefix("#") {
      return nil
    } else {
      self.init(type: "text_link", url: address)
    }
  }

  // MARK: - Exports in HTML

  /// What the link `element` of an HTML export with this `text` is; `nil` for a link within the
  /// message.
  init?(exportLink element: HTMLElement, text: ArraySlice<UInt8>) {
    let address = element["href"] ?? ""
    if Self.isPicture(address) {
      self.init(type: "custom_emoji")
    } else if let type = element["onclick"].flatMap(Self.callbackType) {
      self.init(type: type)
    } else {
      self.init(linkTo: address, text: text)
    }
  }

  /// Whether `address` is the picture of a custom emoji, a file of the export; links of posts have a
  /// scheme.
  private static func isPicture(_ address: String) -> Bool {
    !address.contains(":") && [".webp", ".webm", ".tgs"].contains { address.hasSuffix($0) }
  }

  /// The type of the entities whose links call a function of the page: `return ShowHashtag("a")`.
  private static func callbackType(_ onclick: String) -> String? {
    guard let bracket = onclick.firstIndex(of: "(") else { return nil }
    let types: [Substring: String] = [
      "ShowHashtag": "hashtag", "ShowCashtag": "cashtag", "ShowBotCommand": "bot_command",
      "ShowMentionName": "mention_name", "ShowNotLoadedEmoji": "custom_emoji",
      "ShowNotAvailableEmoji": "custom_emoji",
    ]
    return onclick[..<bracket].split(separator: " ").last.flatMap { types[$0] }
  }
}
