import JSONSupport

/// The text of a rich message, which is a tree of blocks.
///
/// A block becomes one or more lines; the cells of a table row are separated by bars. Buttons and
/// the cards of linked channels, articles and files are not text. From a block or span of unknown
/// kind, whatever looks like text is taken.
struct RichText {
  private(set) var builder = PostTextBuilder()
  /// The unknown kinds of blocks and spans.
  private(set) var unknownKinds: Set<String> = []

  private let kinds: RichTextKinds

  /// Reads `message`, whose `blocks` are named by `kinds`.
  init(_ message: JSONValue, kinds: RichTextKinds) {
    self.kinds = kinds
    if let blocks = message["blocks"]?.elements {
      for block in blocks { append(block: block) }
    } else {
      unknownKinds.insert("message without blocks")
      append(unknown: message, under: "text")
    }
    builder.finish()
  }

  // MARK: - Blocks

  private mutating func append(block: JSONValue) {
    let name = kinds.name(of: block)
    guard let kind = kinds.blocks[name] else { return append(unknown: block, name) }
    if kind.isInline { return }
    builder.breakLine()
    if kind.mark != nil { builder.beginEntity() }
    for part in kind.parts { append(part, of: block) }
    if let mark = kind.mark { builder.endEntity { _ in EntityMeaning(type: mark) } }
    builder.breakLine()
  }

  private mutating func append(_ part: RichTextKinds.Part, of block: JSONValue) {
    switch part {
    case .line(let key): append(line: block[key])
    case .caption(let key):
      append(line: block[key]?["text"])
      append(line: block[key]?["credit"])
    case .block(let key): if let inner = block[key] { append(block: inner) }
    case .blocks(let key): for inner in block[key]?.elements ?? [] { append(block: inner) }
    case .list: append(list: block)
    case .rows(let key): for row in block[key]?.elements ?? [] { append(row: row) }
    }
  }

  private mutating func append(line span: JSONValue?) {
    builder.breakLine()
    append(nonBlank: span)
    builder.breakLine()
  }

  private mutating func append(nonBlank span: JSONValue?) {
    if let span, hasText(span) { append(span: span) }
  }

  private mutating func append(list: JSONValue) {
    var numbering: RichListNumbering?
    if list["kind"]?.string == "ordered" {
      numbering = RichListNumbering(
        start: list["start"]?.integer, isReversed: list["reversed"]?.boolean ?? false,
        type: list["list_type"]?.string)
    }
    for item in list["items"]?.elements ?? [] {
      builder.breakLine()
      let label = numbering?.label(
        text: item["num"]?.string, value: item["value"]?.integer, type: item["item_type"]?.string)
      if let marker = kinds.marker(of: item) ?? label {
        builder.append(marker)
        builder.endMarker()
      }
      append(nonBlank: item["text"])
      for key in ["blocks", "page_blocks"] { append(.blocks(key), of: item) }
      builder.endItem()
    }
  }

  private mutating func append(row: JSONValue) {
    builder.breakLine()
    for cell in row["cells"]?.elements ?? row.elements ?? [] {
      builder.beginCell()
      append(nonBlank: cell["text"])
    }
    builder.breakLine()
  }

  // MARK: - Unknown blocks

  private mutating func append(unknown block: JSONValue, _ name: String) {
    note(unknown: name)
    builder.breakLine()
    if let members = block.members {
      for member in members { append(unknown: member.value, under: member.key) }
    } else {
      append(unknown: block, under: "text")
    }
    builder.breakLine()
  }

  /// Appends what looks like text in `value`, a member of something unknown.
  private mutating func append(unknown value: JSONValue, under key: String) {
    switch value {
    case .string: if RichTextKinds.textKeys.contains(key) { append(line: value) }
    case .array(let elements):
      for element in elements { append(unknown: element, under: key) }
    case .object(let members):
      let name = kinds.name(of: value)
      if kinds.spans[name] != nil, !(kinds.blocks[name] != nil && key.hasSuffix("s")) {
        append(line: value)
      } else if kinds.blocks[name] != nil || kinds.looksLikeBlock(name) {
        append(block: value)
      } else {
        for member in members { append(unknown: member.value, under: member.key) }
      }
    default: break
    }
  }

  private mutating func note(unknown name: String) {
    unknownKinds.insert(name.isEmpty ? "part without a type" : name)
  }

  // MARK: - Spans

  /// Appends a string, a span, or a list of these.
  private mutating func append(span: JSONValue) {
    switch span {
    case .string(let text): builder.append(text)
    case .array(let parts): for part in parts { append(span: part) }
    case .object:
      let name = kinds.name(of: span)
      if kinds.spans[name] == nil { note(unknown: name) }
      let kind = kinds.spans[name] ?? RichTextKinds.Span()
      guard let text = kind.textKey.flatMap({ span[$0] }) else { return }
      guard let mark = kind.mark else { return append(span: text) }
      builder.beginEntity()
      append(span: text)
      let address = kind.addressKey.flatMap { span[$0]?.string }.map { kind.scheme + $0 }
      builder.endEntity { text in
        guard let address else { return EntityMeaning(type: mark) }
        return EntityMeaning(linkTo: address, text: text)
      }
    default: break
    }
  }

  /// Whether a span holds more than blanks, which get no line.
  private func hasText(_ span: JSONValue) -> Bool {
    switch span {
    case .string(let text): return text.utf8.contains { $0 != 0x20 && $0 != 0x09 }
    case .array(let parts): return parts.contains(where: hasText)
    case .object:
      // Unknown kinds must be noted, even if they have no text.
      guard let kind = kinds.spans[kinds.name(of: span)] else { return true }
      return kind.textKey.flatMap { span[$0] }.map(hasText) ?? false
    default: return false
    }
  }
}
