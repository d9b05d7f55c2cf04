import FileSupport
import JSONSupport
import PostFormat

/// Which part of the whole work the reading of a file is; that of an account is read twice.
enum Share {
  case whole, firstHalf, secondHalf

  /// The share of `input` that is done, in bytes; `nil` for a pipe.
  func done(_ input: InputFile) -> Int? {
    guard let size = input.size else { return nil }
    return switch self {
    case .whole: input.bytesConsumed
    case .firstHalf: input.bytesConsumed / 2
    case .secondHalf: (size + input.bytesConsumed) / 2
    }
  }
}

/// The `messages` of a chat: makes posts of those that are some, and counts the others.
struct DesktopMessages: ~Copyable {
  let path: String

  /// How many messages of other chats were passed over.
  private(set) var passedOver = 0
  private var message: DesktopMessage
  private var counter = MessageCounter()

  var summary: SourceSummary {
    get { counter.summary }
    set { counter.summary = newValue }
  }

  init(path: String, options: SourceOptions) {
    self.path = path
    message = DesktopMessage(path: path, options: options)
  }

  /// Counts a message of another chat.
  mutating func passOver() {
    passedOver += 1
  }

  /// Reads an array of messages.
  mutating func read(
    _ reader: inout JSONReader, _ input: InputFile, share: Share,
    progress: (SourceProgress) throws -> Void, _ body: (Post) throws -> Void
  ) throws {
    var count = 0
    try reader.array { reader in
      count += 1
      if count & 0xFF == 0 {
        try progress(SourceProgress(posts: summary.posts, bytes: share.done(input)))
      }
      try message.read(&reader)
      if let post = try takeMessage() { try body(post) }
    }
  }

  /// Counts the message that was read, and returns it if it is a post.
  private mutating func takeMessage() throws -> Post? {
    guard try counter.isNew(message.id, at: .byte(message.byteOffset), of: path) else { return nil }
    switch message.kind {
    case .service:
      summary.service += 1
      return nil
    case .unsupported:
      summary.unsupported += 1
      return nil
    case .unknown, .message: break
    }
    guard let post = try message.makePost() else {
      summary.incomplete += 1
      return nil
    }
    counter.count(post)
    summary.richMessages.count(message.unknownKinds, isPartial: message.isPartial)
    if message.isRepaired { summary.repaired += 1 }
    if message.isZoneless { summary.zoneless += 1 }
    if message.kind == .unknown { summary.unknownTypes += 1 }
    return post
  }
}
