/// A piece of a page of an export, prepared for libxml2, which would lose or change some of its text.
///
/// Telegram Desktop writes whatever characters a text holds; libxml2 drops control characters and
/// references to them. They are replaced by escapes, a marker and a letter. What looks like markup
/// but is not a tag becomes text; comments are left out.
struct HTMLSource {
  private(set) var bytes: [UInt8] = []
  /// Whether the texts and attributes are to be read with ``unescaped(_:)``.
  private(set) var hasEscapes = false

  private let source: UnsafeRawBufferPointer
  private var index = 0
  private var hasUnclosedComment = false
  /// Where the next end tag of a control is, by the control's name; `Int.max` if there is none.
  private var controlEnds: [String: Int] = [:]

  /// Reads `source`, which is UTF-8.
  init(_ source: UnsafeRawBufferPointer) {
    self.source = source
    bytes.reserveCapacity(source.count + source.count / 16)
    copy(to: source.count, isInTag: false)
  }

  private mutating func copy(to end: Int, isInTag: Bool) {
    while index < end {
      let start = index
      while index < end, !Self.isSpecial(source[index]) { index += 1 }
      bytes.append(contentsOf: source[start..<index])
      guard index < end else { return }
      switch source[index] {
      case UInt8(ascii: "&"): copyReference()
      case UInt8(ascii: "<"): if isInTag { copyInTag(to: end) } else { copyMarkup() }
      default: copyCharacter()
      }
    }
  }

