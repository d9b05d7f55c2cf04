import PostFormat

/// Puts a text together from lines, and from marked parts of them.
///
/// What separates two parts is written only when more text follows, so empty parts leave no trace.
/// The rich messages of all sources are built with it, so that they have the same text.
struct RichTextBuilder {
  private enum Gap { case line, space, bar }

  /// A marked part that has not ended yet.
  private struct OpenMark {
    /// Its place among the marks; `nil` until it has text.
    var mark: Int?
    var start = 0
  }

  /// The UTF-8 of the text.
  private(set) var bytes: [UInt8] = []
  /// The marked parts, in the order in which they begin, outer ones first.
  private var marks: [Post.Entity] = []
  private var open: [OpenMark] = []
  /// How many of the open marks have text.
  private var begunCount = 0
  /// What separates the text so far from what follows.
  private var gap: Gap?
  /// The length of the text in UTF-16 units, up to `runStart`.
  private var length = 0
  private var runStart = 0

  /// The marked parts in the order of their offsets, outer ones first.
  var entities: [Post.Entity] { marks.filter { $0.length > 0 } }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    marks = []
    open = []
    begunCount = 0
    gap = nil
    length = 0
    runStart = 0
  }

  // MARK: - Lines

  /// Takes note of an edge of a block, which stands on lines of its own; the first text of a list item
  /// stands after its marker.
  mutating func breakLine() {
    if gap != .space { gap = .line }
  }

  /// Ends a list item.
  mutating func endItem() {
    gap = .line
  }

  /// Begins a cell of a table row, which is a block.
  mutating func beginCell() {
    if gap == nil { gap = .bar }
  }

  /// Ends the marker of a list item.
  mutating func endMarker() {
    gap = .space
  }

  // MARK: - Text

  /// Appends `text`, which is UTF-8.
  mutating func append(_ text: UnsafeRawBufferPointer) {
    guard !text.isEmpty else { return }
    fillGap()
    while begunCount < open.count {
      endRun()
      open[begunCount] = OpenMark(mark: marks.count, start: bytes.count)
      marks.append(Post.Entity(type: "", offset: length, length: 0))
      begunCount += 1
    }
    bytes.append(contentsOf: text)
  }

  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  private mutating func fillGap() {
    if !bytes.isEmpty {
      switch gap {
      case .line: bytes.append(0x0A)
      case .space: bytes.append(0x20)
      case .bar: bytes.append(contentsOf: " | ".utf8)
      case nil: break
      }
    }
    gap = nil
  }

  private mutating func endRun() {
    bytes.unifyLineEnds(from: runStart)
    length += bytes.utf16Length(from: runStart)
    runStart = bytes.count
  }

  // MARK: - Marks

  /// Begins a marked part, which must be ended by ``endMark(_:)``.
  mutating func beginMark() {
    open.append(OpenMark())
  }

  /// Ends the part that began last; `meaning` is given its text and returns its type and address,
  /// or `nil` if it has no meaning.
  mutating func endMark(_ meaning: (ArraySlice<UInt8>) -> (type: String, url: String?)?) {
    guard let last = open.popLast() else { return }
    begunCount = min(begunCount, open.count)
    guard let mark = last.mark else { return }
    endRun()
    guard let (type, url) = meaning(bytes[last.start...]) else { return }
    marks[mark].length = length - marks[mark].offset
    marks[mark].type = type
    marks[mark].url = url
  }

  /// Ends the text; nothing may be appended afterwards.
  mutating func finish() {
    endRun()
  }
}
