import FileSupport
import Glibc
import PostFormat
import TextSupport

/// A post on its way through the rules: its text as lines of bytes, and its entities.
///
/// The lines are ranges of one array of bytes, so removing a line, or a part of its ends, copies
/// nothing. The array is reused for the next post.
public struct Draft {
  /// A line of the text.
  public struct Line: Equatable, Sendable {
    /// Where its bytes are now.
    public var range: Range<Int>
    /// Where it was in the text as posted, excluding its newline.
    public let origin: Range<Int>
  }

  /// The bytes that the lines refer to, beginning with the text as posted.
  public private(set) var bytes: [UInt8] = []
  /// The lines of the text: at least one as posted, none once rules have removed them all.
  public var lines: [Line] = []
  /// The entities of the post; their offsets refer to the text as posted.
  public private(set) var entities: [Post.Entity] = []
  /// Whether the post was forwarded from elsewhere.
  public private(set) var isForward = false
  /// Whether the post replies to another one.
  public private(set) var isReply = false
  /// The kind of the post's media; `nil` if it has none.
  public private(set) var media: String?

  /// Which byte values occur in the first ``presenceCount`` bytes.
  private var presence = [Bool](repeating: false, count: 256)
  private var presenceCount = 0

  /// A draft of an empty text.
  public init() {}

  /// A draft of `post`.
  public init(_ post: Post) {
    load(post)
  }

