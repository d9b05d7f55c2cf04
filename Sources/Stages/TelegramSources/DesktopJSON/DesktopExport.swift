import FileSupport
import JSONSupport

/// A Telegram Desktop export in JSON, of one chat or of a whole account, read as a stream.
///
///     let posts = try DesktopExport(path: "ChatExport_2026-01-31").open { _ in }
///     while let post = try posts.next() { … }
///
/// The file is read once, or twice for a whole account, because the chat is chosen from a list of
/// all chats. Memory does not grow with the file, except for a few bytes for each gap in the ids.
public struct DesktopExport: PostSource {
  /// The path of the file.
  public let path: String
  /// The size of the file in bytes; `nil` for a pipe.
  public let size: Int?

  private let options: SourceOptions

  /// How to make a readable export, for error messages.
  static let howTo =
    "export the channel from Telegram Desktop: open it, choose 'Export chat history' in its menu, "
    + "and 'Machine-readable JSON' as the format"

  /// The deviations from JSON that Telegram Desktop writes, and halves of surrogate pairs, which
  /// occur in texts that bots or other programs have cut.
  static let leniency: JSONReader.Leniency = [.hexEscapes, .bareStrings, .loneSurrogates]

  /// The export at `path`: its `result.json`, compressed with gzip or not, or the folder that holds
  /// it.
  ///
  /// - Throws: `FileError` if there is no such file; `InputError` if the export is not in JSON.
  public init(path: String, options: SourceOptions = SourceOptions()) throws {
    self.path = try Self.locate(path)
    self.options = options
    size = try ExportFiles.size(of: self.path)
  }

  private static func locate(_ path: String) throws -> String {
    guard path != "-", Folder.exists(path) else { return path }
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    if let file = ExportFiles.jsonFile(in: folder) { return file }
    if HTMLChats.isHTML(path) {
      throw InputError(path, "this export is in HTML, expected one in JSON; \(howTo)")
    }
    throw InputError(path, try ExportFiles.problem(ofFolder: folder))
  }

  public func open(progress: (SourceProgress) throws -> Void) throws -> any PostStream {
    let messages = try DesktopMessages(path: path, size: size, options: options)
    if try messages.goToMessages(progress: progress) { return messages }
    let chats = messages.chats
    guard !chats.isEmpty || messages.isAccount && messages.cut == nil else {
      throw messages.cut
        ?? InputError(
          path,
          "this is JSON, but not an export of Telegram Desktop: it holds neither 'messages' (one "
            + "chat) nor 'chats' (a whole account); \(Self.howTo)")
    }
    let chosen = try chats.index(ofChosen: options.chat, in: path, howTo: Self.howTo)
    guard size != nil else {
      throw InputError(
        path, "the export of a whole account is read twice: give it as a file, not through a pipe")
    }
    return try DesktopMessages(
      path: path, size: size, options: options, chat: chats[chosen],
      messagesBefore: chats[..<chosen].reduce(0) { $0 + $1.messageCount }, cut: messages.cut,
      progress: progress)
  }
}
