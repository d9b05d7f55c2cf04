import FileSupport

/// What comes before the messages of a page of an HTML export.
struct HTMLPageHead {
  /// The name of the chat; `nil` if it has none.
  let title: String?

  /// What a chat without a name is called.
  static let noTitle = "a chat without a name"

  /// How many bytes of a page are enough to show whether it belongs to an export.
  private static let size = 64 * 1024

  /// The first bytes of the file `path`.
  ///
  /// - Throws: `FileError`; `InputError` if a gzip stream is damaged.
  static func beginning(of path: String) throws -> [UInt8] {
    try InputFile(path: path, as: .bytes).prefix(size)
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

  /// Checks that the page `path`, which begins with `bytes`, is a page of messages, and returns its
  /// head.
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
    if let problem = ExportFiles.problem(ofBeginning: beginning, in: path, howTo: HTMLChats.howTo) {
      throw InputError(path, problem)
    }
    try HTMLPage.checkUTF8(bytes.wholeCharacters, at: 0, of: path)
    let found =
      bytes.range(of: "<") == nil
      ? "this is not HTML" : "this is HTML, but not an export of Telegram Desktop"
    throw InputError(
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
