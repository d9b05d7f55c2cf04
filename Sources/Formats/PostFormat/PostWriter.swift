import FileSupport
import JSONSupport

/// Writes posts as JSON lines: section 1 of `docs/formats.md`.
///
/// The file appears under its name only with ``commit()``.
public final class PostWriter {
  /// How many posts were written.
  public private(set) var count = 0

  private let file: OutputFile
  private var lastID: Int?
  private var line: [UInt8] = []
  private let omitted: Set<PostField>

  /// Creates the file `path`, compressed with gzip if its name ends in `.gz`; `-` is standard
  /// output.
  ///
  /// The fields `omitted` are not written for any post.
  ///
  /// - Throws: ``OutputBusy`` if another process is writing it; ``FileError``.
  public init(path: String, omitting omitted: Set<PostField> = []) throws {
    file = try OutputFile(path: path, isPacked: path.hasSuffix(".gz"))
    self.omitted = omitted
  }

  /// Appends `post`, whose id must be greater than that of the last post.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the id does not ascend, or the year of a date does
  ///   not have four digits.
  public func write(_ post: Post) throws {
    try checkOrder(of: post.id)
    for date in [post.date, post.edited ?? post.date] where !DateText.range.contains(date) {
      throw InputError(
        file.path, .line(count + 1),
        "post \(post.id): \(date) s since 1970 is not in the years 0 to 9999")
    }
    line.removeAll(keepingCapacity: true)
    post.appendJSON(to: &line, omitting: omitted)
    try writeLine()
  }

  /// Appends `post` as it is in `source`, a line of another file without its newline, including
  /// unknown keys; the id must be greater than that of the last post.
  ///
  /// - Throws: ``FileError``; ``InputError`` if the id does not ascend.
  public func write(_ post: Post, asIn source: [UInt8]) throws {
    guard omitted.isEmpty else { return try write(post) }
    try checkOrder(of: post.id)
    line.removeAll(keepingCapacity: true)
    line.append(contentsOf: source)
    try writeLine()
  }

  private func checkOrder(of id: Int) throws {
    if let lastID, id <= lastID {
      throw InputError(
        file.path, .line(count + 1), "post \(id) follows post \(lastID); ids must ascend")
    }
    lastID = id
  }

  private func writeLine() throws {
    line.append(0x0A)
    try file.write(line)
    count += 1
  }

  /// Creates a folder for temporary files that are needed until the posts are written; the caller
  /// removes it.
  ///
  /// - Throws: ``FileError``.
  public func createTemporaryFolder() throws -> String {
    try file.createTemporaryFolder()
  }

  /// Writes the posts to disk, gives the file its name, and returns whether that changed anything:
  /// an existing file with the same bytes is left alone.
  ///
  /// - Throws: ``FileError``; then the file does not appear.
  @discardableResult
  public func commit() throws -> Bool {
    try file.commit()
  }
}
