import FileSupport
import Glibc
import PostFormat

/// A post on its way through the rules: its text as lines of bytes, and its entities.
///
/// The lines are ranges of one array of bytes, so that taking a line away, or a part of its ends,
/// copies nothing. The array is used again for the next post.
public struct Draft {
  /// A line of the text.
  public struct Line: Equatable, Sendable {
    /// Where its bytes stand now.
    public var range: Range<Int>
    /// Where it stood in the text as posted, without its newline.
    public let origin: Range<Int>
  }

  /// The bytes that the lines refer to; the text as posted comes first.
  public private(set) var bytes: [UInt8] = []
  /// The lines of the text: one at least as posted, none once rules have taken all away.
  public var lines: [Line] = []
  /// The entities of the post; their offsets are those of the text as posted.
  public private(set) var entities: [Post.Entity] = []

  /// What the post is beside its text.
  public private(set) var facts = Facts()

  /// What a post is beside its text.
  public struct Facts: Equatable, Sendable {
    /// Whether it was forwarded from elsewhere.
    public var isForward = false
    /// Whether it answers another post.
    public var isReply = false
    /// The kind of its media; `nil` if it has none.
    public var media: String?
  }

  /// Which bytes there are among the first of ``bytes``, and how many of those were looked at.
  private var presence = [Bool](repeating: false, count: 256)
  private var presenceCount = 0

  /// A draft of an empty text.
  public init() {}

  /// A draft of `post`.
  public init(_ post: Post) {
    load(post)
  }

  /// Takes up `post` in place of the one before.
  public mutating func load(_ post: Post) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: post.text.utf8)
    forgetPresence()
    entities = post.entities
    facts = Facts(
      isForward: post.forwardedFrom != nil, isReply: post.replyTo != nil, media: post.media)
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

  /// How many bytes the text has, the newlines between its lines counted.
  public var byteCount: Int {
    lines.reduce(max(lines.count - 1, 0)) { $0 + $1.range.count }
  }

  /// Calls `body` with the bytes of the text, its lines parted by newlines.
  public func withText<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
  {
    if lines.count <= 1 {
      let range = lines.first?.range ?? 0..<0
      return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
    var joined: [UInt8] = []
    joined.reserveCapacity(byteCount)
    for (index, line) in lines.enumerated() {
      if index > 0 { joined.append(0x0A) }
      joined.append(contentsOf: bytes[line.range])
    }
    return try joined.withUnsafeBytes(body)
  }

  /// The text, its lines parted by newlines.
  public var string: String { withText { String(decoding: $0, as: UTF8.self) } }

  /// Calls `body` with the bytes of the line `index`.
  public func withLine<Result>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let range = lines[index].range
    return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// Replaces the line `index` by `replacement`, which holds no newline.
  public mutating func replaceLine(_ index: Int, with replacement: [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: replacement)
    lines[index].range = start..<bytes.count
  }

  /// Makes the whole text one line, `text`, and leaves the bytes from before in it for use again.
  ///
  /// The entities have no place in the new text and go.
  public mutating func replaceText(with text: inout [UInt8]) {
    swap(&bytes, &text)
    forgetPresence()
    lines.removeAll(keepingCapacity: true)
    lines.append(Line(range: 0..<bytes.count, origin: 0..<bytes.count))
    entities = []
  }

  /// Whether `byte` may stand in the text; if not, a rule for it need not look.
  ///
  /// All bytes are looked at once, for all rules. What rules have taken away counts, too.
  public mutating func mayContain(_ byte: UInt8) -> Bool {
    if presenceCount < bytes.count { notePresence() }
    return presence[Int(byte)]
  }

  /// Whether one of the bytes of `range` may stand in the text.
  public mutating func mayContain(anyOf range: ClosedRange<UInt8>) -> Bool {
    if presenceCount < bytes.count { notePresence() }
    return presence.withUnsafeBytes { presence in
      guard let base = presence.baseAddress else { return false }
      return memchr(base + Int(range.lowerBound), 1, range.count) != nil
    }
  }

  /// Whether a Latin letter may stand in the text.
  var mayContainLatin: Bool {
    mutating get {
      mayContain(anyOf: UInt8(ascii: "A")...UInt8(ascii: "Z"))
        || mayContain(anyOf: UInt8(ascii: "a")...UInt8(ascii: "z"))
    }
  }

  private mutating func notePresence() {
    presence.withUnsafeMutableBufferPointer { presence in
      bytes.withUnsafeBytes { bytes in
        for index in presenceCount..<bytes.count { presence[Int(bytes[index])] = true }
      }
    }
    presenceCount = bytes.count
  }

  private mutating func forgetPresence() {
    presence.withUnsafeMutableBufferPointer { $0.update(repeating: false) }
    presenceCount = 0
  }

  /// The number of the last line with something to see in it; `nil` where there is none.
  public var lastVisibleLine: Int? {
    lines.indices.last { index in withLine(index) { offsetOfVisible(in: $0) != nil } }
  }

  /// The number of the first line with something to see in it; `nil` where there is none.
  public var firstVisibleLine: Int? {
    lines.indices.first { index in withLine(index) { offsetOfVisible(in: $0) != nil } }
  }

  /// The range of bytes of `entity` in the text as posted; what lies outside the text is cut off.
  ///
  /// Only as long as no rule has made a new text.
  public func byteRange(of entity: Post.Entity) -> Range<Int> {
    bytes.withUnsafeBytes { bytes in
      let postedCount = lines.last?.origin.upperBound ?? 0
      let start = Self.byteOffset(ofUTF16: entity.offset, from: (0, 0), in: bytes, postedCount)
      let (end, overflow) = entity.offset.addingReportingOverflow(entity.length)
      let last = Self.byteOffset(
        ofUTF16: overflow ? .max : end, from: start, in: bytes, postedCount)
      return start.byte..<max(start.byte, last.byte)
    }
  }

  /// The first byte at or behind `place` that has `target` UTF-16 units before it.
  private static func byteOffset(
    ofUTF16 target: Int, from place: (byte: Int, unit: Int), in bytes: UnsafeRawBufferPointer,
    _ end: Int
  ) -> (byte: Int, unit: Int) {
    var (byte, unit) = place
    while byte < end, unit < target {
      let length = scalarLength(lead: bytes[byte])
      unit += length == 4 ? 2 : 1
      byte += length
    }
    return (min(byte, end), unit)
  }
}
