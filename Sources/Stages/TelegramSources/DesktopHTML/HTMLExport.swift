import FileSupport
import Glibc
import PostFormat
import TextSupport

/// A Telegram Desktop export in HTML, of one chat or of one that is chosen from those of an account,
/// read page by page and message by message.
///
///     let export = try HTMLExport(path: "ChatExport_2021-06-16")
///     let summary = try export.forEachPost(progress: { _ in }) { post in … }
///
/// Pages tell less than JSON: neither edits, nor ids of chats, nor the languages of code.
public struct HTMLExport: PostSource {
  /// The path of the folder with the pages of the chat, or of the only page.
  public let path: String
  /// The size of all pages in bytes.
  public let size: Int

  private let options: SourceOptions
  private let chat: HTMLChat
  private let title: String
  /// The sizes of its pages in bytes.
  private let sizes: [Int]

  /// Whether the file or folder at `path` is an export in HTML rather than one in JSON.
  ///
  /// A folder that holds both counts as JSON, which tells more; a page of it still counts as HTML.
  public static func isHTMLExport(_ path: String) -> Bool { HTMLChats.isHTML(path) }

  /// The export at `path`: a folder with `messages.html`, `messages2.html` and so on, or that of a
  /// whole account with `chats/chat_01` and so on; or one of the pages, which stands for its folder.
  ///
  /// `options.chat` is the title of a chat, or the name of its folder in an account's.
  ///
  /// - Throws: `FileError`; `InputError` if there is no export, if several chats are in it and none
  ///   is chosen, or if pages are missing.
  public init(path: String, options: SourceOptions = SourceOptions()) throws {
    self.options = options
    let chat =
      switch try HTMLChats(path: path) {
      case .one(let chat): chat
      case .account(let chats): try Self.choose(options.chat, from: chats, in: path)
      }
    self.chat = chat
    if let missing = chat.missing, !options.salvages {
      let failure = Self.failure(missing: chat.path(missing))
      throw InputError(
        failure.path,
        "\(failure.problem); \(Self.remedy), or take the pages that are there (--salvage)")
    }
    let firstPage = chat.pages.first.map(chat.path) ?? path
    self.path = chat.isNumbered ? chat.folder : firstPage
    title = try HTMLPageHead(path: firstPage).title ?? Self.noTitle
    if let choice = options.chat, choice != title, choice != Folder.name(of: chat.folder) {
      throw InputError(
        path, "the export holds no chat '\(choice)' (pages tell no ids); it holds \(excerpt(title))"
      )
    }
    sizes = try chat.pages.map { try Self.size(of: chat.path($0)) }
    size = sizes.reduce(0, +)
  }

  private static let noTitle = "a chat without a name"

  private static func failure(missing page: String) -> InputError {
    InputError(page, "this page of the export is missing")
  }

  /// What to do where a part of an export is missing.
  private static let remedy = "copy the whole folder of the export, or export the chat again"

  private static func size(of path: String) throws(FileError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .open) }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
  }

  // MARK: - Several chats

  private static func choose(
    _ choice: String?, from chats: [HTMLChat], in path: String
  ) throws -> HTMLChat {
    guard !chats.isEmpty else {
      throw InputError(path, "the export holds no chats; \(HTMLChats.howTo)")
    }
    // A chat whose page is damaged must not stand in the way of another.
    let titled = chats.map { chat in
      let page = chat.pages.first.flatMap { try? HTMLPageHead(path: chat.path($0)) }
      return (chat: chat, title: page?.title ?? noTitle)
    }
    let matches = titled.filter { chat, title in
      choice.map { $0 == title || $0 == Folder.name(of: chat.folder) } ?? true
    }
    if matches.count == 1, let match = matches.first { return match.chat }
    let listed = lines(of: matches.isEmpty ? titled : matches)
    guard let choice else {
      throw InputError(
        path,
        "the export holds \(titled.count) chats; name one by its name or its folder (--chat):\n"
          + listed)
    }
    throw InputError(
      path,
      matches.isEmpty
        ? "the export holds no chat '\(choice)' (pages tell no ids); it holds:\n\(listed)"
        : "the export holds \(matches.count) chats '\(choice)'; name one by its folder:\n\(listed)")
  }

  /// The `chats` as lines, those with the most pages first.
  private static func lines(of chats: [(chat: HTMLChat, title: String)]) -> String {
    let shown = 40
    let sorted = chats.sorted { $0.chat.pages.count > $1.chat.pages.count }
    var lines = sorted.prefix(shown).map { chat, title in
      "  \(excerpt(title)) (\(Folder.name(of: chat.folder))): \(chat.pages.count) pages"
    }
    if chats.count > shown { lines.append("  and \(chats.count - shown) more") }
    return lines.joined(separator: "\n")
  }

  // MARK: - Reading

  /// What is wrong where the chat goes on behind its last page; `next` is the page that it names.
  private func missingPage(_ next: String?) -> InputError? {
    guard let next else { return nil }
    if chat.isNumbered {
      let isThere = HTMLChat.number(next) == nil || Folder.hasFile(chat.path(next))
      return isThere ? nil : Self.failure(missing: chat.path(next))
    }
    return InputError(
      path,
      "the chat goes on in \(next), but only pages under the names that Telegram Desktop gave them "
        + "are read one after another")
  }

  public func forEachPost(
    progress: (SourceProgress) throws -> Void, _ body: (Post) throws -> Void
  ) throws -> SourceSummary {
    var messages = HTMLMessages(options: options)
    var faults: [InputError] = []
    var bytesBefore = 0
    var nextPage: String?
    // Whether all that could be read stands before the only fault.
    var isAtEnd = false
    for (index, page) in chat.pages.enumerated() where faults.isEmpty || options.salvages {
      if let missing = chat.missing(before: index) {
        faults.append(Self.failure(missing: chat.path(missing)))
        messages.noteGap()
      }
      let report = { (posts: Int, bytes: Int) in
        try progress(SourceProgress(posts: posts, bytes: bytesBefore + bytes))
      }
      nextPage = nil
      switch try messages.readPage(chat.path(page), progress: report, body) {
      case .whole(let next): nextPage = next
      case .cut(let error):
        faults.append(error)
        isAtEnd =
          !options.salvages || faults.count == 1 && index == chat.pages.count - 1
        messages.noteGap()
      }
      bytesBefore += sizes[index]
    }
    if let fault = missingPage(nextPage) {
      isAtEnd = faults.isEmpty
      faults.append(fault)
    }
    if let fault = faults.first {
      let rest = faults.count > 1 ? " (the first of \(faults.count) such places)" : ""
      let problem =
        "\(fault.problem)\(rest); \(messages.summary.messages) messages could be read "
        + (isAtEnd ? "before" : "elsewhere")
      guard options.salvages else {
        let choice = messages.summary.messages == 0 ? "" : ", or take these messages (--salvage)"
        throw InputError(fault.path, fault.place, "\(problem); \(Self.remedy)\(choice)")
      }
      messages.summary.cut = InputError(fault.path, fault.place, problem).description
    }
    messages.summary.chat = title
    try progress(SourceProgress(posts: messages.summary.posts, bytes: size))
    return messages.summary
  }
}
