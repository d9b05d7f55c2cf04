import FileSupport
import Glibc

/// How the posts of a cleaned text stand in their file.
public enum CorpusLayout: Sendable {
  /// One post a line, each with a newline behind it: contract 2 of `docs/formats.md`.
  case onePostALine
  /// One post behind the other with nothing between them, as the original recipe wrote them.
  case unseparated
}

/// Writes cleaned text; the file takes its name only when it is whole.
public final class CorpusWriter {
  /// How the posts stand in the file.
  public let layout: CorpusLayout
  /// Is given what is written, as it stands in the file.
  public var onWrite: ((UnsafeRawBufferPointer) -> Void)?
  private let file: OutputFile?

  /// Creates the file at `path`, and the folders above it where they are missing.
  ///
  /// The path `-` stands for standard output, which is written as it comes.
  ///
  /// - Throws: `OutputBusy` if another process is writing it; `FileError`.
  public init(path: String, layout: CorpusLayout = .onePostALine) throws {
    file = try OutputFile(path: path)
    self.layout = layout
  }

  /// A writer of a text that nobody wants.
  public init(discarding layout: CorpusLayout) {
    file = nil
    self.layout = layout
  }

  /// Appends a post, which must be UTF-8; in lines it must be one line, and not an empty one.
  ///
  /// - Throws: `FileError`.
  public func write(_ post: UnsafeRawBufferPointer) throws {
    switch layout {
    case .unseparated: try write(posts: post)
    case .onePostALine:
      guard let base = post.baseAddress, memchr(base, 0x0A, post.count) == nil, !post.isEmpty else {
        preconditionFailure("a post of a cleaned text is one line, and not an empty one")
      }
      try file?.write(post)
      try file?.write([0x0A])
      onWrite?(post)
      [0x0A].withUnsafeBytes { onWrite?($0) }
    }
  }

  /// Appends `text`, which is any number of posts as they stand in the file, each with its newline
  /// where each is a line.
  ///
  /// - Throws: `FileError`.
  public func write(posts text: UnsafeRawBufferPointer) throws {
    precondition(layout == .unseparated || text.isEmpty || text.last == 0x0A)
    try file?.write(text)
    onWrite?(text)
  }

  /// Brings everything to the disk, without the name as yet; after this ``commit()`` hardly fails.
  ///
  /// - Throws: `FileError`.
  public func synchronize() throws {
    try file?.synchronize()
  }

  /// Brings everything to the disk and gives the file its name, and returns whether that changed
  /// anything: an older file with the same bytes stays as it is.
  ///
  /// - Throws: `FileError`; the file then does not appear.
  @discardableResult
  public func commit() throws -> Bool {
    try file?.commit() ?? true
  }
}
