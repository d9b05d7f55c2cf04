import PostFormat

/// The text of a post in the web preview, its markup turned into entities.
struct PreviewText {
  private(set) var bytes: [UInt8] = []
  private var marks: [Mark] = []
  /// The length of the text in UTF-16 units.
  private var length = 0
  private var spoilerDepth = 0

  private struct Mark {
    var entity: Post.Entity
    var order: Int

    /// Where it stands among the others: those that begin and end together stand as their tags do.
    var rank: (Int, Int, Int) { (entity.offset, -entity.length, order) }
  }

  /// Reads what is in `element`.
  init(_ element: HTMLElement) {
    append(element.children, isPreformatted: false)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The entities in the order of their offsets, outer ones first.
  var entities: [Post.Entity] {
    marks.filter { $0.entity.length > 0 }
      .sorted { $0.rank < $1.rank }.map(\.entity)
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
      if scalar == "\r" || scalar == "\n" && !isPreformatted {
        isIndent = !isPreformatted
      } else if !isIndent || scalar != " " && scalar != "\t" {
        isIndent = false
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        length += UTF16.width(scalar)
      }
    }
  }

  private mutating func append(_ element: HTMLElement, isPreformatted: Bool) {
    if isControl(element) { return }
    switch element.name {
    case "br":
      bytes.append(0x0A)
      length += 1
    case "i" where element.has(class: "emoji"):
      // The emoji itself stands in a <b> that is not bold.
      append(element.text, isPreformatted: false)
    case "a" where element.attributes["href"]?.isEmpty == false:
      mark(element, as: nil, isPreformatted: isPreformatted)
    default:
      if let type = Self.type(of: element), !(type == "code" && isPreformatted) {
        mark(element, as: type, isPreformatted: isPreformatted || type == "pre")
      } else {
        append(element.children, isPreformatted: isPreformatted)
      }
    }
  }

  /// Whether `element` is no text.
  private func isControl(_ element: HTMLElement) -> Bool {
    let attributes = element.attributes
    return HTMLControl(rawValue: element.name) != nil || attributes["hidden"] != nil
      || spoilerDepth == 0 && attributes["aria-hidden"] == "true"
      || attributes["style"].map(HTMLControl.hides) ?? false
  }

  /// Appends what is in `element` as an entity; without a `type`, it is a link.
  private mutating func mark(_ element: HTMLElement, as type: String?, isPreformatted: Bool) {
    let index = marks.count
    let (offset, start) = (length, bytes.count)
    marks.append(
      Mark(entity: Post.Entity(type: type ?? "", offset: offset, length: 0), order: index))
    if type == "spoiler" { spoilerDepth += 1 }
    append(element.children, isPreformatted: isPreformatted)
    if type == "spoiler" { spoilerDepth -= 1 }
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
