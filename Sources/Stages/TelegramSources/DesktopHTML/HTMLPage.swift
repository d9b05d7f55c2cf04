import FileSupport

/// A page of an export in HTML, `messages.html` or one of those that follow it, in pieces: what
/// stands before the first message, and the messages.
///
/// Where one message ends and the next begins is told by the beginning of its tag alone: versions
/// before 5.9 left out closing tags behind buttons. Memory is for the longest message, not for the
/// page.
struct HTMLPage {
  /// A part of a page, valid until the next is read.
  struct Piece {
    let bytes: UnsafeRawBufferPointer
    /// Where in the page it begins.
    let offset: Int
    /// Whether it is what stands before the first message.
    let isHead: Bool
    /// Whether it holds what stands behind the last message too.
    let isLast: Bool
  }

  let path: String
  private let input: InputFile
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)
  /// What was read into the buffer and is not yet handed out.
  private var unread = 0..<0
  /// Where in the page ``unread`` begins.
  private var offset = 0
  private var isAtEnd = false
  private var hasHead = false
  private var isFinished = false

  /// Opens the page at `path`, packed with gzip or not.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  init(path: String) throws {
    self.path = path
    input = try InputFile(path: path, as: .bytes)
  }

  /// How many bytes of the file were read.
  var bytesConsumed: Int { input.bytesConsumed }

  /// Calls `body` with the next piece; returns false at the end of the page.
  ///
  /// The first piece, which may be empty, is the head: what stands before the first message.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged; what `body` throws.
  mutating func readPiece(_ body: (Piece) throws -> Void) throws -> Bool {
    guard !isFinished else { return false }
    let tag: StaticString = "<div class=\"message "
    // A message begins with the tag itself.
    var searched = hasHead ? 1 : 0
    while true {
      let found = buffer.withUnsafeBytes {
        Self.tag(tag, in: UnsafeRawBufferPointer(rebasing: $0[unread]), from: searched)
      }
      if let found {
        return try take(found.lowerBound, isLast: false, body)
      }
      if isAtEnd {
        isFinished = true
        return try take(unread.count, isLast: true, body)
      }
      searched = max(searched, unread.count - tag.utf8CodeUnitCount + 1)
      try fill()
    }
  }

  private mutating func take(
    _ count: Int, isLast: Bool, _ body: (Piece) throws -> Void
  ) throws -> Bool {
    let range = unread.prefix(count)
    try buffer.withUnsafeBytes {
      let bytes = UnsafeRawBufferPointer(rebasing: $0[range])
      try body(Piece(bytes: bytes, offset: offset, isHead: !hasHead, isLast: isLast))
    }
    hasHead = true
    offset += count
    unread = range.upperBound..<unread.upperBound
    return true
  }

  /// Reads on, into a larger buffer where one message fills it.
  private mutating func fill() throws {
    if unread.lowerBound > 0 {
      buffer.withUnsafeMutableBytes {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[unread]))
      }
      unread = 0..<unread.count
    }
    if unread.count == buffer.count {
      buffer.append(contentsOf: repeatElement(0, count: buffer.count))
    }
    let count = try buffer.withUnsafeMutableBytes {
      try input.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[unread.upperBound...]))
    }
    isAtEnd = count == 0
    unread = 0..<unread.upperBound + count
  }

  /// Where the writer put `tag` in `text`, at `start` or behind it; `nil` if it did not.
  ///
  /// The labels of buttons, which not all versions escape, may hold the same. They stand in a `<div>`
  /// without attributes, and behind other characters than the end of a tag.
  static func tag(
    _ tag: StaticString, in text: UnsafeRawBufferPointer, from start: Int
  ) -> Range<Int>? {
    var start = start
    while let found = text.range(of: tag, from: start) {
      var end = found.lowerBound
      while end > 0, text[end - 1] <= 0x20 { end -= 1 }
      let label: StaticString = "<div>"
      let isLabel =
        end > 0 && text[end - 1] != UInt8(ascii: ">")
        || label ~= UnsafeRawBufferPointer(rebasing: text[..<end].suffix(label.utf8CodeUnitCount))
      if !isLabel { return found }
      start = found.upperBound
    }
    return nil
  }

  /// Checks that `bytes`, at `offset` of the page `path`, are UTF-8.
  ///
  /// - Throws: `InputError`.
  static func checkUTF8(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, of path: String
  ) throws {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
    } catch {
      throw notUTF8(path, offset + error.byteOffsets.lowerBound)
    }
  }

  static func notUTF8(_ path: String, _ offset: Int) -> InputError {
    InputError(
      path, .byte(offset),
      "this is not UTF-8, in which Telegram Desktop writes pages: the file was changed or damaged; "
        + "export the chat again")
  }
}
