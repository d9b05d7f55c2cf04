import FileSupport

/// What stands before the messages of a page of an export in HTML.
struct HTMLPageHead {
  /// The name of the chat; `nil` if it has none.
  let title: String?

  /// How much of a page is looked at to tell whether it is one of an export.
  private static let size = 64 * 1024

  /// The first bytes of the file `path`.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  static func beginning(of path: String) throws -> [UInt8] {
    let input = try InputFile(path: path, as: .bytes)
    var bytes = [UInt8](repeating: 0, count: size)
    var count = 0
    try bytes.withUnsafeMutableBytes {
      while count < size {
        let more = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
        if more == 0 { break }
        count += more
      }
    }
    return Array(bytes[..<count])
  }

  /// Reads the head of the page `path`.
  ///
  /// - Throws: `FileError`; `InputError` if it is not a page of a chat of an export.
  init(path: String) throws {
    let bytes = try Self.beginning(of: path)
    title = try bytes.withUnsafeBytes { bytes in
      let head = try Self.check(bytes, of: path)
      let title = HTMLDocument(page: Array(head))?.root?.first { $0["class"] == "text bold" }
      return title.map { $0.text.trimmed }.flatMap {
        $0.isEmpty || $0 == "Deleted Account" ? nil : $0
      }
    }
  }

  /// Checks that `bytes`, with which the page `path` begins, are those of a page of messages, and
  /// returns its head.
  ///
  /// - Throws: `InputError`.
  @discardableResult
  static func check(
    _ bytes: UnsafeRawBufferPointer, of path: String
  ) throws -> UnsafeRawBufferPointer {
    if bytes.range(of: "class=\"page_wrap\"") != nil,
      let history = bytes.range(of: "class=\"history\"")
    {
      let head = UnsafeRawBufferPointer(rebasing: bytes[..<history.lowerBound])
      try HTMLPage.checkUTF8(head, at: 0, of: path)
      return head
    }
    let beginning = Array(bytes.prefix(ForeignContent.length))
    if let problem = FileSignature.problem(of: beginning, in: path, howTo: HTMLChats.howTo) {
      throw InputError(path, problem)
    }
    try HTMLPage.checkUTF8(bytes.wholeCharacters, at: 0, of: path)
    // Of UTF-16, every other byte of this is zero.
    if let zero = bytes.prefix(16).firstIndex(of: 0) { throw HTMLPage.notUTF8(path, zero) }
    throw failure(
      path,
      bytes.range(of: "<") == nil
        ? "this is not HTML" : "this is HTML, but not an export of Telegram Desktop")
  }

  private static func failure(_ path: String, _ found: String) -> InputError {
    InputError(
      path,
      "\(found), expected a page with the messages of a chat as Telegram Desktop exports it; "
        + HTMLChats.howTo)
  }
}

extension UnsafeRawBufferPointer {
  /// The bytes without the last character, which may be cut off.
  fileprivate var wholeCharacters: UnsafeRawBufferPointer {
    var end = count - 1
    while end > 0, self[end] & 0xC0 == 0x80 { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: prefix(end))
  }
}
