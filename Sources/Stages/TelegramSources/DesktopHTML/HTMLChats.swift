import FileSupport

/// The pages of a chat in an HTML export.
struct HTMLChat {
  /// The folder that holds the pages.
  let folder: String
  /// The names of the pages that exist, in order.
  let pages: [String]
  /// The name of the first missing page, if there are pages after it.
  let missing: String?
  /// Whether the pages are named as Telegram Desktop names them.
  let isNumbered: Bool

  func path(_ page: String) -> String { folder == "." ? page : folder + "/" + page }

  /// The error that `page` is missing.
  func failure(missing page: String) -> InputError {
    InputError(path(page), "this page of the export is missing")
  }

  /// The pages in `folder`; `nil` if there are none.
  ///
  /// - Throws: `FileError`.
  init?(folder: String) throws {
    let numbers = try Folder.list(folder).compactMap(Self.number).sorted()
    guard !numbers.isEmpty else { return nil }
    let count = zip(numbers, 1...).prefix { $0 == $1 }.count
    (self.folder, pages, isNumbered) = (folder, numbers.map(Self.name), true)
    missing = count == numbers.count ? nil : Self.name(count + 1)
  }

  /// The only page `page` in `folder`.
  init(folder: String, page: String) {
    (self.folder, pages, isNumbered, missing) = (folder, [page], false, nil)
  }

  /// The name of a page that is missing before the one at `index`; `nil` if none is.
  func missing(before index: Int) -> String? {
    guard isNumbered, let number = Self.number(pages[index]) else { return nil }
    let previous = index > 0 ? Self.number(pages[index - 1]) ?? 0 : 0
    return number == previous + 1 ? nil : Self.name(previous + 1)
  }

  /// The name of the page with this number.
  private static func name(_ number: Int) -> String {
    number == 1 ? "messages.html" : "messages\(number).html"
  }

  /// The number of the page `name`, 1 for `messages.html`; `nil` if it is not a page of messages.
  static func number(_ name: String) -> Int? {
    guard name.hasPrefix("messages"), name.hasSuffix(".html") else { return nil }
    let digits = name.dropFirst("messages".count).dropLast(".html".count)
    if digits.isEmpty { return 1 }
    guard let number = Int(digits), number > 1, digits == String(number) else { return nil }
    return number
  }
}

/// What an HTML export holds: one chat, or those of an account.
enum HTMLChats {
  case one(HTMLChat)
  /// In the order of their folder numbers.
  case account([HTMLChat])

  /// How to make a readable export, for error messages.
  static let howTo =
    "export the channel from Telegram Desktop: open it and choose 'Export chat history' in its menu"

  /// What the export at `path` holds: a folder, or one of its pages, which stands for its folder.
  ///
  /// A page with another name stands for itself.
  ///
  /// - Throws: `FileError`; `InputError` if it is not an export.
  init(path: String) throws {
    var folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if !Folder.exists(folder) {
      let name = Folder.name(of: path)
      folder = Folder.parent(of: path)
      guard Folder.hasFile(path), HTMLChat.number(name) != nil || name == Self.accountPage else {
        self = .one(HTMLChat(folder: folder, page: name))
        return
      }
    }
    if let chat = try HTMLChat(folder: folder) {
      self = .one(chat)
      return
    }
    let chats = folder + "/chats"
    guard Folder.exists(chats) || Folder.hasFile(folder + "/" + Self.accountPage) else {
      throw InputError(
        folder,
        "expected the pages of an export of Telegram Desktop, messages.html (one chat) or "
          + "\(Self.accountPage) and the folder chats (a whole account); \(Self.howTo)")
    }
    let names = Folder.exists(chats) ? try Folder.list(chats) : []
    let numbered = names.compactMap { name in Self.number(name).map { (number: $0, name: name) } }
      .sorted { $0.number < $1.number }
    self = .account(try numbered.compactMap { try HTMLChat(folder: chats + "/" + $0.name) })
  }

  private static let accountPage = "export_results.html"

  /// The number of a folder such as `chat_01`; `nil` if it is not the folder of a chat.
  private static func number(_ name: String) -> Int? {
    name.hasPrefix("chat_") && Folder.name(of: name) == name ? Int(name.dropFirst(5)) : nil
  }

  /// Whether the file or folder `path` is an HTML export rather than a JSON export; a folder that
  /// holds both counts as JSON, which holds more.
  static func isHTML(_ path: String) -> Bool {
    if Folder.exists(path) {
      let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
      if ExportFiles.holdsJSON(folder) { return false }
      if Folder.hasFile(folder + "/" + accountPage) || Folder.exists(folder + "/chats") {
        return true
      }
      return (try? HTMLChat(folder: folder)) != nil
    }
    if path.hasSuffix(".html") || path.hasSuffix(".htm") { return true }
    guard Folder.hasFile(path), let page = try? HTMLPageHead.beginning(of: path) else {
      return false
    }
    return page.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }.first == UInt8(ascii: "<")
  }
}
