import PostFormat

/// A source of the posts of a channel: an export, a file of posts, a web page, a server.
public protocol PostSource {
  /// Opens the source and goes to the first post of the channel.
  ///
  /// That may take a long time if a chat has to be found or pages are fetched; `progress` is called
  /// meanwhile.
  ///
  /// - Throws: `InputError`; `FileError`; ``SourceFault``; what `progress` throws.
  func open(progress: (SourceProgress) throws -> Void) throws -> any PostStream
}

/// The posts of an open source, read one at a time.
public protocol PostStream: AnyObject {
  /// Reads the next post; ids ascend. `nil` after the last.
  ///
  /// - Throws: `InputError`; `FileError`.
  func next() throws -> Post?

  /// The line of the post that was read last, with keys that are unknown here; `nil` if the post
  /// does not come from a file of posts, or differs from its line.
  var line: [UInt8]? { get }

  /// What has been found so far; complete after the last post.
  var summary: SourceSummary { get }

  /// How far the source has been read.
  var progress: SourceProgress { get }
}

extension PostStream {
  public var line: [UInt8]? { nil }
}

/// How far a source has been read.
public struct SourceProgress: Equatable, Sendable {
  /// How many posts have been read.
  public var posts: Int
  /// How many bytes of the source have been read, and how many it has; `nil` if its size is
  /// unknown.
  public var bytes: Int?
  /// The approximate number of posts; `nil` if it is unknown.
  public var expectedPosts: Int?
}

/// What is wanted from a source of any kind.
public struct SourceOptions: Equatable, Sendable {
  /// The chat, by name or id, where a source holds several.
  public var chat: String?
  /// The zone of dates that do not name one.
  public var zone: LocalZone?
  /// Whether the question and the options of a poll are appended to the text of its post.
  public var includesPolls = false
  /// Whether the posts before the cut are taken from an export that is cut off.
  public var salvages = false

  public init() {}
}

/// A poll as text: the question and below it the options, each after a dash.
///
///     Кто виноват?
///     – сосед
///     – кот
func pollText(question: String, options: [String]) -> String {
  ([question] + options.map { "– " + $0 }).joined(separator: "\n")
}
