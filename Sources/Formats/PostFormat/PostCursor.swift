import FileSupport

/// A place in a file of posts: reads one post after another when it is asked to.
///
///     let cursor = try PostCursor(path: "posts.jsonl")
///     while let post = try cursor.next() { … }
///
/// The memory is that for the longest line, however long the file.
public final class PostCursor {
  /// The path of the file.
  public let path: String
  /// The post that was read last; `nil` before the first and behind the last.
  public private(set) var post: Post?
  /// How many bytes of the file, as it lies on the disk, were read; for progress.
  public var bytesConsumed: Int { lines.input.bytesConsumed }
  /// The size of the file in bytes, packed if it is packed; `nil` for a pipe.
  public var size: Int? { lines.input.size }
  /// How many posts so far had half of a surrogate pair in a text, which was replaced by U+FFFD.
  public private(set) var repairedCount = 0
  /// Whether ``post`` is one of them.
  public private(set) var isRepaired = false
  /// The line of ``post``, from 1.
  public private(set) var line = 0

  private var lines: LineReader
  private var parser: PostParser
  private var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  private var last: (id: Int, line: Int)?

  /// Opens the file `path`, packed with gzip or not; `-` is standard input.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(path: String) throws {
    self.path = path
    lines = try LineReader(path: path)
    parser = PostParser(path: path)
  }

  /// Reads the next post, which becomes ``post``; `nil` at the end.
  ///
  /// - Throws: ``InputError`` with the line of what is not a post, and where ids do not ascend;
  ///   ``FileError``.
  @discardableResult
  public func next() throws -> Post? {
    post = nil
    while let bytes = try lines.next() {
      if PostParser.isBlank(bytes) { continue }
      line = lines.lineNumber
      let replacedBefore = parser.replacedSurrogates
      let post = try parse(bytes)
      isRepaired = parser.replacedSurrogates > replacedBefore
      if isRepaired { repairedCount += 1 }
      if let last, post.id <= last.id {
        throw Self.orderError(path, (post.id, line), behind: last)
      }
      last = (post.id, line)
      self.bytes = bytes
      self.post = post
      return post
    }
    return nil
  }

  /// Makes a post of the line `bytes`; the first one may show that this is no file of posts.
  private func parse(_ bytes: UnsafeRawBufferPointer) throws -> Post {
    do {
      return try parser.parse(bytes, line: line)
    } catch let error as InputError where last == nil {
      throw InputError(
        path, error.place, error.problem + PipelineFile.remedy(forFirstLine: bytes, in: path))
    }
  }

  /// The error of a post whose id is not above that of the one before.
  package static func orderError(
    _ path: String, _ post: (id: Int, line: Int), behind last: (id: Int, line: Int)
  ) -> InputError {
    InputError(
      path, .line(post.line),
      post.id == last.id
        ? "post \(post.id) stands already in line \(last.line); ids must be unique"
        : "post \(post.id) follows post \(last.id) of line \(last.line); ids must ascend")
  }

  /// The line of ``post`` as it stands in the file, keys that are not known here with it, without its
  /// newline.
  public var lineBytes: [UInt8] {
    guard post != nil else { return [] }
    return Array(bytes.last == 0x0D ? bytes[..<(bytes.count - 1)] : bytes[...])
  }
}
