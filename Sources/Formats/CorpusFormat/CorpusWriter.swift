import FileSupport
import TextSupport

/// Writes cleaned text; the file gets its name only when it is complete.
public final class CorpusWriter {
  /// Whether each post is on its own line, followed by a newline: section 2 of `docs/formats.md`.
  ///
  /// Otherwise there is nothing between the posts, as the original recipe wrote them.
  public let isOnePostALine: Bool
  /// The number of bytes written, and of characters (Unicode scalars) in them.
  public private(set) var byteCount = 0
  public private(set) var characterCount = 0
  /// Called with everything that is written, exactly as it is in the file.
  public var onWrite: ((Span<UInt8>) -> Void)?
  private let file: OutputFile?

  /// Creates the file at `path`, and the folders above it if they are missing.
  ///
  /// The path `-` stands for standard output, to which posts are written as they arrive; `nil`
  /// means that the text is discarded.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public init(path: String?, isOnePostALine: Bool = true) throws {
    file = try path.map { try OutputFile(path: $0) }
    self.isOnePostALine = isOnePostALine
  }

  /// Appends `text`, any number of posts as they appear in the file: if each is on its own line,
  /// each with its newline.
  ///
  /// - Throws: `FileError`.
  public func write(posts text: Span<UInt8>) throws {
    precondition(!isOnePostALine || text.isEmpty || text[text.count - 1] == 0x0A)
    try text.withUnsafeBytes { try file?.write($0) }
    byteCount += text.count
    characterCount += text.scalarCount
    onWrite?(text)
  }

  /// Writes everything to disk, but does not rename the file yet; after this, ``commit()`` hardly
  /// ever fails.
  ///
  /// - Throws: `FileError`.
  public func synchronize() throws {
    try file?.synchronize()
  }

  /// Writes everything to disk, gives the file its name, and returns whether that changed anything:
  /// an existing file with the same bytes is left alone.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  @discardableResult
  public func commit() throws -> Bool {
    try file?.commit() ?? true
  }
}
