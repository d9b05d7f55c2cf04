import CLibXML2
import Glibc

/// Reads the text of a message as Telegram Desktop writes it in HTML: characters, their references,
/// and tags without breaks between them.
///
/// libxml2 does not do this: it drops the control characters that a text may hold.
struct HTMLText {
  private let source: UnsafeRawBufferPointer
  private var index = 0
  /// Whether a tag without an end was found: what follows it is text.
  private var isPlain = false
  /// Whether a control without an end was found: it holds nothing.
  private var hasUnclosedControl = false

  private static let tags = ByteWords<HTMLMarkup.Tag>()

  /// Appends `source`, which is UTF-8, to `markup`.
  static func read(_ source: UnsafeRawBufferPointer, into markup: inout HTMLMarkup) {
    var text = HTMLText(source: source)
    text.read(into: &markup)
  }

  private init(source: UnsafeRawBufferPointer) {
    self.source = source
  }

  private mutating func read(into markup: inout HTMLMarkup) {
    while index < source.count {
      let start = index
      while index < source.count, source[index] != UInt8(ascii: "<"),
        source[index] != UInt8(ascii: "&")
      {
        index += 1
      }
      markup.append(UnsafeRawBufferPointer(rebasing: source[start..<index]))
      guard index < source.count else { return }
      if source[index] == UInt8(ascii: "&") {
        if let scalar = reference() {
          markup.append(scalar)
          continue
        }
      } else if !isPlain, readTag(into: &markup) {
        continue
      }
      // What looks like the beginning of markup and is none is text.
      markup.append(source[index])
      index += 1
    }
  }

  // MARK: - References

  /// Reads the reference to a character that begins here; `nil`, and nothing read, if there is none.
  private mutating func reference() -> Unicode.Scalar? {
    let longest = 32
    let end = source[index...].prefix(longest).firstIndex(of: UInt8(ascii: ";"))
    guard let end, end > index + 1 else { return nil }
    let name = UnsafeRawBufferPointer(rebasing: source[index + 1..<end])
    guard let value = name[0] == UInt8(ascii: "#") ? Self.number(name) : Self.named(name) else {
      return nil
    }
    index = end + 1
    return Unicode.Scalar(value) ?? "\u{FFFD}"
  }