  /// Whether `byte` needs a closer look: `&`, `<`, and the first bytes of what needs an escape.
  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x09, 0x0A, 0x0D: false
    case 0..<0x20, 0x26, 0x3C, 0xEF, 0xF4: true
    default: false
    }
  }

  private mutating func copy(_ text: StaticString, insteadOf count: Int) {
    bytes.append(
      contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    index += count
  }

  private func has(_ word: StaticString, at index: Int) -> Bool {
    word ~= UnsafeRawBufferPointer(rebasing: source[index...].prefix(word.utf8CodeUnitCount))
  }

  // MARK: - Markup

  /// Copies the tag that begins here, leaves out the comment, or copies the `<` as text.
  private mutating func copyMarkup() {
    if has("<!--", at: index), !hasUnclosedComment {
      if let end = source.range(of: "-->", from: index + 4) {
        index = end.upperBound
        return
      }
      hasUnclosedComment = true
    }
    let name = tagName()
    guard !name.isEmpty, let end = endOfTag() else { return copy("&lt;", insteadOf: 1) }
    // libxml2 compares each attribute of a tag with all those before it.
    if end - index > Self.longestTag || isUnclosedControl(name, end) {
      index = end
      return
    }
    if has("</div", at: index) { removeIndent() }
    let beginsText = has("<div class=\"text\">", at: index)
    bytes.append(source[index])
    index += 1
    copy(to: end, isInTag: true)
    // The text of a message begins after the line break of the page.
    if beginsText { index += has("\r\n", at: index) ? 2 : has("\n", at: index) ? 1 : 0 }
  }

  /// Removes the last line break and the indent after it, which belong to the page, not to the
  /// text.
  private mutating func removeIndent() {
    guard var end = bytes.lastIndex(where: { $0 != 0x20 && $0 != 0x09 }), bytes[end] == 0x0A else {
      return
    }
    if end > 0, bytes[end - 1] == 0x0D { end -= 1 }
    bytes.removeSubrange(end...)
  }

  /// No tag in an export comes near this length.
  private static let longestTag = 16 * 1024

  /// The letters, digits and hyphens after the `<` or `</` here; empty if the first is not a letter.
  private func tagName() -> Slice<UnsafeRawBufferPointer> {
    let start = has("</", at: index) ? index + 2 : index + 1
    let name = source[start...].prefix { byte in
      switch byte | 0x20 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): byte >= 0x40
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): byte >= 0x20
      default: false
      }
    }
    return name.first.map { $0 >= UInt8(ascii: "A") } == true ? name : name.prefix(0)
  }

  /// Where the tag that begins here ends; `nil` if it does not.
  ///
  /// Within a tag, Telegram Desktop writes `<` and quotes only in values, and no line breaks.
  private func endOfTag() -> Int? {
    var isValue = false
    var place = index + 1
    while place < source.count, source[place] != UInt8(ascii: "<") {
      let byte = source[place]
      if byte == UInt8(ascii: ">") { return place + 1 }
      if isValue, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        let end = source[(place + 1)...].firstIndex { $0 == byte || $0 == 0x0A }
        guard let end, source[end] == byte else { return nil }
        place = end
      }
      // White space may follow the '='.
      if byte > 0x20 { isValue = byte == UInt8(ascii: "=") }
      place += 1
    }
    return nil
  }

  /// Whether the tag `name`, which ends at `end`, begins a control that has no end and so holds nothing.
  private mutating func isUnclosedControl(_ name: Slice<UnsafeRawBufferPointer>, _ end: Int) -> Bool
  {
    guard source[index + 1] != UInt8(ascii: "/") else { return false }
    let name = String(decoding: name, as: UTF8.self).lowercased()
    guard HTMLTextReader.controls.contains(name), name != "input" else { return false }
    if let known = controlEnds[name], known >= end { return known == .max }
    let next = source[end...].firstRange(of: "</\(name)".utf8)?.lowerBound ?? .max
    controlEnds[name] = next
    return next == .max
  }

  /// Copies a `<` within a tag; `<br>` means a line break in attributes too.
  private mutating func copyInTag(to end: Int) {
    if has("<br>", at: index), index + 4 < end {
      escape("\n", insteadOf: 4)
    } else {
      copy("<", insteadOf: 1)
    }
  }

  // MARK: - Characters

  /// Copies the reference to a character that begins here, or the `&` as text.
  private mutating func copyReference() {
    // libxml2 knows the names, and leaves unknown ones alone.
    guard has("&#", at: index) else { return copy("&", insteadOf: 1) }
    let longest = 32
    guard let end = source[index...].prefix(longest).firstIndex(of: UInt8(ascii: ";")),
      let value = Self.number(String(decoding: source[(index + 2)..<end], as: UTF8.self))
    else { return copy("&amp;", insteadOf: 1) }
    let count = end + 1 - index
    guard let scalar = Unicode.Scalar(value) else { return copy("\u{FFFD}", insteadOf: count) }
    if Self.escaped.contains(scalar) { return escape(scalar, insteadOf: count) }
    bytes.append(contentsOf: source[index...end])
    index += count
  }

  /// The value of `38` or `x26`.
  private static func number(_ text: String) -> UInt32? {
    let isHexadecimal = text.hasPrefix("x") || text.hasPrefix("X")
    let digits = text.dropFirst(isHexadecimal ? 1 : 0)
    guard digits.first != "-", digits.first != "+" else { return nil }
    return UInt32(digits, radix: isHexadecimal ? 16 : 10)
  }

  private mutating func copyCharacter() {
    let byte = source[index]
    if byte < 0x20 { return escape(Unicode.Scalar(byte), insteadOf: 1) }
    if has("\u{FFFE}", at: index) { return escape("\u{FFFE}", insteadOf: 3) }
    if has("\u{FFFF}", at: index) { return escape("\u{FFFF}", insteadOf: 3) }
    if has("\u{10FFFF}", at: index) { return escape("\u{10FFFF}", insteadOf: 4) }
    bytes.append(byte)
    index += 1
  }

  // MARK: - Escapes

  /// The characters that libxml2 drops, and the marker of escapes.
  private static let escaped: [Unicode.Scalar] =
    (0..<0x20 as Range<UInt8>).map { Unicode.Scalar($0) } + ["\u{FFFE}", "\u{FFFF}", marker]
  private static let marker: Unicode.Scalar = "\u{10FFFF}"
  private static let firstLetter = UInt8(ascii: "A")

  private mutating func escape(_ scalar: Unicode.Scalar, insteadOf count: Int) {
    hasEscapes = true
    copy("\u{10FFFF}", insteadOf: count)
    bytes.append(Self.firstLetter + UInt8(Self.escaped.firstIndex(of: scalar) ?? 0))
  }

  /// `text` from the parsed source, with each escape replaced by its character.
  static func unescaped(_ text: String) -> String {
    var plain = String.UnicodeScalarView()
    var isEscape = false
    for scalar in text.unicodeScalars {
      if isEscape {
        let index = Int(scalar.value) - Int(firstLetter)
        plain.append(escaped.indices.contains(index) ? escaped[index] : scalar)
        isEscape = false
      } else if scalar == marker {
        isEscape = true
      } else {
        plain.append(scalar)
      }
    }
    return String(plain)
  }
}
