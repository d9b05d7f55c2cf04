import FileSupport

/// Reads a file of posts (JSON lines, compressed with gzip or not) one post at a time:
/// section 1 of `docs/formats.md`.
///
///     let cursor = try PostCursor(path: "posts.jsonl")
///     while let post = try cursor.next() { … }
///
/// Unknown keys and empty lines are skipped. Only the longest line needs to fit in memory.
public final class PostCursor {
  /// The path of the file.
  public let path: String
  /// The most recently read post; `nil` before the first and after the last.
  public private(set) var post: Post?
  /// How many bytes of the file have been read, compressed if it is compressed; for progress.
  public var bytesConsumed: Int { lines.input.bytesConsumed }
  /// The size of the file in bytes, compressed if it is compressed; `nil` for a pipe.
  public var size: Int? { lines.input.size }
  /// How many posts so far had half of a surrogate pair in a text, which was replaced with U+FFFD.
  public private(set) var repairedCount = 0
  /// Whether ``post`` is one of them.
  public private(set) var isRepaired = false
  /// The line of ``post``, counted from 1.
  public private(set) var line = 0

  private var lines: LineReader
  private var parser: PostParser
  private var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  private var last: (id: Int, line: Int)?

  /// Opens the file `path`; `-` is standard input.
  ///
  /// - Throws: ``FileError``; ``InputError`` if a gzip stream is damaged.
  public init(path: String) throws {
    self.path = path
    lines = try LineReader(path: path)
    parser = PostParser(path: path)
  }

  /// Reads the next post, which becomes ``post``; `nil` at the end.
  ///
  /// - Throws: ``InputError`` with the line if it is not a post, or its id does not ascend;
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
        throw Self.orderError(path, (post.id, line), after: last)
      }
      last = (post.id, line)
      self.bytes = bytes
      self.post = post
      return post
    }
    return nil
  }

  /// Parses the line `bytes`; the first line may reveal that this is not a file of posts.
  private func parse(_ bytes: UnsafeRawBufferPointer) throws -> Post {
    do {
      return try parser.parse(bytes, line: line)
    } catch let error as InputError where last == nil {
      throw InputError(
        path, error.place, error.problem + PipelineFile.remedy(forFirstLine: bytes, in: path))
    }
  }

  /// The error for a post whose id is not greater than that of the previous post.
  package static func orderError(
    _ path: String, _ post: (id: Int, line: Int), after last: (id: Int, line: Int)
  ) -> InputError {
    InputError(
      path, .line(post.line),
      post.id == last.id
        ? "post \(post.id) is already on line \(last.line); ids must be unique"
        : "post \(post.id) follows post \(last.id) on line \(last.line); ids must ascend")
  }

  /// The line of ``post`` as it is in the file, including unknown keys but not its newline.
  public var lineBytes: [UInt8] {
    guard post != nil else { return [] }
    return Array(bytes.last == 0x0D ? bytes[..<(bytes.count - 1)] : bytes[...])
  }
}

/// Reads all posts of a file.
public enum PostReader {
  /// Calls `body` with each post of the file `path`, `-` for standard input, and its line.
  ///
  /// `progress` is called from time to time with the number of bytes of the file that have been
  /// read, compressed if it is compressed.
  ///
  /// - Throws: As ``PostCursor/next()``; what `progress` and `body` throw.
  public static func forEach(
    path: String, progress: (_ bytesConsumed: Int) throws -> Void = { _ in },
    _ body: (_ line: Int, _ post: Post) throws -> Void
  ) throws {
    let cursor = try PostCursor(path: path)
    var count = 0
    while let post = try cursor.next() {
      count += 1
      if count & 0xFF == 0 { try progress(cursor.bytesConsumed) }
      try body(cursor.line, post)
    }
    try progress(cursor.bytesConsumed)
  }
}
