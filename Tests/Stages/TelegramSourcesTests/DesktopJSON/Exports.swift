import PostFormat
import TelegramSources
import TestSupport

extension PostSource {
  /// Calls `body` with each post, and `progress` at every 256th and after the last.
  func forEachPost(
    progress: (SourceProgress) throws -> Void, _ body: (Post) throws -> Void
  ) throws -> SourceSummary {
    let posts = try open(progress: progress)
    var count = 0
    while let post = try posts.next() {
      try body(post)
      count += 1
      if count & 0xFF == 0 { try progress(posts.progress) }
    }
    try progress(posts.progress)
    return posts.summary
  }
}

/// What came out of an export.
struct Dump {
  var posts: [Post] = []
  var summary = SourceSummary()

  /// Reads the export whose `result.json` is `json`.
  init(_ json: String, chat: String? = nil, zone: String? = nil) throws {
    let folder = try TemporaryFolder()
    try self.init(path: folder.write(json, to: "result.json"), chat: chat, zone: zone)
  }

  init(path: String, chat: String? = nil, zone: String? = nil) throws {
    var options = SourceOptions()
    options.chat = chat
    options.zone = try zone.map { try LocalZone($0) }
    try self.init(path: path, options: options)
  }

  init(_ json: String, options: SourceOptions) throws {
    let folder = try TemporaryFolder()
    try self.init(path: folder.write(json, to: "result.json"), options: options)
  }

  init(path: String, options: SourceOptions) throws {
    let export = try DesktopExport(path: path, options: options)
    var posts: [Post] = []
    summary = try export.forEachPost(progress: { _ in }) { posts.append($0) }
    self.posts = posts
  }
}

/// The export of one channel with these messages.
func channel(_ messages: String) -> String {
  """
  {
   "name": "БУГУРТ-ТРЕД",
   "type": "public_channel",
   "id": 1032123,
   "messages": [\(messages)]
  }
  """
}

/// The post that a message with an id, a date and `members` becomes.
func post(_ members: String, options: SourceOptions = SourceOptions()) throws -> Post? {
  let comma = members.isEmpty ? "" : ", "
  let dump = try Dump(
    channel(#"{"id": 1, "type": "message", "date_unixtime": "100"\#(comma)\#(members)}"#),
    options: options)
  return dump.posts.first
}
