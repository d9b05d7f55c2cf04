import FileSupport
import Glibc
import JSONSupport
import PostFormat

/// A Telegram Desktop export in JSON, of one chat or of a whole account, read as a stream.
///
///     let export = try DesktopExport(path: "ChatExport_2026-01-31")
///     let summary = try export.forEachPost(progress: { _ in }) { post in … }
///
/// The file is read once; that of a whole account twice, because the chat is chosen from a list of
/// all. The memory does not grow with the file, but for a few bytes for each gap in the ids.
public struct DesktopExport: PostSource {
  /// The path of the file.
  public let path: String
  /// The size of the file in bytes; `nil` for a pipe.
  public let size: Int?

  let options: SourceOptions

  /// How to make an export that can be read, for errors.
  static let howTo =
    "export the channel from Telegram Desktop: open it, choose 'Export chat history' in its menu, "
    + "and 'Machine-readable JSON' as the format"

  /// The export at `path`: its `result.json`, packed with gzip or not, or the folder that holds it.
  ///
  /// - Throws: `FileError` if there is no such file; `InputError` if the export is not in JSON.
  public init(path: String, options: SourceOptions = SourceOptions()) throws {
    self.path = try Self.locate(path)
    self.options = options
    size = try Self.size(of: self.path)
  }

