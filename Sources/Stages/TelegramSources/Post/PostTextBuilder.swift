import FileSupport
import PostFormat

/// Puts together the text of a post and its entities, whose offsets and lengths count UTF-16 units.
///
/// Text is appended in order, entities are opened and closed around it. What separates two lines is
/// written only when more text follows, so empty parts leave no trace. Line ends become LF. All
/// sources build their texts with it, so that the same message has the same text whatever it is
/// read from. One value can be reused for all messages, so that its memory is allocated once.
struct PostTextBuilder {
  private enum Gap { case line, space, bar }

  /// An entity that is not closed yet.
  private struct OpenEntity {
    /// Its index in `marks`; `nil` until it has text.
    var mark: Int?
    /// Where its text begins.
    var start = 0
  }

  /// The UTF-8 of the text.
  private(set) var bytes: [UInt8] = []
  /// The entities in the order in which they begin, outer ones first.
  ///
  /// Those of length 0 are open, empty or without a meaning.
  private var marks: [Post.Entity] = []
  private var open: [OpenEntity] = []
  /// How many of the open entities have text.
  private var begunCount = 0
  /// What separates the text so far from what follows.
  private var gap: Gap?
  /// The length in UTF-16 units of the text before `runStart`.
  private var length = 0
  /// Where the text since the last beginning or end of an entity begins.
  private var runStart = 0

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The entities in the order of their offsets, outer ones first.
  var entities: [Post.Entity] { marks.filter { $0.length > 0 } }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    marks.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    begunCount = 0
    gap = nil
    length = 0
    runStart = 0
  }

  // MARK: - Lines

  /// Marks an edge of a block, which is on lines of its own.
  ///
  /// The first text of a list item stays on the line of its marker.
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

  mutating func append(_ text: String) {
    append(text.utf8)
  }

  /// Appends `text`, which is UTF-8.
  mutating func append(_ text: some Collection<UInt8>) {
    if !text.isEmpty { append { $0.append(contentsOf: text) } }
  }

  /// Appends the UTF-8 that `write` appends to the bytes it is given.
  mutating func append(_ write: (inout [UInt8]) throws -> Void) rethrows {
    if !bytes.isEmpty {
      switch gap {
      case .line: bytes.append(0x0A)
      case .space: bytes.append(0x20)
      case .bar: bytes.append(contentsOf: " | ".utf8)
      case nil: break
      }
    }
    gap = nil
    while begunCount < open.count {
      endRun()
      open[begunCount] = OpenEntity(mark: marks.count, start: bytes.count)
      marks.append(Post.Entity(type: "", offset: length, length: 0))
      begunCount += 1
    }
    try write(&bytes)
  }

  /// Removes the text since the last beginning or end of an entity.
  mutating func removeRun() {
    bytes.removeSubrange(runStart...)
  }

  private mutating func endRun() {
    bytes.normalizeLineEnds(from: runStart)
    length += bytes.utf16Length(from: runStart)
    runStart = bytes.count
  }

  /// Appends `text` on a line of its own, and ends the text.
  mutating func appendLine(_ text: String) {
    gap = .line
    append(text)
    finish()
  }

  /// Ends the text.
  mutating func finish() {
    endRun()
  }

  // MARK: - Entities

  /// Opens an entity, which must be closed by ``endEntity(_:)``.
  mutating func beginEntity() {
    open.append(OpenEntity())
  }

  /// Closes the entity that was opened last.
  ///
  /// `meaning` is given its text; it returns `nil` if the text is not an entity after all.
  mutating func endEntity(_ meaning: (ArraySlice<UInt8>) -> EntityMeaning?) {
    guard let last = open.popLast() else { return }
    begunCount = min(begunCount, open.count)
    guard let mark = last.mark else { return }
    endRun()
    guard let meaning = meaning(bytes[last.start...]) else { return }
    marks[mark].length = length - marks[mark].offset
    marks[mark].type = meaning.type
    marks[mark].url = meaning.url
  }
}

extension PostTextBuilder {
  /// A `text` whose entities are known by their places in it.
  ///
  /// Those that reach beyond the text, or split a character, are left out.
  init(_ text: String, entities: [Post.Entity] = []) {
    self.init()
    let units = Array(text.utf16)
    // The new place of each unit and of the end: CR LF becomes one unit.
    var places = [0]
    for (index, unit) in units.enumerated() {
      let isDropped = unit == 0x0D && index + 1 < units.count && units[index + 1] == 0x0A
      places.append(places[index] + (isDropped ? 0 : 1))
    }
    func isBetweenCharacters(_ place: Int) -> Bool {
      place == units.count || !UTF16.isTrailSurrogate(units[place])
    }
    for var entity in entities {
      let (start, end) = (entity.offset, entity.offset + entity.length)
      guard end <= units.count, isBetweenCharacters(start), isBetweenCharacters(end) else {
        continue
      }
      entity.offset = places[start]
      entity.length = places[end] - places[start]
      marks.append(entity)
    }
    marks.sort { ($0.offset, -$0.length) < ($1.offset, -$1.length) }
    append(text)
    finish()
  }
}
