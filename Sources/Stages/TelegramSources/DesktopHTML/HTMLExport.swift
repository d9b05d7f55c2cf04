import FileSupport
import PostFormat
import TextSupport

/// A Telegram Desktop export in HTML, of a single chat or of one chosen from those of an account,
/// read page by page and message by message.
///
///     let posts = try HTMLExport(path: "ChatExport_2021-06-16").open { _ in }
///     while let post = try posts.next() { … }
///
/// Pages hold less than JSON: no edits, no ids of chats, no languages of code.
public struct HTMLExport: PostSource {
  /// The path of the folder with the pages of the chat, or of the only page.
  public let path: String
  /// The paths of all pages.
  public var pagePaths: [String] { chat.pages.map(chat.path) }
  /// The size of all pages in bytes.
  public var size: Int { sizes.reduce(0, +) }

  private let options: SourceOptions
  private let chat: HTMLChat
  private let title: String
  /// The sizes of the pages in bytes.
  private let sizes: [Int]

  /// Whether the file or folder at `path` is an HTML export rather than a JSON export.
  ///
  /// A folder that holds both counts as JSON, which holds more; a page of it still counts as HTML.
  public static func isHTMLExport(_ path: String) -> Bool { HTMLChats.isHTML(path) }

  /// The export at `path`: a folder with `messages.html`, `messages2.html` and so on, or that of a
  /// whole account with `chats/chat_01` and so on; or one of the pages, which stands for its folder.
  ///
  /// `options.chat` is the title of a chat, or the name of its folder in the export of an account.
  ///
  /// - Throws: `FileError`; `InputError` if there is no export, if it holds several chats and none
  ///   is chosen, or if pages are missing.
  public init(path: String, options: SourceOptions = SourceOptions()) throws {
    self.options = options
    let chat =
      switch try HTMLChats(path: path) {
      case .one(let chat): chat
      case .account(let chats):
        // A chat with a damaged page must not prevent another from being read.
        try chats[
          chats.map(TitledChat.init).index(ofChosen: options.chat, in: path, howTo: HTMLChats.howTo)
        ]
      }
    self.chat = chat
    if let missing = chat.missing, !options.salvages {
      let failure = chat.failure(missing: missing)
      throw InputError(
        failure.path,
        "\(failure.problem); \(HTMLMessages.remedy), or take the pages that are there (--salvage)")
    }
    let firstPage = chat.pages.first.map(chat.path) ?? path
    self.path = chat.isNumbered ? chat.folder : firstPage
    title = try HTMLPageHead(path: firstPage).title ?? HTMLPageHead.noTitle
    if let choice = options.chat, choice != title, choice != Folder.name(of: chat.folder) {
      throw InputError(
        path, "the export holds no chat '\(choice)' (pages have no ids); it holds \(excerpt(title))"
      )
    }
    sizes = try chat.pages.map { try ExportFiles.size(of: chat.path($0)) ?? 0 }
  }

  /// A chat of an account export, with the title by which it is chosen.
  private struct TitledChat: ExportChat {
    static let names = (all: "name or folder (pages have no ids)", unique: "folder")

    let name: String
    let folder: String
    let size: (count: Int, unit: String)

    init(_ chat: HTMLChat) {
      let page = chat.pages.first.flatMap { try? HTMLPageHead(path: chat.path($0)) }
      name = page?.title ?? HTMLPageHead.noTitle
      folder = Folder.name(of: chat.folder)
      size = (chat.pages.count, "pages")
    }

    var title: String { "\(excerpt(name)) (\(folder))" }

    func isNamed(_ choice: String) -> Bool { choice == name || choice == folder }
  }

  public func open(progress: (SourceProgress) throws -> Void) -> any PostStream {
    HTMLMessages(chat, title: title, sizes: sizes, options: options)
  }
}
