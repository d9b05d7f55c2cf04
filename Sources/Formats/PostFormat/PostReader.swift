import FileSupport

/// Reads posts from JSON lines, packed with gzip or not: contract 1 of `docs/formats.md`.
///
///     try PostReader.forEach(path: "posts.jsonl") { line, post in … }
///
/// The memory is that for the longest line, however long the file.
public enum PostReader {
  /// Calls `body` with each post of the file `path`, `-` for standard input, and its line.
  ///
  /// `progress` is given now and then how many bytes of the file, as it lies on the disk, were read.
  /// Unknown keys and empty lines are passed over.
  ///
  /// - Throws: ``InputError`` with the line of what is not a post, and where ids do not ascend;
  ///   ``FileError``; what `progress` and `body` throw.
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
