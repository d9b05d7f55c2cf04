/// The text of a message that is made of blocks, as versions of 2026 write it: paragraphs, lists,
/// tables, quotes.
///
/// Blocks become lines, cells of a table are parted by a bar. Media and buttons in the text are
/// passed over.
struct HTMLRichText {
  private(set) var markup = HTMLMarkup()

  /// The elements that stand on lines of their own.
  private enum Block: String, CaseIterable {
    case p, h1, h2, h3, h4, h5, h6, div, pre, blockquote, aside, ul, ol, li, table, caption, tr
    case details, summary, address, footer, section, figure, figcaption, cite, hr
  }

  private static let blocks = ByteWords<Block>()
  private static let tags = ByteWords<HTMLMarkup.Tag>()

  /// What the open elements are.
  private var open: [(gap: Gap?, tag: HTMLMarkup.Tag?)] = []
  /// What parts the text so far from what follows.
  private var gap: Gap?

  private enum Gap { case space, bar, line }

  /// Whether no element is open.
  var isClosed: Bool { open.isEmpty }

  mutating func removeAll() {
    markup.removeAll()
    open.removeAll(keepingCapacity: true)
    gap = nil
  }

  /// Takes note of a tag; `isMarker` tells that it holds the mark of an item of a list.
  mutating func begin(_ tag: HTMLTag, isSpoiler: Bool, isMarker: Bool) {
    let isBlock = Self.blocks.word(tag.name) != nil
    let mark = Self.tags.word(tag.name)
    open.append((isBlock ? .line : isMarker ? .space : nil, mark))
    // A block behind a mark goes on with its line.
    if isBlock, gap != .space { gap = .line }
    if "td" ~= tag.name || "th" ~= tag.name, gap == nil { gap = .bar }
    if "br" ~= tag.name {
      fillGap()
      markup.append(0x0A)
    }
    if let mark {
      fillGap()
      markup.begin(mark, HTMLMarkup.Attributes(tag, isSpoiler: isSpoiler))
    }
  }

  mutating func end() {
    guard let last = open.popLast() else { return }
    if let tag = last.tag { markup.end(tag) }
    if let next = last.gap { gap = next }
  }

  mutating func text(_ bytes: UnsafeRawBufferPointer) {
    fillGap()
    markup.append(bytes)
  }

  private mutating func fillGap() {
    switch gap {
    case .line: markup.breakLine()
    case .space: markup.append(0x20)
    case .bar: if markup.isWithinLine { markup.append(ascii: " | ") }
    case nil: break
    }
    gap = nil
  }
}

extension HTMLMarkup.Attributes {
  /// What the attributes of `tag` tell.
  fileprivate init(_ tag: HTMLTag, isSpoiler: Bool) {
    self.init()
    href = tag.value(of: "href").map(Array.init) ?? []
    onclick = tag.value(of: "onclick").map(Array.init) ?? []
    self.isSpoiler = isSpoiler
  }
}
