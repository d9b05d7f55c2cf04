import FileSupport

/// What comes before the messages of a page of an export in HTML.
struct HTMLPageHead {
  /// The name of the chat; `nil` if it has none.
  let title: String?

  /// What a chat without a name is called.
  static let noTitle = "a chat without a name"

  /// How many bytes of a page show whether it is one of an export.
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
      let title = HTMLTitle()
      let lines = head.filter { $0 != 0 && $0 != 0x0A && $0 != 0x0D }
      return lines.withUnsafeBytes { HTMLFragmentParser().parse($0, title) } ? title.title : nil
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

/// Takes note of the title in the header of a page: the text of `div.page_header div.text.bold`.
private final class HTMLTitle: HTMLFragmentHandler {
  private var bytes: [UInt8] = []
  private var depth = 0
  private var titleDepth: Int?
  private var isFound = false

  /// The title without the space that stands where a channel has no last name.
  var title: String? {
    var bytes = bytes.drop { $0 <= 0x20 }
    while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
    let title = String(decoding: bytes, as: UTF8.self)
    return title.isEmpty || title == "Deleted Account" ? nil : title
  }

  func begin(_ tag: HTMLTag) {
    depth += 1
    guard !isFound, let classes = tag.value(of: "class"), "text bold" ~= classes else { return }
    isFound = true
    titleDepth = depth
  }

  func end() {
    if titleDepth == depth { titleDepth = nil }
    depth -= 1
  }

  func text(_ text: UnsafeRawBufferPointer) {
    if titleDepth != nil { bytes.append(contentsOf: text) }
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