  /// The size of the file `path`, which is not opened: a pipe can be read only once.
  private static func size(of path: String) throws(FileError) -> Int? {
    guard path != "-" else { return nil }
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .open) }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  private static func locate(_ path: String) throws -> String {
    guard path != "-", Folder.exists(path) else { return path }
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    for name in ["result.json", "result.json.gz"] where Folder.hasFile(folder + "/" + name) {
      return folder + "/" + name
    }
    if HTMLChats.isHTML(path) {
      throw InputError(path, "this export is in HTML, expected one in JSON; \(howTo)")
    }
    throw InputError(path, ExportFolder.problem(of: folder))
  }

  public func forEachPost(
    progress: (SourceProgress) throws -> Void, _ body: (Post) throws -> Void
  ) throws -> SourceSummary {
    var messages = DesktopMessages(path: path, options: options)
    var contents = Contents()
    var cut = try reading(&messages) { reader, input, messages in
      try reader.object(DesktopChat.keys) { reader, key in
        switch key {
        case .messages:
          if contents.chat.name != nil || contents.chat.id != nil { try check(contents.chat) }
          contents.hasMessages = true
          try messages.read(&reader, input, share: .whole, progress: progress, body)
        case .chats, .leftChats:
          contents.isAccount = true
          try Self.list(&reader, into: &contents.chats) {
            messages.passOver()
            if messages.passedOver & 0x3FF == 0 {
              try progress(SourceProgress(posts: 0, bytes: Share.firstHalf.done(input)))
            }
          }
        default: try contents.chat.read(key, &reader)
        }
      }
      try reader.finish()
    }
    var summary: SourceSummary
    if contents.hasMessages {
      try check(contents.chat)
      summary = messages.summary
      summary.chat = contents.chat.title
    } else if !contents.chats.isEmpty || contents.isAccount && cut == nil {
      (summary, cut) = try readChosen(of: contents.chats, cut: cut, progress: progress, body)
    } else {
      throw cut
        ?? InputError(
          path,
          "this is JSON, but not an export of Telegram Desktop: it holds neither 'messages' (one "
            + "chat) nor 'chats' (a whole account); \(Self.howTo)")
    }
    summary.cut = cut?.description
    try progress(SourceProgress(posts: summary.posts, bytes: size))
    return summary
  }

  /// What the outermost object holds.
  private struct Contents {
    var chat = DesktopChat()
    var hasMessages = false
    var isAccount = false
    var chats: [DesktopChat] = []
  }

  /// The deviations from JSON that Telegram Desktop writes, and halves of surrogate pairs, which come
  /// with texts that bots or other programs cut.
  static let leniency: JSONReader.Leniency = [.hexEscapes, .bareStrings, .loneSurrogates]

  /// Opens the file for `body`, and tells in errors what was read before.
  ///
  /// Returns where the file is cut off, if it is and that is no error.
  private func reading(
    _ messages: inout DesktopMessages,
    _ body: (inout JSONReader, InputFile, inout DesktopMessages) throws -> Void
  ) throws -> InputError? {
    let input = try InputFile(path: path, as: .bytes)
    var reader = JSONReader(input, leniency: Self.leniency)
    try expectObject(&reader)
    do {
      try body(&reader, input, &messages)
      return nil
    } catch let error as InputError where reader.isCutOff {
      let count = messages.summary.messages + messages.passedOver
      let problem = error.problem + "; \(count) messages could be read before"
      if options.salvages { return InputError(error.path, error.place, problem) }
      throw InputError(
        error.path, error.place,
        problem + "; the export was interrupted: export the chat again"
          + (count == 0 ? "" : ", or take these messages (--salvage)"))
    } catch let error as InputError {
      guard let string = reader.invalidString else { throw error }
      throw InputError(
        error.path, error.place,
        error.problem + DesktopEncoding.remedy(for: string, in: path))
    }
  }

  /// Checks that the text can be an export by how it begins.
  private func expectObject(_ reader: inout JSONReader) throws {
    let beginning = try reader.bytesAhead(ForeignContent.length)
    if let problem = FileSignature.problem(of: beginning, in: path, howTo: Self.howTo) {
      throw InputError(path, problem)
    }
    if let problem = DesktopEncoding.problem(of: beginning, in: path) {
      throw InputError(path, .byte(0), problem)
    }
    try reader.skipByteOrderMark()
    let isObject: Bool
    do {
      isObject = try reader.peek() == .object
    } catch is InputError {
      isObject = false
    }
    guard isObject else {
      throw InputError(
        path, .byte(reader.byteOffset),
        "expected the '{' that an export of Telegram Desktop begins with; \(Self.howTo)")
    }
  }

  // MARK: - Several chats

  /// Reads the chats of a `chats` or `left_chats` of an account, and calls `passOver` for each of
  /// their messages.
  private static func list(
    _ reader: inout JSONReader, into chats: inout [DesktopChat], passOver: () throws -> Void
  ) throws {
    try forEachChat(&reader) { reader in
      var chat = DesktopChat()
      // Also of a chat in which the file is cut off it is known what came before.
      defer { chats.append(chat) }
      try reader.object(DesktopChat.keys) { reader, key in
        guard key == .messages else { return try chat.read(key, &reader) }
        try reader.array { reader in
          try reader.skip()
          chat.messageCount += 1
          try passOver()
        }
      }
    }
  }

  /// Calls `body` before each element of the `list` in a `chats` or `left_chats`.
  private static func forEachChat(
    _ reader: inout JSONReader, _ body: (inout JSONReader) throws -> Void
  ) throws {
    try reader.object(DesktopChat.keys) { reader, key in
      if key == .list { try reader.array(body) } else { try reader.skip() }
    }
  }

  /// Reads the posts of the chat that is asked for; the file is cut off at `cut`, if it is.
  private func readChosen(
    of chats: [DesktopChat], cut: InputError?, progress: (SourceProgress) throws -> Void,
    _ body: (Post) throws -> Void
  ) throws -> (SourceSummary, cut: InputError?) {
    let chosen = try choose(from: chats)
    guard size != nil else {
      throw InputError(
        path, "the export of a whole account is read twice: give it as a file, not through a pipe")
    }
    var messages = DesktopMessages(path: path, options: options)
    var index = -1
    let chosenCut = try reading(&messages) { reader, input, messages in
      try reader.object(DesktopChat.keys) { reader, key in
        guard key == .chats || key == .leftChats else { return try reader.skip() }
        try Self.forEachChat(&reader) { reader in
          index += 1
          try reader.object(DesktopChat.keys) { reader, key in
            guard key == .messages else { return try reader.skip() }
            if index == chosen {
              return try messages.read(
                &reader, input, share: .secondHalf, progress: progress, body)
            }
            try reader.array { reader in
              try reader.skip()
              messages.passOver()
              if messages.passedOver & 0x3FF == 0 {
                try progress(
                  SourceProgress(
                    posts: messages.summary.posts, bytes: Share.secondHalf.done(input)))
              }
            }
          }
        }
      }
    }
    messages.summary.chat = chats[chosen].title
    return (messages.summary, chosenCut ?? cut)
  }

  private func choose(from chats: [DesktopChat]) throws -> Int {
    guard !chats.isEmpty else {
      throw InputError(path, "the export holds no chats; \(Self.howTo)")
    }
    let matches = chats.indices.filter { index in options.chat.map(chats[index].isChosen) ?? true }
    if matches.count == 1, let match = matches.first { return match }
    let listed = DesktopChat.lines(of: matches.isEmpty ? chats : matches.map { chats[$0] })
    guard let chat = options.chat else {
      throw InputError(
        path,
        "the export holds \(chats.count) chats; name one by its id or name (--chat):\n\(listed)")
    }
    throw InputError(
      path,
      matches.isEmpty
        ? "the export holds no chat '\(chat)'; it holds:\n\(listed)"
        : "the export holds \(matches.count) chats '\(chat)'; name one by its id:\n\(listed)")
  }

  /// Checks that the only `found` chat is the one that is asked for.
  private func check(_ found: DesktopChat) throws {
    guard let chat = options.chat, !found.isChosen(by: chat) else { return }
    throw InputError(path, "the export holds no chat '\(chat)'; it holds \(found.title)")
  }
}
