import FileSupport
import TextSupport

/// Writes cleaned text; the file gets its name only when it is complete.
public final class CorpusWriter {
  /// Whether each post is a line, followed by a newline: contract 2 of `docs/formats.md`.
  ///
  /// Otherwise there is nothing between the posts, as the original recipe wrote them.
  public let isOnePostALine: Bool
  /// The number of bytes that were written, and of characters (Unicode scalars) in them.
  public private(set) var byteCount = 0
  public private(set) var characterCount = 0
  /// Called with what is written, as the file has it.
  public var onWrite: ((Span<UInt8>) -> Void)?
  private let file: OutputFile?

  /// Creates the file at `path`, and the folders above it if they are missing.
  ///
  /// The path `-` stands for standard output, which is written as the posts come; `nil` is a text
  /// that nobody wants.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public init(path: String?, isOnePostALine: Bool = true) throws {
    file = try path.map { try OutputFile(path: $0) }
    self.isOnePostALine = isOnePostALine
  }

  /// Appends `text`, any number of posts as the file has them: if each is a line, each with its
  /// newline.
  ///
  /// - Throws: `FileError`.
  public func write(posts text: Span<UInt8>) throws {
    precondition(!isOnePostALine || text.isEmpty || text[text.count - 1] == 0x0A)
    try text.withUnsafeBytes { try file?.write($0) }
    byteCount += text.count
    characterCount += text.scalarCount
    onWrite?(text)
  }

  /// Writes everything to the disk, but not the name yet; after this ``commit()`` hardly ever fails.
  ///
  /// - Throws: `FileError`.
  public func synchronize() throws {
    try file?.synchronize()
  }

  /// Writes everything to the disk and gives the file its name; returns whether that changed
  /// anything: an older file with the same bytes stays as it is.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  @discardableResult
  public func commit() throws -> Bool {
    try file?.commit() ?? true
  }
}
