import FileSupport

/// A page of an HTML export, `messages.html` or one of those that follow it, in pieces: what comes
/// before the first message, and the messages.
///
/// The beginning of a message is recognised by the beginning of its tag alone: versions before 5.9
/// left out closing tags after buttons. Memory is needed for the longest message, not for the page.
final class HTMLPage {
  /// A part of a page.
  struct Piece {
    let bytes: [UInt8]
    /// Where in the page it begins.
    let offset: Int
    /// Whether it is what comes before the first message.
    let isHead: Bool
    /// Whether it includes what comes after the last message.
    let isLast: Bool
  }

  let path: String
  private let input: InputFile
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)
  /// The bytes in the buffer that have been read but not yet returned.
  private var unread = 0..<0
  /// Where in the page ``unread`` begins.
  private var offset = 0
  private var isAtEnd = false
  private var hasHead = false
  private var isFinished = false

  /// Opens the page at `path`, compressed with gzip or not.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  init(path: String) throws {
    self.path = path
    input = try InputFile(path: path, as: .bytes)
  }

  /// How many bytes of the file have been read.
  var bytesConsumed: Int { input.bytesConsumed }

  /// The next piece; `nil` at the end of the page.
  ///
  /// The first piece, which may be empty, is the head: what comes before the first message.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  func next() throws -> Piece? {
    let tag: StaticString = "<div class=\"message "
    // A message begins with the tag itself.
    var searched = hasHead ? 1 : 0
    while !isFinished {
      let found = buffer.withUnsafeBytes {
        Self.tag(tag, in: UnsafeRawBufferPointer(rebasing: $0[unread]), from: searched)
      }
      if found == nil, !isAtEnd {
        searched = max(searched, unread.count - tag.utf8CodeUnitCount + 1)
        try fill()
        continue
      }
      isFinished = found == nil
      let range = unread.prefix(found?.lowerBound ?? unread.count)
      defer {
        hasHead = true
        offset += range.count
        unread = range.upperBound..<unread.upperBound
      }
      return Piece(
        bytes: Array(buffer[range]), offset: offset, isHead: !hasHead, isLast: isFinished)
    }
    return nil
  }

  /// Reads more, into a larger buffer if one message fills it.
  private func fill() throws {
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

  /// Where Telegram Desktop put `tag` in `text`, at or after `start`; `nil` if it did not.
  ///
  /// The labels of buttons, which not all versions escape, may hold the same text. They are in a
  /// `<div>` without attributes, or follow a character other than the end of a tag.
  static func tag(
    _ tag: StaticString, in text: UnsafeRawBufferPointer, from start: Int
  ) -> Range<Int>? {
    var start = start
    while let found = text.range(of: tag, from: start) {
      var end = found.lowerBound
      while end > 0, text[end - 1] <= 0x20 { end -= 1 }
      let isLabel =
        end > 0 && text[end - 1] != UInt8(ascii: ">")
        || text[..<end].suffix(5).elementsEqual("<div>".utf8)
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
      let remedy = TextEncoding.remedy(for: bytes, in: path)
      throw InputError(
        path, .byte(offset + error.byteOffsets.lowerBound),
        "this is not UTF-8, in which Telegram Desktop writes pages"
          + (remedy.isEmpty
            ? ": the file was changed or damaged; export the chat again" : remedy))
    }
  }
}