  /// Replaces the current post with `post`.
  public mutating func load(_ post: Post) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: post.text.utf8)
    forgetPresence()
    entities = post.entities
    isForward = post.forwardedFrom != nil
    isReply = post.replyTo != nil
    media = post.media
    lines.removeAll(keepingCapacity: true)
    bytes.withUnsafeBytes { bytes in
      var start = 0
      while start <= bytes.count {
        let end = endOfLine(in: bytes, from: start)
        lines.append(Line(range: start..<end, origin: start..<end))
        start = end + 1
      }
    }
  }

  // MARK: - Reading

  /// The number of bytes in the text, including the newlines between its lines.
  public var byteCount: Int {
    lines.reduce(max(lines.count - 1, 0)) { $0 + $1.range.count }
  }

  /// Calls `body` with the bytes of the text, its lines separated by newlines.
  public func withText<Result>(_ body: (Span<UInt8>) throws -> Result) rethrows -> Result {
    if lines.count <= 1 { return try body(bytes.span.extracting(lines.first?.range ?? 0..<0)) }
    return try body(joinedLines(by: 0x0A).span)
  }

  /// The bytes of the lines with `separator` between them.
  func joinedLines(by separator: UInt8) -> [UInt8] {
    var joined: [UInt8] = []
    joined.reserveCapacity(byteCount)
    for (index, line) in lines.enumerated() {
      if index > 0 { joined.append(separator) }
      joined.append(contentsOf: bytes[line.range])
    }
    return joined
  }

  /// The text, its lines separated by newlines.
  public var string: String { withText { $0.string } }

  /// Calls `body` with the bytes of the line at `index`.
  public func withLine<Result>(
    _ index: Int, _ body: (Span<UInt8>) throws -> Result
  ) rethrows -> Result {
    try body(bytes.span.extracting(lines[index].range))
  }

  /// The index of the first line that shows anything; `nil` if there is none.
  public var firstVisibleLine: Int? { lines.indices.first(where: isVisible) }

  /// The index of the last line that shows anything; `nil` if there is none.
  public var lastVisibleLine: Int? { lines.indices.last(where: isVisible) }

  private func isVisible(_ line: Int) -> Bool { withLine(line) { $0.firstVisible() != nil } }

  /// Whether `byte` may occur in the text; if not, a rule for it has nothing to do.
  ///
  /// All bytes are examined once, for all rules. Bytes that rules have removed count too.
  public mutating func mayContain(_ byte: UInt8) -> Bool {
    if presenceCount < bytes.count { notePresence() }
    return presence[Int(byte)]
  }

  /// Whether one of the bytes of `range` may occur in the text.
  public mutating func mayContain(anyOf range: ClosedRange<UInt8>) -> Bool {
    if presenceCount < bytes.count { notePresence() }
    return presence.withUnsafeBytes { presence in
      guard let base = presence.baseAddress else { return false }
      return memchr(base + Int(range.lowerBound), 1, range.count) != nil
    }
  }

  /// Whether a Latin letter may occur in the text.
  var mayContainLatin: Bool {
    mutating get {
      mayContain(anyOf: UInt8(ascii: "A")...UInt8(ascii: "Z"))
        || mayContain(anyOf: UInt8(ascii: "a")...UInt8(ascii: "z"))
    }
  }

  private mutating func notePresence() {
    let bytes = bytes
    let text = bytes.span
    presence.withUnsafeMutableBufferPointer { presence in
      for index in presenceCount..<text.count { presence[Int(text[index])] = true }
    }
    presenceCount = text.count
  }

  private mutating func forgetPresence() {
    presence.withUnsafeMutableBufferPointer { $0.update(repeating: false) }
    presenceCount = 0
  }

  /// The range of bytes of `entity` in the text as posted; what lies outside the text is cut off.
  ///
  /// Valid only until a rule replaces the whole text.
  public func byteRange(of entity: Post.Entity) -> Range<Int> {
    let (end, overflow) = entity.offset.addingReportingOverflow(entity.length)
    let start = place(ofUTF16: entity.offset, from: (0, 0))
    let last = place(ofUTF16: overflow ? .max : end, from: start)
    return start.byte..<max(start.byte, last.byte)
  }

  /// The first byte of the text as posted with at least `target` UTF-16 units before it.
  private func place(
    ofUTF16 target: Int, from place: (byte: Int, unit: Int)
  ) -> (byte: Int, unit: Int) {
    let count = lines.last?.origin.upperBound ?? 0
    var (byte, unit) = place
    while byte < count, unit < target {
      let length = scalarLength(lead: bytes[byte])
      unit += length == 4 ? 2 : 1
      byte += length
    }
    return (min(byte, count), unit)
  }

  // MARK: - Changing

  /// Removes the lines for which `isRemoved` holds, given a line's bytes.
  mutating func removeLines(where isRemoved: (Span<UInt8>) -> Bool) -> RuleOutcome {
    removeLines { text, line in isRemoved(text.extracting(line.range)) }
  }

  /// Removes the lines for which `isRemoved` holds, given the bytes of all lines and a line.
  mutating func removeLines(where isRemoved: (Span<UInt8>, Line) -> Bool) -> RuleOutcome {
    guard let kept = linesLeft(without: isRemoved) else { return .unchanged }
    lines = kept
    return .changed
  }

  private func linesLeft(without isRemoved: (Span<UInt8>, Line) -> Bool) -> [Line]? {
    let text = bytes.span
    guard let first = lines.firstIndex(where: { isRemoved(text, $0) }) else { return nil }
    return lines[..<first] + lines[(first + 1)...].filter { !isRemoved(text, $0) }
  }

  /// Calls `edit` with the bytes of each line, and makes the edits that it adds.
  mutating func rewriteLines(_ edit: (Span<UInt8>, inout LineEdits) -> Void) -> RuleOutcome {
    var outcome = RuleOutcome.unchanged
    for index in lines.indices {
      let edited = withLine(index) { line in
        var edits = LineEdits()
        edit(line, &edits)
        return edits.result(in: line)
      }
      guard let edited else { continue }
      replaceLine(index, with: edited)
      outcome = .changed
    }
    return outcome
  }

  /// Replaces the line at `index` by `replacement`, which holds no newline.
  public mutating func replaceLine(_ index: Int, with replacement: [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: replacement)
    lines[index].range = start..<bytes.count
  }

  /// Makes `text` the only line, and leaves the previous bytes in it for reuse.
  ///
  /// The entities have no place in the new text and are removed.
  public mutating func replaceText(with text: inout [UInt8]) {
    swap(&bytes, &text)
    forgetPresence()
    lines.removeAll(keepingCapacity: true)
    lines.append(Line(range: 0..<bytes.count, origin: 0..<bytes.count))
    entities = []
  }
}

/// Edits of a line, from left to right.
struct LineEdits {
  private var output: [UInt8] = []
  /// The end of the last range that was replaced.
  private(set) var end = 0
  private var isChanged = false

  /// Replaces `range` of `line`, which begins at or after ``end``.
  mutating func replace(_ range: Range<Int>, of line: Span<UInt8>, with replacement: String) {
    output.append(line.extracting(end..<range.lowerBound))
    output.append(contentsOf: replacement.utf8)
    end = range.upperBound
    isChanged = true
  }

  /// The line after the edits; `nil` if there were none.
  fileprivate consuming func result(in line: Span<UInt8>) -> [UInt8]? {
    guard isChanged else { return nil }
    output.append(line.extracting(end...))
    return output
  }
}