  /// The value of `#38` or `#x26`.
  private static func number(_ name: UnsafeRawBufferPointer) -> UInt32? {
    let isHexadecimal = name.count > 1 && name[1] | 0x20 == UInt8(ascii: "x")
    let digits = name.dropFirst(isHexadecimal ? 2 : 1)
    guard let first = digits.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+") else {
      return nil
    }
    return UInt32(String(decoding: digits, as: UTF8.self), radix: isHexadecimal ? 16 : 10)
  }

  private static func named(_ name: UnsafeRawBufferPointer) -> UInt32? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: name.count + 1) { text in
      for (index, byte) in name.enumerated() { text.initializeElement(at: index, to: byte) }
      text.initializeElement(at: name.count, to: 0)
      return htmlEntityLookup(text.baseAddress)?.pointee.value
    }
  }

  /// The text that the value of an attribute stands for.
  private static func decoded(_ value: UnsafeRawBufferPointer) -> [UInt8] {
    var reader = HTMLText(source: value)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(value.count)
    while reader.index < value.count {
      let start = reader.index
      let end =
        value[start...].firstIndex { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "<") }
        ?? value.count
      bytes.append(contentsOf: value[start..<end])
      reader.index = end
      guard end < value.count else { break }
      if let scalar = value[end] == UInt8(ascii: "&") ? reader.reference() : reader.lineBreak() {
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      } else {
        bytes.append(value[end])
        reader.index += 1
      }
    }
    return bytes
  }

  /// Reads the `<br>` that stands here, by which the writer means a line break in attributes too;
  /// `nil`, and nothing read, if there is none.
  private mutating func lineBreak() -> Unicode.Scalar? {
    let mark: StaticString = "<br>"
    let length = mark.utf8CodeUnitCount
    guard mark ~= UnsafeRawBufferPointer(rebasing: source[index...].prefix(length)) else {
      return nil
    }
    index += length
    return "\n"
  }

  // MARK: - Tags

  /// Reads the tag that begins here; returns false, and nothing is read, if there is none.
  private mutating func readTag(into markup: inout HTMLMarkup) -> Bool {
    let start = index
    index += 1
    let isEnd = index < source.count && source[index] == UInt8(ascii: "/")
    if isEnd { index += 1 }
    let name = readName()
    var attributes = HTMLMarkup.Attributes()
    isPlain = !name.isEmpty && !readAttributes(into: &attributes)
    guard !name.isEmpty, !isPlain else {
      index = start
      return false
    }
    let control = HTMLControl.words.word(name)
    if !isEnd,
      control != nil || attributes.isHidden || attributes.isAriaHidden && !markup.isInSpoiler
    {
      if control?.isVoid != true, !hasUnclosedControl { skipElement(name) }
    } else if let tag = Self.tags.word(name) {
      if isEnd { markup.end(tag) } else { markup.begin(tag, attributes) }
    } else if Self.isBreak(name), !isEnd {
      markup.append(0x0A)
    }
    return true
  }

  /// Passes over the rest of an element `name` that is no text; nothing if it has no end.
  private mutating func skipElement(_ name: UnsafeRawBufferPointer) {
    var depth = 1
    var place = index
    while let tag = source[place...].firstIndex(of: UInt8(ascii: "<")) {
      var reader = HTMLText(source: source)
      reader.index = tag + 1
      let isEnd = reader.index < source.count && source[reader.index] == UInt8(ascii: "/")
      if isEnd { reader.index += 1 }
      place = tag + 1
      guard reader.readName().elementsEqual(name) else { continue }
      depth += isEnd ? -1 : 1
      if depth == 0 {
        let end = source[reader.index...].firstIndex(of: UInt8(ascii: ">"))
        index = end.map { $0 + 1 } ?? source.count
        return
      }
    }
    hasUnclosedControl = true
  }

  private static func isBreak(_ name: UnsafeRawBufferPointer) -> Bool {
    name.count == 2 && name[0] | 0x20 == UInt8(ascii: "b") && name[1] | 0x20 == UInt8(ascii: "r")
  }

  /// Reads letters, digits and hyphens.
  private mutating func readName() -> UnsafeRawBufferPointer {
    let start = index
    while index < source.count {
      let byte = source[index]
      guard
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
          || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: "-")
      else { break }
      index += 1
    }
    return UnsafeRawBufferPointer(rebasing: source[start..<index])
  }

  private mutating func skipBlanks() -> Bool {
    let start = index
    while index < source.count, source[index] <= 0x20 { index += 1 }
    return index > start
  }

  /// Reads up to the end of a tag; returns false if it has none.
  private mutating func readAttributes(into attributes: inout HTMLMarkup.Attributes) -> Bool {
    while true {
      _ = skipBlanks()
      guard index < source.count else { return false }
      if source[index] == UInt8(ascii: ">") {
        index += 1
        return true
      }
      let name = readName()
      // The writer may leave a name out: <a ="" onclick="…">.
      if name.isEmpty, source[index] != UInt8(ascii: "=") { index += 1 }
      let isSpaced = skipBlanks()
      if "hidden" ~= name { attributes.isHidden = true }
      guard index < source.count, source[index] == UInt8(ascii: "=") else { continue }
      index += 1
      _ = skipBlanks()
      guard let value = readValue() else { return false }
      switch name {
      case "href":
        attributes.href = Self.decoded(value)
        attributes.isSpaced = isSpaced
      case "onclick": attributes.onclick = Self.decoded(value)
      case "aria-hidden": attributes.isAriaHidden = "true" ~= value
      case "style": attributes.isHidden = attributes.isHidden || HTMLControl.hides(value)
      case "class":
        attributes.isSpoiler = value.split(separator: 0x20).contains {
          "spoiler" ~= UnsafeRawBufferPointer(rebasing: $0)
        }
      default: break
      }
    }
  }

  /// Reads the value of an attribute, in quotes or not; `nil` if its closing quote is missing.
  private mutating func readValue() -> UnsafeRawBufferPointer? {
    guard index < source.count else { return nil }
    let quote = source[index]
    let start: Int
    if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      start = index + 1
      guard let end = source[start...].firstIndex(of: quote) else { return nil }
      index = end + 1
      return UnsafeRawBufferPointer(rebasing: source[start..<end])
    }
    start = index
    while index < source.count, source[index] > 0x20, source[index] != UInt8(ascii: ">") {
      index += 1
    }
    return UnsafeRawBufferPointer(rebasing: source[start..<index])
  }
}
