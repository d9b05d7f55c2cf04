import Foundation
import PostFormat

/// The text of a post in the web preview, its markup turned into entities.
struct PreviewText {
  private(set) var bytes: [UInt8] = []
  private var marks: [Mark] = []
  /// The length of the text in UTF-16 units.
  private var length = 0

  private struct Mark {
    var entity: Post.Entity
    /// Entities that begin and end together stand as their tags do.
    var order: Int
  }

  /// Reads what is in `element`.
  init(_ element: HTMLElement) {
    append(element.children, isPreformatted: false)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The entities in the order of their offsets, outer ones first.
  var entities: [Post.Entity] {
    marks.filter { $0.entity.length > 0 }
      .sorted {
        ($0.entity.offset, -$0.entity.length, $0.order) < (
          $1.entity.offset, -$1.entity.length, $1.order
        )
      }
      .map(\.entity)
  }

  private mutating func append(_ nodes: [HTMLNode], isPreformatted: Bool) {
    for node in nodes {
      switch node {
      case .text(let text): append(text, isPreformatted: isPreformatted)
      case .element(let element): append(element, isPreformatted: isPreformatted)
      }
    }
  }

  private mutating func append(_ text: String, isPreformatted: Bool) {
    // Lines are parted by <br>; a line break of the page and the indent behind it are no part of the
    // text but where white space counts.
    var isIndent = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\r",
        "\n" where !isPreformatted:
        isIndent = true
      case " " where isIndent, "\t" where isIndent: break
      default:
        isIndent = false
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        length += UTF16.width(scalar)
      }
    }
  }

  private mutating func append(_ element: HTMLElement, isPreformatted: Bool) {
    switch element.name {
    case "br":
      bytes.append(0x0A)
      length += 1
    case "i" where element.has(class: "emoji"):
      // The emoji itself stands in a <b> that is not bold.
      append(element.text, isPreformatted: false)
    case "a": mark(element, as: nil, isPreformatted: isPreformatted)
    case "script", "style": break
    default:
      if let type = Self.type(of: element), !(type == "code" && isPreformatted) {
        mark(element, as: type, isPreformatted: isPreformatted || type == "pre")
      } else {
        append(element.children, isPreformatted: isPreformatted)
      }
    }
  }

  /// Appends what is in `element` as an entity; without a `type`, it is a link.
  private mutating func mark(_ element: HTMLElement, as type: String?, isPreformatted: Bool) {
    let index = marks.count
    let (offset, start) = (length, bytes.count)
    marks.append(
      Mark(entity: Post.Entity(type: type ?? "", offset: offset, length: 0), order: index))
    append(element.children, isPreformatted: isPreformatted)
    marks[index].entity.length = length - offset
    if type == nil {
      let link = PreviewLink(element, text: String(decoding: bytes[start...], as: UTF8.self))
      marks[index].entity.type = link.type
      marks[index].entity.url = link.url
    }
  }

  /// The type of the entity that `element` is, unless it is a link; `nil` if it has no meaning.
  private static func type(of element: HTMLElement) -> String? {
    switch element.name {
    case "b", "strong": "bold"
    case "i", "em": "italic"
    case "u", "ins": "underline"
    case "s", "del", "strike": "strikethrough"
    case "code": "code"
    case "pre": "pre"
    case "blockquote": "blockquote"
    case "tg-spoiler": "spoiler"
    case "tg-emoji": "custom_emoji"
    case "span" where element.has(class: "tg-spoiler"): "spoiler"
    default: nil
    }
  }
}

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
      // In an address `&lt` may be the name of a value: only with a semicolon is it a character.
      for (escape, character) in [
        ("&quot;", "\""), ("&#39;", "'"), ("&#039;", "'"), ("&#33;", "!"), ("&#036;", "$"),
        ("&lt;", "<"), ("&gt;", ">"),
        ("&amp;", "&"),
      ] {
        address = address.replacing(escape, with: character)
      }
    }
    return address
  }

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
