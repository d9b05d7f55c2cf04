import FileSupport
import PostFormat

/// The messages on the pages of a chat, of which those that are posts are returned.
final class HTMLMessages: PostStream {
  /// What to do where a part of an export is missing.
  static let remedy = "copy the whole folder of the export, or export the chat again"

  private let chat: HTMLChat
  private let sizes: [Int]
  private let options: SourceOptions
  private var message: HTMLMessage
  private var counter = MessageCounter()

  /// The page being read, and the index of the one after it.
  private var page: HTMLPage?
  private var nextIndex = 0
  private var bytesBefore = 0
  /// The page to which the last page read links.
  private var nextPage: String?
  private var isFinished = false

  /// What is missing.
  private var faults: [InputError] = []
  /// Whether everything that could be read comes before the only fault.
  private var isFaultAtEnd = false

  init(_ chat: HTMLChat, title: String, sizes: [Int], options: SourceOptions) {
    (self.chat, self.sizes, self.options) = (chat, sizes, options)
    message = HTMLMessage(options: options)
    counter.summary.chat = title
  }

  func next() throws -> Post? {
    while !isFinished {
      guard let page else {
        try openNextPage()
        continue
      }
      guard let piece = try page.next() else {
        self.page = nil
        bytesBefore += sizes[nextIndex - 1]
        continue
      }
      if let post = try post(of: piece, page.path) { return post }
    }
    return nil
  }

  var summary: SourceSummary { counter.summary }

  var progress: SourceProgress {
    SourceProgress(
      posts: counter.summary.posts, bytes: bytesBefore + (page?.bytesConsumed ?? 0))
  }

  // MARK: - Pages

  private func openNextPage() throws {
    guard nextIndex < chat.pages.count, faults.isEmpty || options.salvages else {
      return try finish()
    }
    if let missing = chat.missing(before: nextIndex) {
      faults.append(chat.failure(missing: missing))
      message.forgetContext()
    }
    page = try HTMLPage(path: chat.path(chat.pages[nextIndex]))
    nextPage = nil
    nextIndex += 1
  }

  /// The post that `piece` of the page at `path` is, if it is one.
  private func post(of piece: HTMLPage.Piece, _ path: String) throws -> Post? {
    try piece.bytes.withUnsafeBytes { bytes in
      var bytes = bytes
      var isCut = false
      if piece.isLast {
        isCut = bytes.range(of: "</html>") == nil
        if isCut {
          // Nothing is taken from a message that is cut off.
          bytes = UnsafeRawBufferPointer(rebasing: bytes[..<Self.endOfMessage(in: bytes)])
        } else if !piece.isHead {
          nextPage = Self.nextPage(in: bytes)
        }
      }
      defer { if isCut { noteCut(at: piece.offset + piece.bytes.count, of: path) } }
      if piece.isHead {
        if !isCut { try HTMLPageHead.check(bytes, of: path) }
        return nil
      }
      guard !bytes.isEmpty else { return nil }
      try message.read(bytes, at: piece.offset, of: path)
      if message.isNoMessage { return nil }
      return try counter.post(of: &message, at: piece.offset, of: path)
    }
  }

  private func noteCut(at offset: Int, of path: String) {
    faults.append(
      InputError(path, .byte(offset), "the page ends before its </html>: it is cut off"))
    isFaultAtEnd = !options.salvages || faults.count == 1 && nextIndex == chat.pages.count
    message.forgetContext()
  }

  /// Reports what is missing.
  ///
  /// - Throws: `InputError` if something is missing, and the remaining posts are not wanted without
  ///   it.
  private func finish() throws {
    isFinished = true
    if let fault = faultAfterLastPage() {
      isFaultAtEnd = faults.isEmpty
      faults.append(fault)
    }
    guard let fault = faults.first else { return }
    let rest = faults.count > 1 ? " (the first of \(faults.count) such places)" : ""
    let count = counter.summary.messages
    let problem =
      "\(fault.problem)\(rest); \(count) messages could be read "
      + (isFaultAtEnd ? "before" : "elsewhere")
    guard options.salvages else {
      let choice = count == 0 ? "" : ", or take these messages (--salvage)"
      throw InputError(fault.path, fault.place, "\(problem); \(Self.remedy)\(choice)")
    }
    counter.summary.cut = InputError(fault.path, fault.place, problem).description
  }

  /// What is missing if the last page links to another one.
  private func faultAfterLastPage() -> InputError? {
    guard let nextPage else { return nil }
    if chat.isNumbered {
      let isThere = HTMLChat.number(nextPage) == nil || Folder.hasFile(chat.path(nextPage))
      return isThere ? nil : chat.failure(missing: nextPage)
    }
    return InputError(
      chat.path(chat.pages[0]),
      "the chat continues in \(nextPage), but the pages are read in order only if they have the "
        + "names that Telegram Desktop gave them")
  }

  /// The page to which the link below the last message points.
  private static func nextPage(in bytes: UnsafeRawBufferPointer) -> String? {
    guard let link = HTMLPage.tag("<a class=\"pagination ", in: bytes, from: 0),
      let address = bytes.range(of: "href=\"", from: link.upperBound),
      let end = bytes[address.upperBound...].firstIndex(of: UInt8(ascii: "\""))
    else { return nil }
    return String(decoding: bytes[address.upperBound..<end], as: UTF8.self)
  }

  /// Where the element at the beginning of `bytes` ends; 0 if it does not end.
  private static func endOfMessage(in bytes: UnsafeRawBufferPointer) -> Int {
    var depth = 0
    var index = 0
    while let tag = bytes[index...].firstIndex(of: UInt8(ascii: "<")) {
      let rest = bytes[tag...]
      index = tag + 1
      if rest.starts(with: "<div".utf8) {
        depth += 1
      } else if rest.starts(with: "</div>".utf8) {
        depth -= 1
        if depth == 0 { return tag + 6 }
      }
    }
    return 0
  }
}
