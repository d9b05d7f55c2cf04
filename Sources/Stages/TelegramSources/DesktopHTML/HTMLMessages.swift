import FileSupport
import PostFormat

/// The messages of the pages of a chat: makes posts of those that are some, and counts the others.
struct HTMLMessages {
  /// How a page ends.
  enum PageEnd {
    /// As it should; `next` is the name of the page in which the chat goes on.
    case whole(next: String?)
    /// In the middle, as the error says.
    case cut(InputError)
  }

  private var message: HTMLMessage
  private var counter = MessageCounter()

  var summary: SourceSummary {
    get { counter.summary }
    set { counter.summary = newValue }
  }

  init(options: SourceOptions) {
    message = HTMLMessage(options: options)
  }

  /// Takes note that messages are missing before the next page.
  mutating func noteGap() {
    message.forgetContext()
  }

  /// Reads the page at `path`; `progress` is told the posts of all pages and the bytes of this one.
  ///
  /// - Throws: `FileError`; `InputError`; what `progress` and `body` throw.
  mutating func readPage(
    _ path: String, progress: (_ posts: Int, _ bytes: Int) throws -> Void,
    _ body: (Post) throws -> Void
  ) throws -> PageEnd {
    var page = try HTMLPage(path: path)
    var end = PageEnd.whole(next: nil)
    var count = 0
    var hasMore = true
    while hasMore {
      if count & 0xFF == 0 { try progress(summary.posts, page.bytesConsumed) }
      hasMore = try page.readPiece { piece in
        count += 1
        var bytes = piece.bytes
        if piece.isLast {
          end = Self.end(of: piece, path)
          // Of a message that is cut off nothing is taken.
          if case .cut = end {
            bytes = UnsafeRawBufferPointer(rebasing: bytes[..<Self.endOfMessage(in: bytes)])
          }
        }
        if piece.isHead {
          if case .whole = end { try HTMLPageHead.check(bytes, of: path) }
        } else if !bytes.isEmpty {
          try message.read(bytes, at: piece.offset, of: path)
          if let post = try takeMessage(at: piece.offset, of: path) { try body(post) }
        }
      }
    }
    return end
  }

  /// Counts the message that was read, and returns it if it is a post.
  private mutating func takeMessage(at offset: Int, of path: String) throws -> Post? {
    if message.isNoMessage { return nil }
    guard try counter.isNew(message.id, at: .byte(offset), of: path) else { return nil }
    switch message.kind {
    case .service:
      summary.service += 1
      return nil
    case .unsupported:
      summary.unsupported += 1
      return nil
    case .unknown, .message: break
    }
    guard let post = message.makePost() else {
      summary.incomplete += 1
      return nil
    }
    counter.count(post)
    summary.richMessages.count(message.unknownKinds, isPartial: message.isPartial)
    if message.isZoneless { summary.zoneless += 1 }
    if message.kind == .unknown { summary.unknownTypes += 1 }
    return post
  }

  // MARK: - The end of a page

  private static func end(of piece: HTMLPage.Piece, _ path: String) -> PageEnd {
    guard piece.bytes.range(of: "</html>") == nil else {
      return .whole(next: piece.isHead ? nil : next(in: piece.bytes))
    }
    return .cut(
      InputError(
        path, .byte(piece.offset + piece.bytes.count),
        "the page ends before its </html>: it is cut off"))
  }

  /// The page to which the link below the last message leads.
  private static func next(in bytes: UnsafeRawBufferPointer) -> String? {
    guard let link = HTMLPage.tag("<a class=\"pagination ", in: bytes, from: 0),
      let address = bytes.range(of: "href=\"", from: link.upperBound),
      let end = bytes[address.upperBound...].firstIndex(of: UInt8(ascii: "\""))
    else { return nil }
    return String(decoding: bytes[address.upperBound..<end], as: UTF8.self)
  }

  /// Where the element that `bytes` begin with ends; 0 if it does not.
  private static func endOfMessage(in bytes: UnsafeRawBufferPointer) -> Int {
    var depth = 0
    var index = 0
    while let tag = bytes[index...].firstIndex(of: UInt8(ascii: "<")) {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[tag...])
      let (open, close): (StaticString, StaticString) = ("<div", "</div>")
      index = tag + 1
      if open ~= UnsafeRawBufferPointer(rebasing: rest.prefix(open.utf8CodeUnitCount)) {
        depth += 1
      } else if close ~= UnsafeRawBufferPointer(rebasing: rest.prefix(close.utf8CodeUnitCount)) {
        depth -= 1
        if depth == 0 { return tag + close.utf8CodeUnitCount }
      }
    }
    return 0
  }
}
