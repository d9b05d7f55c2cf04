import FileSupport
import JSONSupport
import PostFormat

/// The messages of a chat in a JSON export, of which those that are posts are returned.
final class DesktopMessages: PostStream {
  /// The chats of the export, if it is that of a whole account.
  private(set) var chats: [DesktopChat] = []
  /// Whether the export is that of a whole account.
  private(set) var isAccount = false
  /// Where the file is cut off, if the messages before that are wanted.
  private(set) var cut: InputError?

  private let path: String
  private let size: Int?
  private let options: SourceOptions
  private let input: InputFile
  private var reader: JSONReader
  private var message: DesktopMessage
  private var counter = MessageCounter()
  private var chat = DesktopChat()

  private var isInObject = false
  private var isInMessages = false
  private var isAtEnd = false
  /// How many messages were counted while the chats were listed.
  private var messagesBefore = 0
  /// How many times the file is read, and how many times it has already been read.
  private var passes = (all: 1, before: 0)

  /// Opens the export at `path`, to be read from its beginning.
  ///
  /// - Throws: `FileError`; `InputError` if the file is evidently something else.
  init(path: String, size: Int?, options: SourceOptions) throws {
    (self.path, self.size, self.options) = (path, size, options)
    input = try InputFile(path: path, as: .bytes)
    reader = JSONReader(input, leniency: DesktopExport.leniency)
    message = DesktopMessage(path: path, options: options)
    try expectObject()
  }

  /// Opens an account export again, to read the messages of `chat`.
  convenience init(
    path: String, size: Int?, options: SourceOptions, chat: DesktopChat, messagesBefore: Int,
    cut: InputError?, progress: (SourceProgress) throws -> Void
  ) throws {
    try self.init(path: path, size: size, options: options)
    (self.chat, self.messagesBefore, self.cut) = (chat, messagesBefore, cut)
    (isAccount, passes) = (true, (2, 1))
    guard let offset = chat.messagesOffset else {
      isAtEnd = true
      return
    }
    while reader.byteOffset < offset {
      try reader.skipBytes(upTo: min(offset, reader.byteOffset + 1 << 24))
      try progress(self.progress)
    }
  }

  /// Checks that the file begins as an export does.
  private func expectObject() throws {
    let beginning = try reader.bytesAhead(ForeignContent.length)
    if let problem = ExportFiles.problem(
      ofBeginning: beginning, in: path, howTo: DesktopExport.howTo)
    {
      throw InputError(path, problem)
    }
    try reader.skipByteOrderMark()
    var isObject = false
    do { isObject = try reader.peek() == .object } catch is InputError {}
    guard isObject else {
      throw InputError(
        path, .byte(reader.byteOffset),
        "expected the '{' that an export in JSON begins with"
          + (path == "-" ? ", the only source that is read from standard input" : "")
          + "; \(DesktopExport.howTo)")
    }
  }

  // MARK: - Posts

  func next() throws -> Post? {
    while !isAtEnd {
      do {
        if try isInMessages ? reader.nextElement() : reader.openArray() {
          isInMessages = true
          try message.read(&reader)
          let offset = message.byteOffset
          if let post = try counter.post(of: &message, at: offset, of: path) { return post }
        } else {
          isInMessages = false
          // What follows the chosen chat of an account was checked when the chats were listed.
          isAtEnd = try isAccount || !findMessages { _ in }
        }
      } catch let error as InputError {
        try end(at: error)
      }
      if isAtEnd, !isAccount { try checkChoice() }
    }
    return nil
  }

  var summary: SourceSummary {
    var summary = counter.summary
    summary.chat = chat.title
    summary.cut = cut?.description
    return summary
  }

  var progress: SourceProgress {
    let bytes = size.map {
      isAtEnd ? $0 : (passes.before * $0 + input.bytesConsumed) / passes.all
    }
    return SourceProgress(posts: counter.summary.posts, bytes: bytes)
  }

  /// Ends at the cut that `error` reports, if the messages before it are wanted.
  ///
  /// - Throws: `error`, with the remedy, if they are not, or if the file is damaged in another way.
  private func end(at error: InputError) throws {
    guard reader.isCutOff else {
      guard reader.invalidString != nil else { throw error }
      let remedy = reader.encodingRemedy
      throw InputError(
        error.path, error.place,
        error.problem + (remedy.isEmpty ? "; export the chat again" : remedy))
    }
    let count = counter.summary.messages + messagesBefore
    let problem = error.problem + "; \(count) messages could be read before"
    guard options.salvages else {
      throw InputError(
        error.path, error.place,
        problem + "; the export was interrupted: export the chat again"
          + (count == 0 ? "" : ", or take these messages (--salvage)"))
    }
    cut = InputError(error.path, error.place, problem)
    isAtEnd = true
  }

  // MARK: - The outermost object

  /// Goes to the messages of the only chat of the export.
  ///
  /// Returns `false` if there are none; if the export is that of an account, its ``chats`` are then
  /// known.
  ///
  /// - Throws: `InputError`; `FileError`; what `progress` throws.
  func goToMessages(progress: (SourceProgress) throws -> Void) throws -> Bool {
    do {
      return try findMessages(progress: progress)
    } catch let error as InputError {
      try end(at: error)
      return false
    }
  }

  /// Reads the members of the outermost object up to `messages`; `false` at the end of the object.
  private func findMessages(progress: (SourceProgress) throws -> Void) throws -> Bool {
    while try isInObject ? reader.nextMember() : reader.openObject() {
      isInObject = true
      let key = try reader.key(of: DesktopChat.keys)
      switch key {
      case .messages:
        if chat.name != nil || chat.id != nil { try checkChoice() }
        return true
      case .chats, .leftChats:
        (isAccount, passes) = (true, (2, 0))
        try listChats(progress: progress)
      default: try chat.read(key, &reader)
      }
    }
    try reader.finish()
    return false
  }

  /// Checks that the only chat is the one asked for.
  private func checkChoice() throws {
    guard let choice = options.chat, !chat.isNamed(choice) else { return }
    throw InputError(path, "the export holds no chat '\(choice)'; it holds \(chat.title)")
  }

  /// Reads `chats` or `left_chats` of an account.
  private func listChats(progress: (SourceProgress) throws -> Void) throws {
    try reader.object(DesktopChat.keys) { reader, key in
      guard key == .list else { return try reader.skip() }
      try reader.array { reader in
        var chat = DesktopChat()
        // If the file is cut off in this chat, what came before is still known.
        defer { chats.append(chat) }
        try reader.object(DesktopChat.keys) { reader, key in
          guard key == .messages else { return try chat.read(key, &reader) }
          _ = try reader.peek()
          chat.messagesOffset = reader.byteOffset
          try reader.array { reader in
            try reader.skip()
            chat.messageCount += 1
            messagesBefore += 1
            if messagesBefore & 0x3FF == 0 { try progress(self.progress) }
          }
        }
      }
    }
  }
}
